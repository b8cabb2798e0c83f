#!/usr/bin/env bash
# Run a command with everything the matrix needs, on Debian or Ubuntu:
#
#   bash docker/with-engine.sh tox -e tf,theano     the main job
#   bash docker/with-engine.sh tox                  all tests
#
# It says what it installs before it does so, and how long that took; what the installers say is
# in a log. What it installed stays. If no container engine answers, it starts one and stops it at
# the end, unless KERAS_MATRIX_KEEP_ENGINE=1 is set.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly VENV="${KERAS_MATRIX_VENV:-.venv}"
readonly ENGINE_WAIT_SECONDS=60
readonly LOG_LINES_SHOWN=20
install_log=""
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

# Say what is done, do it with its output in a log, and say how long it took.
logged() {
  local began="$SECONDS" what="$1"
  shift
  if [ -z "$install_log" ]; then
    install_log="$(mktemp -t keras-matrix-install.XXXXXX)"
    say "what the installers say is in $install_log"
  fi
  say "$what"
  if ! "$@" >>"$install_log" 2>&1; then
    tail -n "$LOG_LINES_SHOWN" "$install_log" >&2
    die "that failed; its last lines are above, all of them in $install_log."
  fi
  say "  done in $((SECONDS - began)) s"
}

apt_updated=""
apt_update() {
  [ -z "$apt_updated" ] || return 0
  logged "reading the lists of Debian packages" as_root apt-get update
  apt_updated=1
}

apt_install() {
  command -v apt-get >/dev/null ||
    die "this machine has no apt-get; install by hand: $*"
  apt_update
  logged "installing Debian packages: $*" as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "$@"
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
    logged "making a virtual environment in $VENV" python3 -m venv --clear "$VENV"
  fi
  if [ ! -e "$VENV/.ready" ] || [ pyproject.toml -nt "$VENV/.ready" ] ||
    [ locks/host.txt -nt "$VENV/.ready" ]; then
    logged "installing into $VENV: tox and what keras-matrix needs" \
      "$VENV/bin/python" -m pip install --disable-pip-version-check \
      --require-hashes --requirement locks/host.txt
    # Built with the packages of the lock: nothing is downloaded for it.
    logged "installing into $VENV: keras-matrix" \
      "$VENV/bin/python" -m pip install --disable-pip-version-check \
      --no-deps --no-build-isolation --editable .
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
  local log waited group
  if [ -d /run/systemd/system ]; then
    say "starting the service docker"
    as_root systemctl start docker
    engine_unit=docker
  else
    engine_state="$(mktemp -d -t keras-matrix-dockerd.XXXXXX)"
    log="$engine_state/log"
    say "starting dockerd (log: $log)"
    # Root needs no group, and its own must not let others in.
    group="$(id -gn)"
    if [ "$(id -u)" -eq 0 ] && getent group docker >/dev/null; then group=docker; fi
    # A session of its own: Ctrl-C is for the command, and the engine must outlive it to clean up.
    as_root setsid dockerd --group "$group" --pidfile "$engine_state/pid" >"$log" 2>&1 &
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

# What makes a stand-in for a base image; who is not root needs user namespaces for it.
prepare_standins() {
  local missing=()
  command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
  command -v newuidmap >/dev/null || missing+=(uidmap)
  [ "${#missing[@]}" -eq 0 ] || apt_install "${missing[@]}"
}

prepare_bases() {
  # Only where the registry cannot be reached, and the images are not built yet.
  local report status=0
  report="$(keras-matrix doctor --json)" || status=$?
  if [ "$status" -ne 0 ] && [[ "$report" == *'"name": "mmdebstrap"'* ]]; then
    prepare_standins
  fi
  keras-matrix doctor >&2 || code=$? die "something is still missing; see above."
}

# --- The tests --------------------------------------------------------------------------------

prepare_tests() {
  # All of them; a browser for the report's page, and stand-ins, which are tested everywhere.
  case "$*" in
    tox | *test*) ;;
    *) return 0 ;;
  esac
  prepare_standins
  command -v chromium >/dev/null && return 0
  # Ubuntu's package only installs a snap; Playwright's own browser is used there.
  if command -v apt-get >/dev/null; then apt_update; fi
  if [ -n "$(apt-cache --quiet search --names-only '^chromium$' 2>/dev/null)" ]; then
    apt_install chromium
  else
    logged "installing into $VENV: playwright" python -m pip install \
      --disable-pip-version-check --constraint locks/constraints.txt playwright
    logged "installing Chromium, by playwright, with the Debian packages that it needs" \
      python -m playwright install --with-deps chromium
  fi
}

prepare_python
prepare_engine
prepare_bases
prepare_tests "$@"
status=0
"$@" || status=$?
exit "$status"
