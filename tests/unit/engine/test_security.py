import pytest

from keras_matrix.engine.facts import EngineFacts
from keras_matrix.engine.security import Security, parse
from keras_matrix.engine.users import CELL_UID, CellUser, Users, cell_user
from keras_matrix.errors import ConfigurationError, EngineError

ROOT, USER = (0, 0), (1000, 100)
FOLDER = "/var/lib/docker"


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
        ([], FOLDER, Security()),
        (["name=seccomp,profile=default"], FOLDER, Security(seccomp="default")),
        (["name=seccomp"], FOLDER, Security(seccomp="default")),
        (["name=seccomp,profile=unconfined"], FOLDER, Security(seccomp="unconfined")),
        (
            ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
            FOLDER,
            Security(seccomp="builtin", modules=("apparmor",)),
        ),
        (
            ["name=seccomp,profile=default", "name=userns"],
            f"{FOLDER}/231072.231073",
            Security(seccomp="default", mapped=(231072, 231073)),
        ),
        (
            ["name=seccomp,profile=builtin", "name=rootless"],
            "/home/me/.local/share/docker",
            Security(seccomp="builtin", rootless=True),
        ),
    ],
)
def test_the_engines_answer_is_parsed(options: list[str], root: str, expected: Security) -> None:
    assert parse(options, root) == expected


@pytest.mark.parametrize("root", ["", FOLDER, f"{FOLDER}/231072", f"{FOLDER}/a.b"])
def test_users_mapped_to_unknown_numbers(root: str) -> None:
    with pytest.raises(EngineError, match="does not say to which numbers"):
        parse(["name=userns"], root)


@pytest.mark.parametrize(
    ("seccomp", "count"), [("", 1), ("unconfined", 1), ("default", 0), ("builtin", 0)]
)
def test_an_engine_that_filters_no_system_call_is_weak(seccomp: str, count: int) -> None:
    security = Security(seccomp=seccomp)
    assert len(security.weaknesses) == count
    assert security.summary == (f"seccomp {seccomp or 'unconfined'}",)


def test_the_summary_names_all_that_confines() -> None:
    security = Security(seccomp="default", modules=("selinux",), mapped=(5, 6), rootless=True)
    assert security.summary == ("seccomp default", "selinux", "user namespaces at 5:6", "rootless")


@pytest.mark.parametrize(
    ("security", "caller", "expected"),
    [
        (Security(), ROOT, CellUser((CELL_UID, CELL_UID), (CELL_UID, CELL_UID))),
        (Security(), USER, CellUser(USER, USER)),
        (
            Security(mapped=(400000, 500000)),
            ROOT,
            CellUser((CELL_UID, CELL_UID), (410001, 510001), Users.NAMESPACE),
        ),
        # A caller who is not root could not become the owner of what another user wrote.
        (
            Security(mapped=(400000, 500000)),
            USER,
            CellUser(USER, USER, Users.HOST_DESPITE_NAMESPACE),
        ),
        (Security(rootless=True), USER, CellUser((0, 0), USER, Users.NAMESPACE)),
    ],
)
def test_the_user_of_cells(security: Security, caller: tuple[int, int], expected: CellUser) -> None:
    user = cell_user(security, caller)
    assert user == expected
    # On the host, never root.
    assert 0 not in user.outside


def test_root_does_not_use_the_engine_of_another_user() -> None:
    with pytest.raises(EngineError, match="as that user"):
        cell_user(Security(rootless=True), ROOT)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("", "runc"), ("runsc", "runsc"), ("io.containerd.kata.v2", "io.containerd.kata.v2")],
)
def test_the_runtime_that_is_used(name: str, expected: str) -> None:
    assert facts().runtime(name) == expected


def test_a_runtime_that_the_engine_lacks_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"no runtime 'kata', only runc, runsc; name one"):
        facts().runtime("kata")
