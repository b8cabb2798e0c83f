"""One build is the same on every engine, whatever an engine calls it."""

from dataclasses import replace

import pytest

from keras_matrix.plan.images import BaseKind, ImageIdentity

BUILD = ImageIdentity(
    name="tf",
    id="sha256:configuration",
    key="0",
    base=BaseKind.HUB,
    base_digest="sha256:0",
    content="sha256:content",
)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (replace(BUILD, id="sha256:manifest"), True),
        (replace(BUILD, content="sha256:other"), False),
        # Recorded by an earlier version.
        (replace(BUILD, content=""), True),
        (replace(BUILD, id="sha256:other", content=""), False),
    ],
)
def test_builds_are_told_apart_by_content(other: ImageIdentity, same: bool) -> None:
    assert BUILD.is_build(other) is same
    assert other.is_build(BUILD) is same


def test_what_is_kept_for_a_build_is_found_by_its_content() -> None:
    assert BUILD.digest == replace(BUILD, id="sha256:manifest").digest
    assert replace(BUILD, content="").digest == BUILD.id
