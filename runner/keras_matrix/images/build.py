"""Build images that do not exist yet for their content key, one build of an image at a time."""

import io
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import keras_matrix
from keras_matrix.engine.answers import ImageInfo
from keras_matrix.engine.client import Engine
from keras_matrix.errors import BuildFailedError, ImageError, ImageNotFoundError, RegistryError
from keras_matrix.images import standin, wheels
from keras_matrix.images.key import content_files, content_key, is_program, tag
from keras_matrix.images.labels import (
    BASE_DIGEST_LABEL,
    BASE_LABEL,
    KEY_LABEL,
    catalog_labels,
    source_labels,
)
from keras_matrix.images.verify import LOCK_PATTERN
from keras_matrix.interrupts import Interrupts
from keras_matrix.load import git
from keras_matrix.load.catalog import Catalog, Image
from keras_matrix.plan.images import BaseKind, BasePolicy, ImageIdentity
from keras_matrix.records import cache, locks
from keras_matrix.records.locks import Waiting

BUILD_OUTPUT_LINES = 12
"""Lines of a failed build's output that are shown."""
WHEELS_FOLDER = "wheels"
"""The folder of a build's context with wheels that this machine has."""
MAX_PARALLEL_BUILDS = 2
"""Each downloads, unpacks and compiles."""


@dataclass(frozen=True)
class Say:
    """The output of a build: ``step`` is always shown, ``line`` with ``--verbose`` only."""

    step: Callable[[str], None]
    line: Callable[[str], None]


@dataclass(frozen=True)
class Base:
    """A base that the engine holds: ``reference`` is what to build on."""

    kind: BaseKind
    reference: str
    name: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Builder:
    """Finds and builds the images of a catalog on an engine."""

    engine: Engine
    catalog: Catalog
    policy: BasePolicy
    interrupts: Interrupts
    say: Say

    def find(self, image: Image) -> ImageIdentity | None:
        """Return the image as built from its present sources, None if it is not built."""
        return find(self.engine, self.catalog, image, self.policy)

    def build(self, image: Image) -> ImageIdentity:
        """Return the image, and build it first if necessary.

        Of two builders of one image, the second waits, and then finds the image built.

        Raises:
            ImageError: the base is not available, or a step of the build failed.
        """
        existing = self.find(image)
        if existing is not None:
            return existing
        with self._lock(f"image-{image.name}"):
            existing = self.find(image)
            if existing is not None:
                return existing
            base = self.base(image)
            key = content_key(self.catalog, image)
            name = tag(image, key, base.kind)
            self.say.step(f"image {image.name}: building {name}")
            self._build_on(image, base, name, key)
            info = self.engine.image(name)
        if info is None:
            raise ImageError(f"The image '{name}' was removed after its build; build it again.")
        return identity(image, info)

    def build_all(
        self, images: Sequence[Image], connect: Callable[[], Engine]
    ) -> dict[str, ImageIdentity]:
        """Return images by name, after building the missing ones in parallel.

        ``connect`` opens a connection for each build.

        Raises:
            ImageError: as :meth:`build` does, once the other builds have ended.
        """
        built = {image.name: self.find(image) for image in images}
        missing = [image for image in images if built[image.name] is None]

        def build(image: Image) -> ImageIdentity:
            with connect() as engine:
                return replace(self, engine=engine).build(image)

        if missing:
            with ThreadPoolExecutor(max_workers=MAX_PARALLEL_BUILDS) as threads:
                built.update(
                    zip((i.name for i in missing), threads.map(build, missing), strict=True)
                )
        return {name: image for name, image in built.items() if image is not None}

    def base(self, image: Image) -> Base:
        """Return the base of an image, and pull or make it first if necessary.

        Raises:
            ImageError: the base is not available.
        """
        if self.policy is BasePolicy.STANDIN:
            return self._standin(image)
        pinned = image.base.pinned
        try:
            if self.engine.image(pinned) is None:
                self.say.step(f"image {image.name}: pulling {pinned}")
                self.interrupts.result_of(
                    lambda: self.engine.pull(pinned, image.platform), abandon=abandon_build
                )
        except ImageNotFoundError as error:
            raise ImageError(
                f"The registry has no base {pinned}; correct the digest in the image catalog, or "
                "allow a stand-in with --base standin."
            ) from error
        except RegistryError as error:
            if self.policy is BasePolicy.HUB:
                raise ImageError(
                    f"The base of image '{image.name}' cannot be pulled ({error}); make the "
                    "registry reachable, or allow a stand-in with --base auto."
                ) from error
            self.say.step(f"image {image.name}: the registry cannot be reached ({error})")
            self.say.step(
                f"image {image.name}: WARNING: building on a STAND-IN base, not the official "
                "one; every record will say 'base: standin'"
            )
            return self._standin(image)
        return Base(BaseKind.HUB, reference=pinned, name=pinned, digest=image.base.digest)

    def _standin(self, image: Image) -> Base:
        name = standin.standin_tag(image)
        with self._lock(name.replace("/", "-").replace(":", "-")):
            info = self.engine.image(name)
            if info is None:
                with tempfile.TemporaryDirectory(prefix="keras-matrix-standin-") as folder:
                    stand_in = standin.StandinBuild(image, Path(folder), self.say.step)
                    root = self.interrupts.result_of(stand_in.make, abandon=stand_in.abandon)
                    changes = standin.import_changes()
                    self.interrupts.result_of(
                        lambda: self.engine.import_root(root, name, changes), abandon=abandon_build
                    )
                info = self.engine.image(name)
        if info is None:
            raise ImageError(f"The engine did not keep the stand-in base {name}; build it again.")
        # By its tag: BuildKit takes the id of an image for the name of one in a registry.
        return Base(BaseKind.STANDIN, reference=name, name=name, digest=info.id)

    def _build_on(self, image: Image, base: Base, name: str, key: str) -> None:
        output: list[str] = []

        def on_line(line: str) -> None:
            output.append(line)
            del output[:-BUILD_OUTPUT_LINES]
            self.say.line(line)

        revision = git.head(self.catalog.root) or keras_matrix.__version__

        def work() -> None:
            self.engine.build(
                context=_context(self.catalog, image),
                tag=name,
                arguments={
                    "BASE": base.reference,
                    "BASE_NAME": base.name,
                    "BASE_DIGEST": base.digest,
                    "VERSION": keras_matrix.__version__,
                    "REVISION": revision,
                },
                labels={
                    **catalog_labels(image),
                    **source_labels(revision, base.name, base.digest),
                    KEY_LABEL: key,
                    BASE_LABEL: base.kind.value,
                    BASE_DIGEST_LABEL: base.digest,
                },
                platform=image.platform,
                on_line=on_line,
            )

        try:
            self.interrupts.result_of(work, abandon=abandon_build)
        except BuildFailedError as error:
            lines = "\n  ".join(line for line in output if line.strip())
            raise ImageError(
                f"The image '{image.name}' does not build ({error}); correct its Dockerfile. "
                f"The last lines of the build:\n  {lines}"
            ) from error

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        folder = cache.root()
        folder.mkdir(parents=True, exist_ok=True)
        waiting = Waiting(say=self.say.step, check=self.interrupts.check)
        with locks.held(folder / f"{name}.lock", f"the build of {name}", waiting, cache.REMEDY):
            yield


