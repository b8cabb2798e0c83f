"""What control groups count of processes that were killed for want of memory."""

from pathlib import Path

import pytest

from keras_matrix_probe.process import memory


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("memory.events", "low 0\nhigh 0\nmax 31\noom 1\noom_kill 2\noom_group_kill 0\n", 2),
        ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", 3),
        ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n", 0),
        ("other", "oom_kill 1\n", 0),
    ],
    ids=["version 2", "version 1", "an old kernel", "a sandbox"],
)
def test_kills_are_counted(tmp_path: Path, name: str, text: str, count: int) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / name).write_text(text)
    assert memory.kills(str(tmp_path)) == count
