"""Check a release, and print its notes. Needs the standard library alone.

python .github/release.py check v1.2.3     the tag, __version__ and CHANGELOG.md say the same
python .github/release.py notes v1.2.3     the release notes: that section of CHANGELOG.md
python .github/release.py contents dist    wheel and sdist hold what they have to
"""

import ast
import re
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "runner" / "keras_matrix" / "__init__.py"
CHANGELOG = ROOT / "CHANGELOG.md"
IN_WHEEL = (
    "keras_matrix/__init__.py",
    "keras_matrix/py.typed",
    "keras_matrix/_docker/images.toml",
    "keras_matrix/_docker/tf/Dockerfile",
    "keras_matrix/report/page/templates/page.css",
    "keras_matrix_probe/__main__.py",
)
IN_SDIST = ("runner/keras_matrix/__init__.py", "docker/images.toml", "tests/__init__.py", "tox.ini")


def version() -> str:
    """Return ``keras_matrix.__version__``, without importing the package."""
    for node in ast.parse(PACKAGE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__":
            return str(ast.literal_eval(node.value))
    raise SystemExit(f"{PACKAGE} has no __version__.")


def notes(tag: str) -> str:
    """Return the section of CHANGELOG.md for a tag.

    Raises:
        SystemExit: there is none with a date, or it is empty.
    """
    number = re.escape(tag.removeprefix("v"))
    heading = rf"^## \[{number}\] - \d{{4}}-\d{{2}}-\d{{2}}\n"
    parts = re.split(heading, CHANGELOG.read_text(encoding="utf-8"), maxsplit=1, flags=re.M)
    section = re.split(r"^(?:## |\[[^\]]+\]: )", parts[-1], maxsplit=1, flags=re.M)[0].strip()
    if len(parts) == 1 or not section:
        raise SystemExit(
            f"CHANGELOG.md has no section '## [{tag.removeprefix('v')}] - YYYY-MM-DD' with "
            "entries; rename [Unreleased]."
        )
    return section + "\n"


def check(tag: str) -> None:
    """Check that a tag is that of the version in the code, and has its notes.

    Raises:
        SystemExit: it is not.
    """
    if tag != f"v{version()}":
        raise SystemExit(f"The tag is {tag}, and __version__ is {version()}; make them agree.")
    notes(tag)


def contents(folder: Path) -> None:
    """Check that a folder holds one wheel and one sdist, each with all packages and files.

    Raises:
        SystemExit: a file is missing.
    """
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    if (len(wheels), len(sdists)) != (1, 1):
        raise SystemExit(f"{folder} holds {len(wheels)} wheels and {len(sdists)} sdists, not one.")
    with zipfile.ZipFile(wheels[0]) as wheel:
        missing = [name for name in IN_WHEEL if name not in wheel.namelist()]
    with tarfile.open(sdists[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
        missing += [name for name in IN_SDIST if name not in names]
    if missing:
        raise SystemExit(f"Not in the distributions: {', '.join(missing)}.")


def main(arguments: list[str]) -> None:
    """Run one of the commands."""
    match arguments:
        case ["check", tag]:
            check(tag)
        case ["notes", tag]:
            print(notes(tag), end="")
        case ["contents", folder]:
            contents(Path(folder))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