def abandon_build() -> None:
    """Do nothing: the engine stops a build or a pull with the connection that requested it."""


def find(
    engine: Engine, catalog: Catalog, image: Image, policy: BasePolicy
) -> ImageIdentity | None:
    """Return the image as built from its present sources, None if it is not built.

    A tag can be moved to any image, so the image's own labels decide.
    """
    key = content_key(catalog, image)
    for kind in policy.allowed():
        info = engine.image(tag(image, key, kind))
        if info is None:
            continue
        built_image = identity(image, info)
        if (built_image.key, built_image.base) == (key, kind):
            return built_image
    return None


def built(engine: Engine, catalog: Catalog, image: Image, policy: BasePolicy) -> ImageIdentity:
    """Return the image as :func:`find` does.

    Raises:
        ImageError: it is not built.
    """
    existing = find(engine, catalog, image, policy)
    if existing is None:
        raise ImageError(
            f"The image '{image.name}' is not built; run 'keras-matrix images build {image.name}'."
        )
    return existing


def identity(image: Image, info: ImageInfo) -> ImageIdentity:
    """Return the identity of a built image, as its labels state it.

    Raises:
        ImageError: it has no such labels.
    """
    try:
        return ImageIdentity(
            name=image.name,
            id=info.id,
            key=info.labels[KEY_LABEL],
            base=BaseKind(info.labels[BASE_LABEL]),
            base_digest=info.labels[BASE_DIGEST_LABEL],
            content=info.content,
        )
    except (KeyError, ValueError) as error:
        raise ImageError(
            f"The image '{image.name}' was not built by keras-matrix; remove it and run "
            f"'keras-matrix images build {image.name}'."
        ) from error


def _context(catalog: Catalog, image: Image) -> io.BytesIO:
    files = content_files(catalog, image)
    packed = {name: (path.read_bytes(), is_program(path)) for name, path in files.items()}
    for path in sorted(catalog.folder(image).glob(LOCK_PATTERN)):
        for name, wheel in wheels.local(path.read_text(encoding="utf-8")).items():
            packed[f"{WHEELS_FOLDER}/{name}"] = (wheel.read_bytes(), False)
    return pack(packed)


def pack(files: Mapping[str, tuple[bytes, bool]]) -> io.BytesIO:
    """Pack a build context as a tar archive, the same files always to the same bytes.

    ``files`` maps a name to the file's content and whether it is a program.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, (content, program) in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o755 if program else 0o644
            tar.addfile(member, io.BytesIO(content))
    packed.seek(0)
    return packed
