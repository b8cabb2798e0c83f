"""Find the runs of the history that a user names. Pure, except that a script's path is read."""

import difflib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from keras_matrix.errors import ConfigurationError
from keras_matrix.history.series import metrics
from keras_matrix.history.summary import RunSummary, ScriptSummary
from keras_matrix.load.script import load as load_script
from keras_matrix.load.script import place as place_of_script
from keras_matrix.text import brief, one_line

MAX_COMPARED_NAME = 200
"""Characters of a name to look for similar ones of."""


def scripts_named(scripts: Sequence[ScriptSummary], text: str) -> tuple[ScriptSummary, ...]:
    """Find scripts by a model's name, a place in a repository, or a path on this machine.

    Several scripts may have the same model's name.

    Raises:
        ConfigurationError: no script matches, or the path cannot be read.
    """
    by_name = tuple(script for script in scripts if text in (script.model, script.place))
    if by_name:
        return by_name
    if os.path.exists(text):
        source = load_script(Path(text))
        place = place_of_script(source.path, os.environ.get("GITHUB_WORKSPACE", ""))
        key = (source.name, place or source.path.name)
        by_path = tuple(script for script in scripts if (script.model, script.place) == key)
        if by_path:
            return by_path
    raise _unknown(
        f"no run of '{brief(text)}'", text, [script.model for script in scripts], "models"
    )


def with_metric(runs: Sequence[RunSummary], metric: str) -> tuple[RunSummary, ...]:
    """Return the runs that have a metric.

    Raises:
        ConfigurationError: no run has it.
    """
    having = tuple(run for run in runs if any(entry.metric == metric for entry in run.metrics))
    if not having:
        raise _unknown(f"no metric '{brief(metric)}'", metric, metrics(runs), "metrics")
    return having


def with_image(runs: Sequence[RunSummary], image: str) -> tuple[RunSummary, ...]:
    """Return the runs that have an image, reduced to that image.

    Raises:
        ConfigurationError: no run has it.
    """
    having = tuple(
        replace(
            run,
            images=tuple(entry for entry in run.images if entry.image == image),
            metrics=tuple(entry for entry in run.metrics if entry.image == image),
        )
        for run in runs
        if any(entry.image == image for entry in run.images)
    )
    if not having:
        images = [entry.image for run in runs for entry in run.images]
        raise _unknown(f"no image '{brief(image)}'", image, images, "images")
    return having


def _unknown(missing: str, text: str, known: Sequence[str], what: str) -> ConfigurationError:
    """Return an error that suggests names like the text, or else lists those there are."""
    names = sorted(set(known))
    close = difflib.get_close_matches(text[:MAX_COMPARED_NAME], names, n=3, cutoff=0.5)
    if close:
        rest = f"did you mean {' or '.join(repr(one_line(name)) for name in close)}?"
    else:
        rest = f"its {what} are {', '.join(one_line(name) for name in names[:20]) or 'none'}."
    return ConfigurationError(f"The history holds {missing}; {rest}")
