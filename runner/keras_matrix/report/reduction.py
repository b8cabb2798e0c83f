"""Print a reduction: what it came to, by which steps, and the smallest script."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax

from keras_matrix.report.table import console
from keras_matrix.text import and_more, plural, printable, relative
from keras_matrix.trace.reduce.model import Size
from keras_matrix.trace.reduce.state import Reduction

MAX_SHOWN = 12
"""The most steps, neighbours or reasons that are printed; ``reduce.json`` has all."""


def print_reduction(reduction: Reduction, out: Console | None = None) -> None:
    """Print a reduction on the terminal."""
    out = out or console()
    for line in lines(reduction):
        out.print(printable(line), markup=False, highlight=False, soft_wrap=True)
    place = relative(Path(reduction.script))
    out.print(f"\nThis script shows it ({place}):", markup=False, highlight=False, soft_wrap=True)
    out.print(Syntax(printable(reduction.text), "python", background_color="default"))
    out.print(verdict(reduction), markup=False, highlight=False, soft_wrap=True)


def lines(reduction: Reduction) -> Iterator[str]:
    """Yield the lines before the script."""
    target = reduction.target
    yield (
        f"{reduction.file}: {target.kind.value}, {target.where}, {target.what}; "
        f"{target.image} against {reduction.reference}"
    )
    yield (
        f"from {size_in_words(reduction.original)} to {size_in_words(reduction.size)}, "
        f"in {plural(reduction.attempts, 'attempt')} and {reduction.seconds:.0f} s"
    )
    yield ""
    for step in reduction.steps[:MAX_SHOWN]:
        yield f"still shows it {step.words}: {size_in_words(step.size)}"
    if len(reduction.steps) > MAX_SHOWN:
        yield and_more(len(reduction.steps) - MAX_SHOWN, "step")
    for words in reduction.agreeing[:MAX_SHOWN]:
        yield f"agrees {words}"
    if len(reduction.agreeing) > MAX_SHOWN:
        yield and_more(len(reduction.agreeing) - MAX_SHOWN)
    if reduction.neighbour is not None:
        place = relative(Path(reduction.neighbour.script))
        yield f"the largest script that agrees: {place} ({reduction.neighbour.words})"
    for reason, count in list(reduction.unresolved.items())[:MAX_SHOWN]:
        yield f"unresolved, {plural(count, 'attempt')}: {reason or 'the script failed'}"


def verdict(reduction: Reduction) -> str:
    """Return the last line: whether the script is 1-minimal, or what stopped the reduction."""
    if reduction.minimal and reduction.single_steps == 1:
        return (
            "The script is 1-minimal: the only single step from it was tried, and does not "
            "show the finding."
        )
    if reduction.minimal:
        return (
            f"The script is 1-minimal: {plural(reduction.single_steps, 'single step')} from it "
            "were tried, and none shows the finding."
        )
    return (
        f"Stopped by the budget after {reduction.tried} of "
        f"{plural(reduction.single_steps, 'single step')}; "
        f"'keras-matrix reduce --resume {relative(Path(reduction.script).parent)}' continues."
    )


def size_in_words(size: Size) -> str:
    """Return a size in words."""
    parts = [plural(size.layers, "layer"), plural(size.samples, "sample")]
    if size.epochs > 1:
        parts.append(plural(size.epochs, "epoch"))
    return ", ".join(parts)
