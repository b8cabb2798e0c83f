"""Write the locks of an image: all ``requirements*.in`` resolved, with hashes, inside its base.

The base's own Python resolves them, since the versions that fit depend on it. Resolving needs the
network, so it is done in a build; the locks are then read from a container without one.
"""

import io
import secrets
from pathlib import Path

import msgspec

from keras_matrix.errors import BuildFailedError, ImageError
from keras_matrix.images import wheels
from keras_matrix.images.build import BUILD_OUTPUT_LINES, Builder, abandon_build, pack
from keras_matrix.images.command import run_command
from keras_matrix.load.catalog import DOCKERFILE, Image
from keras_matrix.records.files import write_atomically
from keras_matrix.text import brief

SOURCES = "requirements*.in"
PIP_COMPILE = (
    "pip-compile --quiet --generate-hashes --allow-unsafe --no-header "
    "--no-emit-index-url --no-emit-trusted-host --no-emit-find-links"
)
PRINT_LOCKS = (
    "import glob, json; "
    "print(json.dumps({path: open(path).read() for path in sorted(glob.glob('/lock/*.txt'))}))"
)


def lock(builder: Builder, image: Image) -> tuple[Path, ...]:
    """Write the locks of an image; return their paths.

    Raises:
        ImageError: there is nothing to lock, the base is not available, or the requirements do
            not resolve.
    """
    folder = builder.catalog.folder(image)
    sources = sorted(folder.glob(SOURCES))
    if not sources or not image.lock_tools:
        raise ImageError(
            f"The image '{image.name}' has no {SOURCES} in {folder}, or no lock_tools in the "
            "image catalog; add what is missing."
        )
    base = builder.base(image)
    name = f"keras-matrix/lock-{image.name}:{secrets.token_hex(4)}"
    builder.say.step(f"image {image.name}: resolving {', '.join(path.name for path in sources)}")
    output: list[str] = []
    try:
        builder.interrupts.result_of(
            lambda: builder.engine.build(
                context=_context(image, base.reference, sources),
                tag=name,
                arguments={},
                labels={},
                platform=image.platform,
                on_line=output.append,
            ),
            abandon=abandon_build,
        )
        info = builder.engine.image(name)
        if info is None:
            raise ImageError(f"The image {name} was removed right after its build; try again.")
        command = ("python", "-c", PRINT_LOCKS)
        printed = run_command(builder.engine, info.id, f"lock.{image.name}", command)
        locks = msgspec.json.decode(printed, type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ImageError(
            f"The image {name} printed something else than its locks ({brief(str(error))}); "
            "try again."
        ) from error
    except BuildFailedError as error:
        lines = "\n  ".join(line for line in output[-BUILD_OUTPUT_LINES:] if line.strip())
        raise ImageError(
            f"The requirements of '{image.name}' do not resolve ({error}); correct them. The last "
            f"lines:\n  {lines}"
        ) from error
    finally:
        builder.engine.remove_image(name)
    # What runs in a container does not choose which files are written.
    expected = {f"/lock/{path.stem}.txt" for path in sources}
    return tuple(
        _write(folder, image, Path(path).name, text)
        for path, text in locks.items()
        if path in expected
    )


def _write(folder: Path, image: Image, name: str, text: str) -> Path:
    source = f"{name.removesuffix('.txt')}.in"
    header = (
        f"# Made by `keras-matrix images lock {image.name}` from {source}, inside the base image: "
        "do not edit.\n"
    )
    write_atomically(folder / name, (header + text).encode())
    return folder / name


def _context(image: Image, base: str, sources: list[Path]) -> io.BytesIO:
    # One after the other: an old pip picks wrong releases of the others until it is replaced.
    install = " && ".join(
        f"/tools/bin/python -m pip --disable-pip-version-check install --quiet {tool}"
        for tool in image.lock_tools
    )
    compiled = " && ".join(
        f"/tools/bin/{PIP_COMPILE} --output-file {path.stem}.txt {path.name}" for path in sources
    )
    files: dict[str, bytes] = {}
    # The resolver reads a wheel that this machine has, and the lock names its address.
    there, back = [], []
    for path in sources:
        text = path.read_text(encoding="utf-8")
        for wheel in wheels.addressed(text):
            local = wheels.local(text).get(wheel.file)
            if local is not None:
                files[wheel.file] = local.read_bytes()
                there.append(f"s|{wheel.address}|file:///lock/{wheel.file}|")
                back.append(f"s|file:///lock/{wheel.file}|{wheel.address}|")
        files[path.name] = text.encode()
    there_command = "".join(f" && sed -i '{edit}' *.in" for edit in there)
    back_command = "".join(f" && sed -i '{edit}' *.txt" for edit in back)
    dockerfile = (
        f"FROM {base}\nARG PIP_INDEX_URL\nCOPY *.in *.wh[l] /lock/\nWORKDIR /lock\n"
        f"RUN python -m venv /tools{there_command} && {install} && {compiled}{back_command}\n"
    )
    files[DOCKERFILE] = dockerfile.encode()
    return pack({name: (content, False) for name, content in files.items()})
