"""Tell what fails on one image each time from what fails now and then: run it again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from keras_matrix.records.record import Outcome, Record
from keras_matrix.text import brief
from keras_matrix.trace.broken import ImageCapture, failing_images
from keras_matrix.trace.dump import Capture
from keras_matrix.trace.rounds import Purpose, Rounds


@dataclass
class Settled:
    """The first captures of all images, after those that failed were tried again.

    ``unsteady`` are images whose failure is no difference: they do not fail each time, or another
    image failed alike. ``notes`` is a remark on each image that failed now and then.
    """

    firsts: list[ImageCapture]
    unsteady: set[str] = field(default_factory=set)
    notes: dict[str, str] = field(default_factory=dict)

    def remarks(self, *images: str) -> list[str]:
        """Return the remarks on some images."""
        return [self.notes[image] for image in images if image in self.notes]


def settle(rounds: Rounds, captures: Mapping[str, Capture]) -> Settled:
    """Run again what fails on some images only, and what trains from moved weights and fails.

    That an image fails is a difference only if it fails in the same way each time, and the images
    that it is compared with never do.
    """
    firsts = [_first(rounds, image, captures[image]) for image in rounds.run.plan.images]
    settled = Settled(firsts)
    doubtful = _doubtful(firsts)
    doubtful |= {first.image for first in firsts if not first.ok and _ok(rounds, first.image)}
    tried: set[str] = set()
    while doubtful - tried:
        _try_again(rounds, settled, doubtful - tried)
        tried |= doubtful
        doubtful = _doubtful(settled.firsts)
    alike = _compare_attempts(rounds, settled, tried, doubtful)
    if rounds.capture_request.training:
        _settle_nudged(rounds, settled)
    settled.notes = {
        first.image: _now_and_then(rounds, [first.image, *alike.get(first.image, [])])
        for first in settled.firsts
        if first.image in alike or len(set(map(_way, rounds.attempts(first.image)))) > 1
    }
    return settled


def choose_reference(firsts: Iterable[ImageCapture]) -> ImageCapture | None:
    """Return the first image that captured a model, preferably one whose script succeeded."""
    complete = [first for first in firsts if first.capture.complete]
    return next((first for first in complete if first.ok), complete[0] if complete else None)


def _first(rounds: Rounds, image: str, capture: Capture) -> ImageCapture:
    return ImageCapture(image, capture, rounds.records[rounds.cell(image, Purpose.FIRST)])


def _doubtful(firsts: list[ImageCapture]) -> set[str]:
    """Return the images that fail in a way that another image does not."""
    reference = choose_reference(firsts)
    if reference is None:
        same = len({_way(first.record) for first in firsts}) == 1
        return set() if same else {first.image for first in firsts}
    others = (first for first in firsts if first is not reference)
    return set().union(*(failing_images(reference, other) for other in others))


def _try_again(rounds: Rounds, settled: Settled, images: set[str]) -> None:
    """Replace the captures of images by those of a second attempt."""
    names = [first.image for first in settled.firsts if first.image in images]
    captures = rounds.again(names, Purpose.FIRST)
    settled.firsts = [
        _first(rounds, first.image, captures[first.image]) if first.image in captures else first
        for first in settled.firsts
    ]


def _compare_attempts(
    rounds: Rounds, settled: Settled, tried: set[str], failing: set[str]
) -> dict[str, list[str]]:
    """Find out which failures do not count, of images that were tried again and may fail still.

    Returns: for images that failed each time, the others that failed alike once.
    """
    repeated = []
    for first in settled.firsts:
        if first.image not in tried or first.ok:
            # It was not in doubt, or the script ends: then what fails is part of the capture.
            continue
        if len(set(map(_way, rounds.attempts(first.image)))) > 1:
            settled.unsteady.add(first.image)
        elif first.image in failing:
            repeated.append(first)
    intact = [first.image for first in settled.firsts if first.ok]
    ran_once = [image for image in intact if len(rounds.attempts(image)) == 1]
    if repeated and ran_once:
        # A script that fails before it trains needs no training to show that.
        rounds.check(ran_once, stop=not any(first.capture.complete for first in repeated))
    alike: dict[str, list[str]] = {}
    for first in repeated:
        for image in intact:
            if _way(first.record) in map(_way, rounds.attempts(image)):
                settled.unsteady.add(first.image)
                alike.setdefault(first.image, []).append(image)
    return alike


def _settle_nudged(rounds: Rounds, settled: Settled) -> None:
    """Train again from moved weights where that failed, although the script did not."""
    failed = [
        first.image
        for first in settled.firsts
        if first.ok and _nudged(rounds, first.image).outcome is not Outcome.OK
    ]
    if failed:
        rounds.again(failed, Purpose.NUDGED)


def _nudged(rounds: Rounds, image: str) -> Record:
    return rounds.records[rounds.cell(image, Purpose.NUDGED)]


def _ok(rounds: Rounds, image: str) -> bool:
    """Tell whether the script ran to its end in any attempt."""
    return any(record.outcome is Outcome.OK for record in rounds.attempts(image))


def _way(record: Record) -> tuple[Outcome, str]:
    """Return how a cell ended: its outcome, and the class of the exception if there was one."""
    end = record.observation.end
    error = end.error if end is not None else None
    return record.outcome, error.kind if error is not None else ""


def _now_and_then(rounds: Rounds, images: Sequence[str]) -> str:
    """Say how often the script failed on some images."""
    counts, reason = [], ""
    for image in images:
        records = rounds.attempts(image)
        failures = [record for record in records if record.outcome is not Outcome.OK]
        counts.append(f"{len(failures)} of {len(records)} times on {image}")
        reason = reason or (brief(failures[0].reason) if failures else "")
    return (
        f"the script failed {' and '.join(counts)} ({reason}): this happens now and then and does "
        "not count as a difference"
    )
