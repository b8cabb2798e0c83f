"""Choose how progress is shown."""

import sys

from runner.report.progress import LiveProgress, PlainProgress, Progress


def progress(*, quiet: bool, verbose: bool) -> Progress:
    """Return a live table on a terminal, timestamped lines elsewhere or when verbose."""
    if quiet or verbose or not sys.stderr.isatty():
        return PlainProgress(quiet=quiet, verbose=verbose)
    from rich.console import Console

    return LiveProgress(Console(stderr=True, highlight=False))
