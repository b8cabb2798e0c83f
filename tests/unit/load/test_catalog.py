from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError, NothingSelectedError
from keras_matrix.load import catalog
from keras_matrix.load import shipped as shipped_module

ENTRY = f"""
[[image]]
name = "jax"
folder = "jax"
backend = "jax"
python = "3.12.4"
[image.base]
reference = "docker.io/library/python:3.12-slim"
digest = "sha256:{"a" * 64}"
[image.expect]
keras = "3.5.0"
"""
GOOD = f"schema = 1\n{ENTRY}"


def write(root: Path, text: str | bytes, folder: str = "jax") -> Path:
    (root / folder).mkdir()
    (root / folder / "Dockerfile").write_text("FROM scratch\n")
    (root / "images.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def test_an_entry(tmp_path: Path) -> None:
    loaded = catalog.load(write(tmp_path, GOOD))
    (image,) = loaded.images
    assert loaded.names == ("jax",)
    assert image.base.pinned == f"docker.io/library/python:3.12-slim@sha256:{'a' * 64}"
    assert image.expect == {"keras": "3.5.0"}
    assert image.platform == "linux/amd64"
    assert loaded.folder(image) == tmp_path / "jax"


def change(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema = 1",
        "schema = ",
        b"schema = 1 # \xff",
        change("schema = 1", "schema = 2"),
        change("schema = 1", "schema = 1\nimages = 1"),
        change('backend = "jax"', 'backend = "jax"\ntensor = 1'),
        change('backend = "jax"', ""),
        change('"3.12.4"', "3.12"),
        change('"3.12.4"', '"latest"'),
        change('"sha256:', '"sha256:b'),
        change('"sha256:', '"md5:'),
        change('"sha256:a', '"sha256:A'),
        change('name = "jax"', 'name = "JAX"'),
        change('name = "jax"', 'name = "../jax"'),
        change('name = "jax"', 'name = ""'),
        change('name = "jax"', 'name = "jax\\n"'),
        change('folder = "jax"', 'folder = "nowhere"'),
        GOOD + ENTRY,
    ],
)
def test_a_malformed_catalog_is_refused_in_one_sentence(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(ConfigurationError) as raised:
        catalog.load(write(tmp_path, text))
    message = str(raised.value)
    assert str(tmp_path) in message
    assert "\n" not in message
    assert message.endswith(".")


def test_an_unknown_field_is_named(tmp_path: Path) -> None:
    text = change('backend = "jax"', 'backend = "jax"\ntensor = 1')
    with pytest.raises(ConfigurationError, match="`tensor`"):
        catalog.load(write(tmp_path, text))


def test_a_missing_catalog_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--catalog"):
        catalog.load(tmp_path)


def test_an_image_without_a_dockerfile_is_named(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    (tmp_path / "jax" / "Dockerfile").unlink()
    with pytest.raises(ConfigurationError, match="'jax' has no Dockerfile"):
        catalog.load(tmp_path)


@pytest.mark.parametrize("name", ["install.sh", "shared/install.sh"])
def test_a_shared_file_lies_beside_the_catalog(tmp_path: Path, name: str) -> None:
    write(tmp_path, change('backend = "jax"', f'backend = "jax"\nshared = ["{name}"]'))
    with pytest.raises(ConfigurationError, match=f"shares {name}, which is not a file"):
        catalog.load(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")
    assert catalog.load(tmp_path).images[0].shared == (name,)
    (tmp_path / "jax" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "jax" / name).write_text("")
    with pytest.raises(ConfigurationError, match=r"has a file of that name.*rename one"):
        catalog.load(tmp_path)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a//b", "a/./b", "", "a/../../b"])
def test_a_shared_file_lies_nowhere_else(tmp_path: Path, name: str) -> None:
    write(tmp_path, change('backend = "jax"', f'backend = "jax"\nshared = ["{name}"]'))
    with pytest.raises(ConfigurationError, match="shared"):
        catalog.load(tmp_path)


def test_a_selection_keeps_the_order_given() -> None:
    shipped = catalog.load(shipped_module.default_root())
    backwards = tuple(reversed(shipped.names))
    assert tuple(image.name for image in shipped.select(backwards)) == backwards


def test_a_group_names_its_images_and_the_first_one_is_meant_by_default() -> None:
    shipped = catalog.load(shipped_module.default_root())
    old = tuple(shipped.get(name) for name in ("tf", "theano"))
    assert shipped.groups == ("legacy", "keras3")
    assert shipped.select(()) == shipped.select(("legacy",)) == old
    new = shipped.select(("keras3",))
    assert tuple(image.name for image in new) == ("keras3-tf", "keras3-jax", "keras3-torch")
    assert shipped.select(("theano", "keras3")) == (old[1], *new)
    with pytest.raises(ConfigurationError, match="named twice in 'tf,legacy'"):
        shipped.select(("tf", "legacy"))


def test_an_unknown_image_gets_a_suggestion() -> None:
    shipped = catalog.load(shipped_module.default_root())
    with pytest.raises(ConfigurationError, match="no image 'theanno'; did you mean 'theano'"):
        shipped.select(("theanno",))
    with pytest.raises(ConfigurationError, match="no image 'cntk'; the images are tf, theano"):
        shipped.get("cntk")


def test_an_image_named_twice_is_refused() -> None:
    shipped = catalog.load(shipped_module.default_root())
    with pytest.raises(ConfigurationError, match="twice"):
        shipped.select(("tf", "tf"))


def test_nothing_can_be_selected_from_an_empty_catalog(tmp_path: Path) -> None:
    empty = catalog.load(write(tmp_path, "schema = 1\nimage = []\n"))
    with pytest.raises(NothingSelectedError):
        empty.select(())
