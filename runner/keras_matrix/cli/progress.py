"""Choose how progress is shown."""

import os
import sys

from keras_matrix.run.progress import PlainProgress, Progress


def progress(*, quiet: bool, verbose: bool) -> Progress:
    """Return a live table on a terminal that can draw one; lines elsewhere or when verbose."""
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    if quiet or verbose or dumb or not sys.stderr.isatty():
        return PlainProgress(quiet=quiet, verbose=verbose)
    from rich.console import Console

    from keras_matrix.report.progress.live import LiveProgress

    return LiveProgress(Console(stderr=True, highlight=False))
