"""Which of the history's runs a person means. Pure, but for a look at a script's path."""

import difflib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from keras_matrix.errors import ConfigurationError
from keras_matrix.history.series import metrics
from keras_matrix.history.summary import RunSummary, ScriptSummary
from keras_matrix.load import script
from keras_matrix.text import brief, one_line

LONGEST = 200


def chosen(scripts: Sequence[ScriptSummary], text: str) -> tuple[ScriptSummary, ...]:
    """Return the scripts that a text means: a model's name, a place, or a path on this machine.

    A model's name may be that of several scripts.

    Raises:
        ConfigurationError: there is none, or the path cannot be read.
    """
    by_name = tuple(one for one in scripts if text in (one.model, one.place))
    if by_name:
        return by_name
    if os.path.exists(text):
        found = script.load(Path(text))
        place = script.place(found.path, os.environ.get("GITHUB_WORKSPACE", "")) or found.path.name
        by_path = tuple(one for one in scripts if (one.model, one.place) == (found.name, place))
        if by_path:
            return by_path
    raise _unknown(f"no run of '{brief(text)}'", text, [one.model for one in scripts], "models")


def with_metric(runs: Sequence[RunSummary], metric: str) -> tuple[RunSummary, ...]:
    """Return the runs that have a metric.

    Raises:
        ConfigurationError: none has.
    """
    found = tuple(run for run in runs if any(one.metric == metric for one in run.metrics))
    if not found:
        raise _unknown(f"no metric '{brief(metric)}'", metric, metrics(runs), "metrics")
    return found


def with_image(runs: Sequence[RunSummary], image: str) -> tuple[RunSummary, ...]:
    """Return the runs of an image, with what they hold of it.

    Raises:
        ConfigurationError: none has it.
    """
    found = tuple(
        replace(
            run,
            images=tuple(one for one in run.images if one.image == image),
            metrics=tuple(one for one in run.metrics if one.image == image),
        )
        for run in runs
        if any(one.image == image for one in run.images)
    )
    if not found:
        known = [one.image for run in runs for one in run.images]
        raise _unknown(f"no image '{brief(image)}'", image, known, "images")
    return found


def _unknown(lacks: str, text: str, known: Sequence[str], what: str) -> ConfigurationError:
    names = sorted(set(known))
    close = difflib.get_close_matches(text[:LONGEST], names, n=3, cutoff=0.5)
    if close:
        rest = f"did you mean {' or '.join(repr(one_line(name)) for name in close)}?"
    else:
        rest = f"its {what} are {', '.join(one_line(name) for name in names[:20]) or 'none'}."
    return ConfigurationError(f"The history holds {lacks}; {rest}")
