"""`python -m infra.local.demo`: what `make demo` runs."""

import sys

from infra.local.demo import main
from infra.local.endpoints import CannotStart

if __name__ == "__main__":
    try:
        code = main()
    except CannotStart as error:
        print(error, file=sys.stderr)
        code = 1
    raise SystemExit(code)
