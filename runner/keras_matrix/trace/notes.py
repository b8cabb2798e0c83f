"""Remarks on what a trace could not do or compare. Pure."""

from collections.abc import Iterator, Mapping

from keras_matrix.text import brief
from keras_matrix.trace.broken import FAILURE_PHRASES
from keras_matrix.trace.dump import Capture


def unsteady_steps(spreads: Mapping[str, float]) -> Iterator[str]:
    """Yield images whose repetitions of the same steps came out apart, by how much, by image."""
    for name, spread in spreads.items():
        if spread > 0:
            yield (
                f"{name} does not repeat itself: the optimizer's steps from the same gradients "
                f"came out up to {spread:.2g} apart"
            )


def without_noise_floor(*, lacking: bool) -> Iterator[str]:
    """Yield that the end of training was not compared, if the noise floor is lacking."""
    if lacking:
        yield (
            "the end of training was not compared: no training from moved weights succeeded, so "
            "the noise floor is not known"
        )


def skipped_layers(image: str, capture: Capture) -> Iterator[str]:
    """Yield which layers an image cannot apply."""
    if capture.skipped:
        yield (
            f"{image} cannot apply {', '.join(capture.skipped)}: the layers after it were compared "
            "from the reference's output, and training was not"
        )


def shared_failures(reference: Capture, other: Capture) -> Iterator[str]:
    """Yield what could be computed on neither of two images."""
    failed = {(failure.stage, failure.name) for failure in reference.failures}
    for failure in other.failures:
        if (failure.stage, failure.name) in failed:
            yield (
                f"skipped on both images: {failure.name or 'the model'}, "
                f"{FAILURE_PHRASES.get(failure.stage, failure.stage)} "
                f"({failure.error}: {brief(failure.message)})"
            )
