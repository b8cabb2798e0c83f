"""Build images: incremental by content key, one build of a key at a time."""

import io
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import filelock
import platformdirs

import runner
from runner.catalog import Catalog, Image
from runner.engine import (
    BuildFailedError,
    Engine,
    ImageInfo,
    ImageNotFoundError,
    RegistryError,
)
from runner.errors import ImageError
from runner.images import standin
from runner.images.key import (
    BASE_DIGEST_LABEL,
    BASE_LABEL,
    KEY_LABEL,
    content_files,
    content_key,
    tag,
)
from runner.images.revision import source_revision
from runner.interrupts import Interrupts
from runner.record import BaseKind, ImageIdentity

OUTPUT_LINES = 12


class BasePolicy(Enum):
    """Which base may be used: AUTO is the registry's, or a stand-in where it cannot be reached."""

    AUTO = "auto"
    HUB = "hub"
    STANDIN = "standin"

    def allowed(self) -> tuple[BaseKind, ...]:
        """Return the kinds of base allowed, the preferred one first."""
        if self is BasePolicy.AUTO:
            return (BaseKind.HUB, BaseKind.STANDIN)
        return (BaseKind(self.value),)


@dataclass(frozen=True)
class Say:
    """Where a build tells what it does: ``step`` is for all to see, ``line`` for the curious."""

    step: Callable[[str], None]
    line: Callable[[str], None]


@dataclass(frozen=True)
class _Base:
    kind: BaseKind
    reference: str
    digest: str


def find(engine: Engine, catalog: Catalog, image: Image, policy: BasePolicy) -> ImageIdentity | None:
    """Return the image as built from the folder's present content, None if it is not built."""
    key = content_key(image, catalog.folder(image))
    for kind in policy.allowed():
        info = engine.image(tag(image, key, kind))
        if info is not None:
            return identity(image, info)
    return None


def identity(image: Image, info: ImageInfo) -> ImageIdentity:
    """Return the identity of a built image, from its own labels.

    Raises:
        ImageError: it carries no such labels.
    """
    try:
        return ImageIdentity(
            name=image.name,
            id=info.id,
            key=info.labels[KEY_LABEL],
            base=BaseKind(info.labels[BASE_LABEL]),
            base_digest=info.labels[BASE_DIGEST_LABEL],
        )
    except (KeyError, ValueError) as error:
        raise ImageError(
            f"The image '{image.name}' is not one that keras-matrix built; remove it and run "
            f"'keras-matrix images build {image.name}'."
        ) from error


def build(
    engine: Engine,
    catalog: Catalog,
    image: Image,
    policy: BasePolicy,
    interrupts: Interrupts,
    say: Say,
) -> ImageIdentity:
    """Return the image, building it if it is not there yet.

    Two builders of the same image wait for each other; the second finds it done.

    Raises:
        ImageError: the base cannot be had, or a step of the build failed.
    """
    found = find(engine, catalog, image, policy)
    if found is not None:
        return found
    key = content_key(image, catalog.folder(image))
    with _build_lock(f"image-{image.name}", interrupts, say):
        found = find(engine, catalog, image, policy)
        if found is not None:
            return found
        base = _base(engine, image, policy, interrupts, say)
        name = tag(image, key, base.kind)
        say.step(f"image {image.name}: building {name}")
        _build_on(engine, catalog, image, base, name, key, interrupts, say)
    info = engine.image(name)
    if info is None:
        raise ImageError(f"The image '{name}' is gone as soon as it was built; build it again.")
    return identity(image, info)


def _build_lock(name: str, interrupts: Interrupts, say: Say) -> filelock.BaseFileLock:
    folder = platformdirs.user_cache_path("keras-matrix", ensure_exists=True)
    lock = filelock.FileLock(folder / f"{name}.lock")
    told = False
    while True:
        try:
            # Polled, so that Ctrl-C is heard while another build is waited for.
            return lock.acquire(timeout=0.2).lock
        except filelock.Timeout:
            if not told:
                say.step(f"{name}: another build is under way; waiting for it")
                told = True
            interrupts.check()


def _base(
    engine: Engine, image: Image, policy: BasePolicy, interrupts: Interrupts, say: Say
) -> _Base:
    if policy is BasePolicy.STANDIN:
        return _standin(engine, image, interrupts, say)
    pinned = image.base.pinned
    try:
        if engine.image(pinned) is None:
            say.step(f"image {image.name}: pulling {pinned}")
            interrupts.result_of(lambda: engine.pull(pinned, image.platform), lambda: None)
    except ImageNotFoundError as error:
        raise ImageError(
            f"The registry has no base {pinned}; correct the digest in the image catalog, or allow "
            "a stand-in with --base standin."
        ) from error
    except RegistryError as error:
        if policy is BasePolicy.HUB:
            raise ImageError(
                f"The base of image '{image.name}' cannot be pulled ({error}); make the registry "
                "reachable, or allow a stand-in with --base auto."
            ) from error
        say.step(f"image {image.name}: the registry cannot be reached ({error})")
        say.step(
            f"image {image.name}: WARNING: building on a STAND-IN base, not the official one; "
            "every record will say 'base: standin'"
        )
        return _standin(engine, image, interrupts, say)
    return _Base(kind=BaseKind.HUB, reference=pinned, digest=image.base.digest)


def _standin(engine: Engine, image: Image, interrupts: Interrupts, say: Say) -> _Base:
    name = standin.standin_tag(image)
    with _build_lock(name.replace("/", "-").replace(":", "-"), interrupts, say):
        info = engine.image(name)
        if info is None:
            with tempfile.TemporaryDirectory(prefix="keras-matrix-standin-") as folder:
                making = standin.StandinBuild(image, Path(folder), say.step)
                root = interrupts.result_of(making.make, making.abandon)
                interrupts.result_of(
                    lambda: engine.import_root(root, name, standin.import_changes()),
                    lambda: None,
                )
            info = engine.image(name)
    if info is None:
        raise ImageError(f"The engine did not keep the stand-in base {name}; build it again.")
    return _Base(kind=BaseKind.STANDIN, reference=name, digest=info.id)


def _build_on(
    engine: Engine,
    catalog: Catalog,
    image: Image,
    base: _Base,
    name: str,
    key: str,
    interrupts: Interrupts,
    say: Say,
) -> None:
    output: list[str] = []

    def on_line(line: str) -> None:
        output.append(line)
        del output[:-OUTPUT_LINES]
        say.line(line)

    def work() -> None:
        engine.build(
            context=_context(catalog.folder(image)),
            tag=name,
            arguments={
                "BASE": base.reference,
                "BASE_NAME": base.reference,
                "BASE_DIGEST": base.digest,
                "VERSION": runner.__version__,
                "REVISION": source_revision(catalog.root),
            },
            labels={
                KEY_LABEL: key,
                BASE_LABEL: base.kind.value,
                BASE_DIGEST_LABEL: base.digest,
            },
            platform=image.platform,
            on_line=on_line,
        )

    try:
        interrupts.result_of(work, lambda: None)
    except BuildFailedError as error:
        told = "\n  ".join(line for line in output if line.strip())
        raise ImageError(
            f"The image '{image.name}' does not build ({error}); its last lines:\n  {told}"
        ) from error


def _context(folder: Path) -> io.BytesIO:
    """Pack the folder as a build context: the same bytes for the same content."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in content_files(folder):
            member = tarfile.TarInfo(str(path.relative_to(folder)))
            content = path.read_bytes()
            member.size = len(content)
            member.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            tar.addfile(member, io.BytesIO(content))
    packed.seek(0)
    return packed
