# shellcheck shell=sh
# What the images' Dockerfiles share: functions for a RUN, which needs `set -eu` and a current
# folder that holds the image's locks. Call all of them in one RUN: what one layer holds, a later
# one cannot remove from the image. No apt-get: the bases' Debian releases are leaving the mirrors.
#
# A Dockerfile cannot include another one, so that each sets these itself:
#   LANG, PYTHONUNBUFFERED   UTF-8, and output as it is written.
#   PYTHONDONTWRITEBYTECODE  The root is read-only at run time.
#   LOGNAME                  A cell may run as any user; getpass.getuser() fails for one without an
#                            entry in the password file, unless LOGNAME is set.
#   OPENBLAS_CORETYPE        NumPy's OpenBLAS chooses its kernels by CPU, so that results would
#                            differ in their last bits from one host to another; and one of 2019
#                            takes a CPU that it does not know for a Prescott, several times
#                            slower. Haswell's kernels need AVX2.
#   PIP_INDEX_URL (ARG)      A package index of your own. It stays in the image's history: no
#                            password in it.
#   USER                     Not root, also where somebody starts the image by hand.

# install_locked PACKAGES: install what the locks pin, with its hashes. Only wheels are installed,
# but for PACKAGES, separated by commas, which exist as source only. Sets $site, the folder of
# installed packages. A requirement that the lock gives an address for is taken from a file of that
# name, if there is one; its hash is checked all the same.
install_locked() {
  for wheel in *.whl; do
    [ ! -f "$wheel" ] ||
      sed -i "s| @ [^ ]*/$(echo "$wheel" | sed s/+/%2B/)[^ ]* | @ file://$PWD/$wheel |" \
        requirements.txt
  done
  # The base's own pip may pick releases that need a newer Python: it is replaced first.
  _pip_install -r requirements-bootstrap.txt
  _pip_install --no-build-isolation --only-binary :all: ${1:+--no-binary "$1"} -r requirements.txt
  rm -f ./*.whl
  python -m pip --disable-pip-version-check check
  site="$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  # The tests of these packages are of no use at run time, and large.
  for package in numpy scipy h5py; do
    [ ! -d "$site/$package" ] ||
      find "$site/$package" -depth -type d -name tests -exec rm -rf {} +
  done
}

_pip_install() {
  python -m pip --disable-pip-version-check --no-cache-dir install \
    --require-hashes --no-compile "$@"
}

# compile_bytecode: compile the standard library and all packages. Official Python images ship no
# bytecode, and each start would compile again what it imports.
compile_bytecode() {
  python -W ignore -m compileall -q -x 'lib2to3/tests|/test/bad' "$(dirname "$site")"
}

# finish: remove what the steps before have left, and add the user "cell".
finish() {
  rm -rf /root/.cache /tmp/*
  useradd --uid 10001 --user-group --no-log-init --no-create-home \
    --home-dir /nonexistent --shell /usr/sbin/nologin cell
}
