import pytest

from keras_matrix.engine.answers import EngineFacts
from keras_matrix.engine.security import Security, parse
from keras_matrix.engine.users import CELL_UID, CellUser, Users, cell_user
from keras_matrix.errors import ConfigurationError, EngineError

ROOT, SOMEBODY = (0, 0), (1000, 100)
PLACE = "/var/lib/docker"


def facts(security: Security | None = None) -> EngineFacts:
    return EngineFacts(
        version="27",
        platform="Debian",
        cpus=1,
        memory=2**30,
        limits={},
        security=security or Security(seccomp="builtin"),
        runtimes=("runc", "runsc"),
        default_runtime="runc",
    )


@pytest.mark.parametrize(
    ("options", "root", "expected"),
    [
        ([], PLACE, Security()),
        (["name=seccomp,profile=default"], PLACE, Security(seccomp="default")),
        (["name=seccomp"], PLACE, Security(seccomp="default")),
        (["name=seccomp,profile=unconfined"], PLACE, Security(seccomp="unconfined")),
        (
            ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
            PLACE,
            Security(seccomp="builtin", modules=("apparmor",)),
        ),
        (
            ["name=seccomp,profile=default", "name=userns"],
            f"{PLACE}/231072.231073",
            Security(seccomp="default", mapped=(231072, 231073)),
        ),
        (
            ["name=seccomp,profile=builtin", "name=rootless"],
            "/home/me/.local/share/docker",
            Security(seccomp="builtin", rootless=True),
        ),
    ],
)
def test_what_an_engine_says_of_itself(options: list[str], root: str, expected: Security) -> None:
    assert parse(options, root) == expected


@pytest.mark.parametrize("root", ["", PLACE, f"{PLACE}/231072", f"{PLACE}/a.b"])
def test_users_mapped_to_nobody_knows_whom(root: str) -> None:
    with pytest.raises(EngineError, match="does not say to whom"):
        parse(["name=userns"], root)


@pytest.mark.parametrize(
    ("seccomp", "count"), [("", 1), ("unconfined", 1), ("default", 0), ("builtin", 0)]
)
def test_an_engine_that_filters_nothing_is_told_of(seccomp: str, count: int) -> None:
    found = Security(seccomp=seccomp)
    assert len(found.weaknesses) == count
    assert found.told == (f"seccomp {seccomp or 'unconfined'}",)


def test_all_of_it_is_told() -> None:
    found = Security(seccomp="default", modules=("selinux",), mapped=(5, 6), rootless=True)
    assert found.told == ("seccomp default", "selinux", "user namespaces at 5:6", "rootless")


@pytest.mark.parametrize(
    ("security", "caller", "expected"),
    [
        (Security(), ROOT, CellUser((CELL_UID, CELL_UID), (CELL_UID, CELL_UID))),
        (Security(), SOMEBODY, CellUser(SOMEBODY, SOMEBODY)),
        (
            Security(mapped=(400000, 500000)),
            ROOT,
            CellUser((CELL_UID, CELL_UID), (410001, 510001), Users.NAMESPACE),
        ),
        # Who is not root could not take back what somebody else wrote.
        (
            Security(mapped=(400000, 500000)),
            SOMEBODY,
            CellUser(SOMEBODY, SOMEBODY, Users.HOST_ALL_THE_SAME),
        ),
        (Security(rootless=True), SOMEBODY, CellUser((0, 0), SOMEBODY, Users.NAMESPACE)),
    ],
)
def test_whom_cells_run_as(security: Security, caller: tuple[int, int], expected: CellUser) -> None:
    found = cell_user(security, caller)
    assert found == expected
    # On the host, never root.
    assert 0 not in found.outside


def test_root_does_not_use_the_engine_of_another_user() -> None:
    with pytest.raises(EngineError, match="as that user"):
        cell_user(Security(rootless=True), ROOT)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("", "runc"), ("runsc", "runsc"), ("io.containerd.kata.v2", "io.containerd.kata.v2")],
)
def test_the_runtime_that_is_used(asked: str, expected: str) -> None:
    assert facts().runtime(asked) == expected


def test_a_runtime_that_the_engine_has_not() -> None:
    with pytest.raises(ConfigurationError, match=r"no runtime 'kata', only runc, runsc; name one"):
        facts().runtime("kata")
