#!/usr/bin/env bash
# Locks again what pyproject.toml asks for. A person runs it by `make lock` after changing a dependency;
# nothing else does, so that a build never changes what it is made of.
#
# Every line carries its hashes and the locks are universal (3.11 and later, any platform). No address is
# written into them: where packages come from is the business of whoever installs.
set -euo pipefail
cd "$(dirname "$0")/.."

tool=.tools/lock
if [ ! -x "$tool/bin/uv" ]; then
  echo "Installing the locking tool (once) …"
  "${PYTHON:-python3}" -m venv "$tool"
  "$tool/bin/python" -m pip install --quiet 'uv>=0.9,<1'
fi

lock() { # lock OUTPUT HEADLINE ARGUMENT…
  local output=$1 headline=$2 new=$1.new
  shift 2
  echo "Locking $output …"
  # uv keeps the versions it finds in the file it writes, so a lock moves only what had to move.
  if [ -f "$output" ] && [ -z "${UPGRADE:-}" ]; then cp "$output" "$new"; fi
  "$tool/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file "$new" "$@" >/dev/null
  if grep -qE '(https?|file)://' "$new"; then
    rm "$new"
    echo "$output would carry an address; it is left as it was." >&2
    exit 1
  fi
  {
    printf '# %s\n# Made by `make lock`. Do not edit.\n' "$headline"
    cat "$new"
  } >"$output"
  rm "$new"
}

export UV_SYSTEM_CERTS=1
lock requirements-dev.txt "Everything the project's own environment holds, Chalice among it." \
  pyproject.toml --extra dev
# The zip is built of the very versions that were tested.
lock requirements.txt "What goes into the Lambda zip (Chalice adds its own runtime to it)." \
  pyproject.toml --constraints requirements-dev.txt
lock infra/local/ministack-requirements.txt \
  "The embedded DynamoDB, in an environment of its own: it pins botocore exactly." - <<<"ministack==1.5.33"
