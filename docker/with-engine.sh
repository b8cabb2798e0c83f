#!/usr/bin/env bash
# Run a command with everything the matrix needs, on Debian or Ubuntu:
#
#   bash docker/with-engine.sh tox -e tf,theano     the main job
#   bash docker/with-engine.sh tox                  all tests
#
# It says what it installs before it does so, and leaves that installed. If no container engine
# answers, it starts one and stops it at the end, unless KERAS_MATRIX_KEEP_ENGINE=1 is set.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly VENV="${KERAS_MATRIX_VENV:-.venv}"
readonly ENGINE_WAIT_SECONDS=60
engine_launcher=""
engine_state=""
engine_unit=""

say() { printf 'with-engine: %s\n' "$*" >&2; }
die() { printf 'with-engine: error: %s\n' "$*" >&2; exit "${code:-2}"; }

[ "$#" -gt 0 ] || die "name a command, such as: bash docker/with-engine.sh tox -e tf,theano"

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "'$*' needs root, and there is no sudo; run this as root."
  fi
}

apt_updated=""
apt_update() {
  [ -z "$apt_updated" ] || return 0
  as_root apt-get update -qq
  apt_updated=1
}

apt_install() {
  command -v apt-get >/dev/null ||
    die "this machine has no apt-get; install by hand: $*"
  say "installing Debian packages: $*"
  apt_update
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends -qq "$@" >&2
}

# --- Python -----------------------------------------------------------------------------------

# The versions that the unit tests run on, where pyenv has them; tox finds them on PATH.
add_pyenv_pythons() {
  local version folder
  for version in 3.10 3.13; do
    command -v "python$version" >/dev/null && "python$version" --version >/dev/null 2>&1 && continue
    for folder in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin; do
      [ -x "$folder/python$version" ] && PATH="$PATH:$folder"
    done
  done
  export PATH
}

prepare_python() {
  command -v python3 >/dev/null || apt_install python3 python3-venv
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    die "keras-matrix needs Python 3.10 or newer, and $(python3 --version) is the one on PATH."
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
  if ! [ -x "$VENV/bin/python" ] || ! "$VENV/bin/python" -c '' 2>/dev/null; then
    say "making a virtual environment in $VENV"
    python3 -m venv --clear "$VENV"
  fi
  if [ ! -e "$VENV/.ready" ] || [ pyproject.toml -nt "$VENV/.ready" ] ||
    [ locks/host.txt -nt "$VENV/.ready" ]; then
    say "installing into $VENV: tox and keras-matrix with its dependencies"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
      --require-hashes --requirement locks/host.txt >&2
    # Built with the packages of the lock: nothing is downloaded for it.
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
      --no-deps --no-build-isolation --editable . >&2
    touch "$VENV/.ready"
  fi
  PATH="$(cd "$VENV/bin" && pwd):$PATH"
  add_pyenv_pythons
}

# --- The engine -------------------------------------------------------------------------------

engine_answers() {
  python - <<'PYTHON'
import sys
from keras_matrix.engine.client import Engine
from keras_matrix.errors import KerasMatrixError
try:
    Engine.connect().close()
except KerasMatrixError as error:
    # An engine that refuses this user is there: a second one would not help.
    sys.exit(13 if "Permission denied" in str(error) else 1)
PYTHON
}

start_engine() {
  local log waited
  if [ -d /run/systemd/system ]; then
    say "starting the service docker"
    as_root systemctl start docker
    engine_unit=docker
  else
    engine_state="$(mktemp -d -t keras-matrix-dockerd.XXXXXX)"
    log="$engine_state/log"
    say "starting dockerd (log: $log)"
    # A session of its own: Ctrl-C is for the command, and the engine must outlive it to clean up.
    as_root setsid dockerd --group "$(id -gn)" --pidfile "$engine_state/pid" >"$log" 2>&1 &
    engine_launcher=$!
  fi
  for ((waited = 0; waited < ENGINE_WAIT_SECONDS; waited++)); do
    if engine_answers; then return; fi
    if [ -n "$engine_launcher" ] && ! kill -0 "$engine_launcher" 2>/dev/null; then break; fi
    sleep 1
  done
  if [ -n "${log:-}" ]; then tail -n 5 "$log" >&2; fi
  code=5 die "the container engine does not start; see above."
}

# shellcheck disable=SC2329 # the trap calls it
stop_engine() {
  [ "${KERAS_MATRIX_KEEP_ENGINE:-}" != 1 ] || return 0
  if [ -n "$engine_launcher" ]; then
    say "stopping the dockerd that was started here"
    # From its own file, since the process started here may be sudo.
    if [ -e "$engine_state/pid" ]; then as_root kill "$(cat "$engine_state/pid")"; fi
    wait "$engine_launcher" || say "it ended with status $?"
  elif [ -n "$engine_unit" ]; then
    say "stopping the service docker that was started here"
    as_root systemctl stop docker.socket docker
  fi
}

prepare_engine() {
  local status=0
  engine_answers || status=$?
  [ "$status" -ne 0 ] || return 0
  [ "$status" -ne 13 ] ||
    code=5 die "the engine refuses $(id -un); run: sudo usermod --append --groups docker $(id -un)"
  [ -z "${DOCKER_HOST:-}" ] ||
    code=5 die "no engine answers at DOCKER_HOST=$DOCKER_HOST; start it, or unset DOCKER_HOST."
  command -v dockerd >/dev/null || apt_install docker.io iptables
  trap stop_engine EXIT
  # Ctrl-C and SIGTERM reach the command; this script ends after it and cleans up.
  trap : INT TERM
  engine_answers || start_engine
}

# --- Base images ------------------------------------------------------------------------------

prepare_bases() {
  # Only where the registry cannot be reached, and the images are not built yet.
  local report status=0
  report="$(keras-matrix doctor --json)" || status=$?
  if [ "$status" -ne 0 ] && [[ "$report" == *'"name": "mmdebstrap"'* ]]; then
    command -v mmdebstrap >/dev/null || apt_install mmdebstrap
  fi
  keras-matrix doctor >&2 || code=$? die "something is still missing; see above."
}

# --- The browser ------------------------------------------------------------------------------

prepare_browser() {
  # Only the tests of the report's page need a browser.
  case "$*" in
    tox | *test*) ;;
    *) return 0 ;;
  esac
  command -v chromium >/dev/null && return 0
  # Ubuntu's package only installs a snap; Playwright's own browser is used there.
  if command -v apt-get >/dev/null; then apt_update; fi
  if [ -n "$(apt-cache --quiet search --names-only '^chromium$' 2>/dev/null)" ]; then
    apt_install chromium
  else
    say "installing into $VENV: playwright, and by it Chromium with the Debian packages it needs"
    python -m pip install --quiet --disable-pip-version-check \
      --constraint locks/constraints.txt playwright >&2
    python -m playwright install --with-deps chromium >&2
  fi
}

prepare_python
prepare_engine
prepare_bases
prepare_browser "$@"
status=0
"$@" || status=$?
exit "$status"
