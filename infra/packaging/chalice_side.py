"""Has Chalice package a clean copy of what is deployed, and nothing that happens to lie about.

Chalice is the one that knows routes and handlers. It is given the template of infra/aws to merge into its own, and no
dependencies: those are put beside what it packed (bundle.py).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.packaging.dependencies import ROOT
from infra.packaging.refusal import CannotPackage

_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"
_UNWANTED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "deployed", "deployments")


def packed(template: Mapping[str, Any], scratch: Path) -> tuple[Path, dict[str, Any]]:
    """Chalice's zip and its merged template."""
    project, out = scratch / "project", scratch / "chalice"
    shutil.copytree(ROOT / "chalicelib", project / "chalicelib", ignore=_UNWANTED)
    shutil.copytree(ROOT / ".chalice", project / ".chalice", ignore=_UNWANTED)
    shutil.copy(ROOT / "app.py", project)
    (project / "requirements.txt").write_text("")
    merge = scratch / "merge.json"
    merge.write_text(json.dumps(template))
    done = subprocess.run(
        [sys.executable, "-c", _CHALICE, "package", "--merge-template", str(merge), str(out)],
        cwd=project,
        # Chalice wants a region although it calls nobody.
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotPackage(f"Chalice could not package it: {done.stderr.strip()[-800:]}")
    sam: dict[str, Any] = json.loads((out / "sam.json").read_text())
    return out / "deployment.zip", sam
