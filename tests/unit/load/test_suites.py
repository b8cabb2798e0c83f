import json
from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.load.suites import LISTING_FILE, SuiteTarget, find_root, load


def write(root: Path, *names: str, **texts: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get(path.name.replace(".", "_"), ""))
    return root


@pytest.mark.parametrize(
    ("files", "texts", "root"),
    [
        # What configures pytest, the nearest first.
        (["pytest.ini", "a/b/conftest.py"], {}, "."),
        (["pytest.ini", "a/.pytest.ini"], {}, "a"),
        (["pyproject.toml"], {"pyproject_toml": "[tool.pytest.ini_options]\n"}, "."),
        (["setup.cfg"], {"setup_cfg": "[tool:pytest]\nx = %s\n"}, "."),
        (["tox.ini"], {"tox_ini": "[pytest]\n"}, "."),
        # Files of these names that do not.
        (["pyproject.toml"], {"pyproject_toml": "[tool.ruff]\n"}, "a/b/tests"),
        (["pyproject.toml"], {"pyproject_toml": "not TOML"}, "a/b/tests"),
        (["setup.cfg", "tox.ini"], {"setup_cfg": "[pytest]\n", "tox_ini": "no\n"}, "a/b/tests"),
        (["a/setup.py", "a/b/conftest.py"], {}, "a"),
        # Nothing: as far up as conftests and packages go without a gap.
        ([], {}, "a/b/tests"),
        (["a/b/conftest.py"], {}, "a/b"),
        (["a/conftest.py", "a/b/conftest.py"], {}, "a"),
        (["conftest.py", "a/b/conftest.py"], {}, "a/b"),
        (["a/b/tests/__init__.py", "a/b/__init__.py"], {}, "a"),
    ],
)
def test_the_root_is_the_one_that_pytest_would_take(
    tmp_path: Path, files: list[str], texts: dict[str, str], root: str
) -> None:
    write(tmp_path, *files, "a/b/tests/test_a.py", **texts)
    for target in ("a/b/tests", "a/b/tests/test_a.py"):
        assert find_root(tmp_path / target) == (tmp_path / root).resolve()


def test_a_folder_of_tests(tmp_path: Path) -> None:
    write(
        tmp_path,
        *("pytest.ini", "conftest.py", "tests/test_a.py", "tests/deep/conftest.py"),
        *("tests/data.csv", "tests/.hidden/x.py", "tests/__pycache__/y.py", "other/test_b.py"),
    )
    suite = load(SuiteTarget(str(tmp_path / "tests")))
    assert (suite.folder, suite.suite, suite.name) == (tmp_path.resolve(), "./tests", "tests")
    assert not suite.converted
    assert list(suite.files) == [LISTING_FILE]
    listing = json.loads(suite.files[LISTING_FILE])
    assert listing["suite"] == "tests"
    assert sorted(listing["files"]) == [
        *("conftest.py", "pytest.ini"),
        *("tests/deep/conftest.py", "tests/test_a.py"),
    ]


def test_a_file_and_one_test_of_it(tmp_path: Path) -> None:
    write(tmp_path, "test_a.py")
    path = tmp_path / "test_a.py"
    suite = load(SuiteTarget(str(path)))
    assert (suite.suite, suite.name) == ("./test_a.py", "test_a")
    single = load(SuiteTarget(f"{path}::TestX::test_y[a//b]"))
    assert (single.suite, single.name) == ("./test_a.py::TestX::test_y[a//b]", "test_a")
    assert single.sha256 != suite.sha256


def test_the_folder_that_is_the_root_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "test_a.py")
    monkeypatch.chdir(tmp_path)
    suite = load(SuiteTarget("."))
    assert (suite.suite, suite.name, suite.folder) == ("./.", tmp_path.name, tmp_path.resolve())


def test_a_name_is_never_taken_for_an_option(tmp_path: Path) -> None:
    write(tmp_path, "pytest.ini", "-x/test_a.py")
    assert load(SuiteTarget(str(tmp_path / "-x"))).suite == "./-x"


def test_the_digest_is_that_of_the_tests(tmp_path: Path) -> None:
    write(tmp_path, "pytest.ini", "tests/test_a.py", "other/test_b.py")
    target = SuiteTarget(str(tmp_path / "tests"))
    before = load(target).sha256
    (tmp_path / "other/test_b.py").write_text("changed")
    assert load(target).sha256 == before
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    changed = load(target).sha256
    (tmp_path / "tests/test_a.py").write_text("changed")
    assert len({before, changed, load(target).sha256}) == 3


def test_a_root_of_ones_own(tmp_path: Path) -> None:
    write(tmp_path, "a/pytest.ini", "a/tests/test_a.py")
    suite = load(SuiteTarget(str(tmp_path / "a/tests"), tmp_path))
    assert (suite.folder, suite.suite) == (tmp_path.resolve(), "./a/tests")


@pytest.mark.parametrize(
    ("named", "root", "word"),
    [
        ("missing", None, "There is no test file or folder"),
        ("tests::test_x", None, "names no test"),
        ("tests/test_a.py::", None, "names no test"),
        ("tests", "other", "is not below --root"),
        ("tests", "missing", "is not below --root"),
        ("tests", "tests/test_a.py", "is not below --root"),
    ],
)
def test_missing_tests_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, root: str | None, word: str
) -> None:
    write(tmp_path, "tests/test_a.py", "other/test_b.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=word):
        load(SuiteTarget(named, Path(root) if root else None))


def test_links_to_nowhere_are_left_to_pytest(tmp_path: Path) -> None:
    write(tmp_path, "tests/test_a.py")
    (tmp_path / "tests/gone.py").symlink_to("nowhere.py")
    listing = json.loads(load(SuiteTarget(str(tmp_path / "tests"))).content)
    assert list(listing["files"]) == ["test_a.py"]
