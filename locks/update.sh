#!/usr/bin/env bash
# Write the locks again, with uv (pip install uv):
#   constraints.txt  all that tox installs: every group and extra, for CPython 3.10 to 3.13
#   host.txt         all that docker/with-engine.sh installs, with hashes
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

compile() {
  uv pip compile --quiet --universal --python-version 3.10 --upgrade --no-annotate \
    --custom-compile-command locks/update.sh "$@"
}

compile pyproject.toml locks/tools.in --all-extras \
  --group test --group browser --group type --output-file locks/constraints.txt
compile pyproject.toml locks/host.in --constraints locks/constraints.txt --generate-hashes \
  --output-file locks/host.txt
