"""Real runs, kept in a history and held against the last one."""

import json
from pathlib import Path

from keras_matrix.errors import ExitCode
from tests.integration.conftest import SCRIPTS, keras_matrix


def test_a_run_is_held_against_the_last_one(images: None, results: Path, tmp_path: Path) -> None:
    script = tmp_path / "model.py"
    asked = ("--on", "tf", "--seeds", 1, "--results", results, "--against", "last", "--json")
    file = str(tmp_path / "history.sqlite")
    text = (SCRIPTS / "tiny.py").read_text()

    def run(text: str) -> tuple[int, list[str]]:
        script.write_text(text)
        done = keras_matrix("run", script, *asked, KERAS_MATRIX_HISTORY=file)
        return done.returncode, json.loads(done.stdout)["notes"]

    code, notes = run(text)
    assert code == ExitCode.AGREE
    assert any("not compared with an earlier run: There is no history" in note for note in notes)
    code, notes = run(text)
    assert code == ExitCode.AGREE
    assert any(note.startswith("nothing has regressed since") for note in notes)
    code, notes = run(f"{text}\nraise SystemExit('broken')\n")
    assert code == ExitCode.REGRESSED
    assert any("tf.seed0 failed (script error), was ok" in note for note in notes)
    assert "the script has changed since." in notes
    listed = keras_matrix("history", script, "--json", "--history", file, cwd=tmp_path)
    runs = json.loads(listed.stdout)["runs"]
    assert [run["status"] for run in runs] == ["not judged", "not judged", "failed"]
