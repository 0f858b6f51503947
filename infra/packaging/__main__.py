"""`python -m infra.packaging [FOLDER]`: writes the zip and the template, into build/ unless told otherwise."""

import sys
from pathlib import Path

from infra.packaging.build import build
from infra.packaging.dependencies import ROOT
from infra.packaging.refusal import CannotPackage


def main() -> int:
    into = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build"
    try:
        made = build(into)
    except CannotPackage as error:
        print(error, file=sys.stderr)
        return 1
    for line in made.lines():
        print(line)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
