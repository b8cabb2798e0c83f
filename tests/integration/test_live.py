"""What a cell does is told while it does it, on a terminal and elsewhere."""

import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest

from keras_matrix.records.record import Outcome
from tests.integration.conftest import SCRIPTS, clean_environment, command_line, the_record

pytestmark = pytest.mark.usefixtures("images")


def shown(text: str) -> str:
    """Return what is written to a terminal without what steers it."""
    return re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text)


def read_until(descriptor: int, pattern: str) -> str:
    """Return what is written there until the pattern is shown, or all of it."""
    text = ""
    while not re.search(pattern, shown(text)):
        try:
            content = os.read(descriptor, 65536)
        except OSError:
            # A pseudo terminal that nobody writes to any more.
            break
        if not content:
            break
        text += content.decode()
    return text


@pytest.mark.parametrize(
    ("options", "epoch", "last"),
    [
        ([], r"tf +running +1/2 +[0-9.]+ ", "0 of 1 cell done, 1 interrupted"),
        (["-v"], r"tf: epoch 1 of 2, loss [0-9.]+", "tf: interrupted after"),
    ],
    ids=["table", "lines"],
)
def test_an_epoch_is_told_before_the_training_ends(
    options: list[str], epoch: str, last: str, results: Path
) -> None:
    script = SCRIPTS / "trains_and_sleeps.py"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command_line("run", script, "--on", "tf", "--results", results, "--timeout", 120, *options),
        env=clean_environment(TERM="xterm", COLUMNS="80", LINES="24"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        text = read_until(ours, epoch)
        assert re.search(epoch, shown(text)), text
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        text = read_until(ours, "never")
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert last in shown(text)
    assert "nothing is left running" in text
    # The cursor is shown again, if it was hidden.
    assert "\x1b[?25l" not in text.rpartition("\x1b[?25h")[2]
    record = the_record(results)
    assert record.outcome is Outcome.INTERRUPTED
    (call,) = record.observation.calls
    assert (call.params["epochs"], len(call.epochs)) == (2, 1)
