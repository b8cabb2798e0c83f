"""Run a target of the tests' under atheris, which looks for inputs that reach new code.

``pip install atheris``, then ``python -m tests.fuzz.fuzz_streams -max_total_time=60``; all options
are libFuzzer's. What fails is written to ``crash-...`` in the current folder.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["keras_matrix", "tomllib", "jupytext", "nbformat", "zipfile"]
):
    from tests.unit.fuzz import targets as fuzz_targets

Target = Callable[[bytes], None]
LIMITS = ("-timeout=20", "-rss_limit_mb=2048", "-max_len=16384")
"""A second of work is too much, and so is a gibibyte; slow machines are given more."""

__all__ = ["fuzz_targets", "in_folder", "run"]


def in_folder(target: Callable[[bytes, Path], None]) -> Target:
    """Return a target that writes to a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    return lambda content: target(content, folder)


def run(targets: Mapping[str, Target], samples: Mapping[str, bytes]) -> None:
    """Fuzz several targets at once: the first byte says which; begin with the samples of each."""
    names = sorted(targets)

    def one(content: bytes) -> None:
        if content:
            targets[names[content[0] % len(names)]](content[1:])

    begin = Path(tempfile.mkdtemp(prefix="corpus-"))
    for name, sample in samples.items():
        (begin / name.replace("/", "-")).write_bytes(
            bytes([names.index(name.split("/")[0])]) + sample
        )
    atheris.Setup([sys.argv[0], *LIMITS, *sys.argv[1:], str(begin)], one)
    atheris.Fuzz()
