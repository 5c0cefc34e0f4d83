"""Canaries beside several workers: one of them judges, by what all of them count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lite_mlops.project import Project
from lite_mlops.serving import Both, Counts
from lite_mlops.web.workers.trials import Counted
from tests.conftest import Prepared, wait_until
from tests.serving.trials.models import register, register_champion
from tests.web.workers.conftest import Group, Load, story


def both(requests: int) -> Both:
    return Both(Counts(requests=requests), Counts(requests=requests, failed=1))


def test_who_judges_is_told_what_all_have_counted(tmp_path: Path) -> None:
    one, two, three = (Counted(tmp_path, number) for number in (1, 2, 3))
    one.judges = True
    assert two("trial", both(10)) is None
    assert three("other", both(5)) is None
    assert one("trial", both(100)) == Both(
        Counts(requests=110), Counts(requests=110, failed=2)
    )  # not those of another trial
    two("trial", both(20))
    one.judges, two.judges = False, True
    assert one("trial", both(200)) is None
    found = two("trial", both(20))
    assert found is not None
    assert found.present.requests == 220
    (tmp_path / "1.trials").unlink()  # it has ended
    found = two("trial", both(21))
    assert found is not None
    assert found.present.requests == 21


def test_a_bad_canary_is_rolled_back_once_for_all_workers(
    project: Project, start: Callable[..., Group], prepared: Prepared
) -> None:
    prepared(project, register_champion)
    register(project, "b", "raise")
    group = start("2", decided={"canary": "churn/2=50%"})
    group.wait_for(2)

    def rolled_back() -> list[str]:
        return [what for what, _ in story(project, "canary", "rolled back")]

    with Load(group.address, b"[[9.5]]", clients=4, pause=0.005) as load:
        wait_until(lambda: group.heard("goes on without it"))
        wait_until(lambda: rolled_back() == ["canary", "rolled back"])
        count = len(load.answers)
        wait_until(lambda: len(load.answers) > count + 50)
    assert load.broken == []
    code, _, errors = group.end()
    assert code == 0
    told = "churn/2, which is on trial, fails: RuntimeError('it does not like 9.5')"
    assert set(errors.splitlines()) == {told}
    assert rolled_back() == ["canary", "rolled back"]
    assert project.models.get("churn@champion").version == 1
    # Both workers counted, and only one of them judged.
    rows = project.sql(
        "SELECT count(DISTINCT writer), count(DISTINCT writer) FILTER (json_exists(detail, '$.e')) "
        "FROM endpoint_evidence WHERE role = 'canary'"
    ).rows
    assert rows == ((2, 1),)
