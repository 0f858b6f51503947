"""Compiles what goes into the zip: Lambda's folder is read-only, so whatever is not compiled is compiled at every start.

Nobody checks the hashes of compiled modules at run time. Ours keep their sources beside them: a traceback shows its
lines. Other people's modules go without sources and without docstrings, which nothing reads: a third of the zip.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.packaging.refusal import CannotPackage

_WITH_SOURCES: Final = """
import compileall, py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
# The path in a traceback is Lambda's, never this machine's.
done = compileall.compile_dir(
    sys.argv[1], maxlevels=64, quiet=2, workers=1, invalidation_mode=mode,
    stripdir=sys.argv[1], prependdir="/var/task", force=True,
)
sys.exit(0 if done else 1)
"""
_WITHOUT_SOURCES: Final = """
import ast, marshal, pathlib, sys
from importlib.util import MAGIC_NUMBER, source_hash

DOCUMENTED = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
top = pathlib.Path(sys.argv[1])
for path in sorted((top / sys.argv[2]).rglob("*.py")):
    source = path.read_bytes()
    tree = ast.parse(source, path.relative_to(top))
    for node in ast.walk(tree):
        # Its asserts stay, which Python's own way of leaving out docstrings would leave out as well.
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), node.body[0])]
    code = compile(tree, f"/var/task/{path.relative_to(top)}", "exec", dont_inherit=True)
    # A flag that says: known by a hash, and nobody checks it.
    head = MAGIC_NUMBER + (1).to_bytes(4, "little") + source_hash(source)
    path.with_suffix(".pyc").write_bytes(head + marshal.dumps(code))
    path.unlink()
"""


def compile_with_sources(tree: Path) -> None:
    _run(_WITH_SOURCES, tree, "Some module does not compile")


def compile_without_sources(tree: Path, part: str = ".") -> None:
    """Beside where its source lay, where Python looks for a module that has none."""
    _run(_WITHOUT_SOURCES, tree, "Some module does not compile", part)


def make_ahead(tree: Path, site: Path) -> None:
    """Puts what every function loads into one file (`chalicelib/ahead.py`), once all is compiled."""
    script = Path(__file__).with_name("ahead.py").read_text()
    _run(script, tree, "Some module cannot be loaded", str(site))


def _run(script: str, tree: Path, trouble: str, *more: str) -> None:
    """In a process of its own, with a fixed hash seed: what is compiled depends on nothing that ran before."""
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-B", "-c", script, str(tree), *more],
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        raise CannotPackage(f"{trouble}: {said[-500:]}")
