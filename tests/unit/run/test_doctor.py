import os

import pytest

from keras_matrix.engine.facts import EngineFacts
from keras_matrix.engine.security import Security
from keras_matrix.run import doctor

USER = f"{os.getuid() or 10001}:{os.getgid() or 10001}"


def checks(security: Security) -> dict[str, doctor.Check]:
    facts = EngineFacts(
        version="27",
        platform="Debian",
        cpus=1,
        memory=2**30,
        limits={},
        security=security,
        runtimes=("crun", "runc", "runsc"),
        default_runtime="runc",
    )
    confinement = doctor._check_confinement(facts)
    return {check.name: check for check in (*confinement, doctor._check_user(security))}


def test_runtimes_are_named_the_engines_own_first() -> None:
    found = checks(Security(seccomp="builtin"))["runtime"]
    assert (found.ok, found.found) == (True, "runc (default), crun, runsc")


def test_an_engine_that_closes_cells_off_is_well() -> None:
    found = checks(Security(seccomp="builtin", modules=("apparmor",)))
    assert found["seccomp"] == doctor.Check("seccomp", True, "profile builtin, apparmor")
    assert found["user of cells"].found.endswith(f"on the host {USER}")
    assert not any(check.remedy for check in found.values())


@pytest.mark.parametrize("profile", ["", "unconfined"])
def test_one_that_filters_no_calls_works_but_is_told_of(profile: str) -> None:
    found = checks(Security(seccomp=profile))["seccomp"]
    assert found.ok
    assert found.found.startswith("none")
    assert "unconfined" in found.remedy


@pytest.mark.parametrize(
    ("caller", "security", "ok", "found"),
    [
        (0, Security(mapped=(5, 5)), True, "10001:10001, on the host 10006:10006"),
        (7, Security(mapped=(5, 5)), True, "7:7, on the host 7:7, without the user namespace"),
        (7, Security(rootless=True), True, "0:0, on the host 7:7"),
        (0, Security(rootless=True), False, "none"),
    ],
)
def test_whom_cells_run_as(
    monkeypatch: pytest.MonkeyPatch, caller: int, security: Security, ok: bool, found: str
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: caller)
    monkeypatch.setattr(os, "getgid", lambda: caller)
    check = checks(security)["user of cells"]
    assert (check.ok, check.found) == (ok, found)
