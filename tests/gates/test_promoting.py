"""The registry and gates: no alias moves past what its gate found, except on record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Conflict, Denied, Invalid, NotFound
from lite_mlops.models.gating import Judged, Requirement, matching, objection
from lite_mlops.project import Project
from lite_mlops.settings import PREFIX
from tests.gates.conftest import GATE, Flipping, customers, fitted, register
from tests.store.journals import dump

Write = Callable[[str], None]
FOUR_EYES = GATE.replace("[gate.churn]", "[gate.churn]\napprovals = 1", 1)


def at(project: Project) -> int:
    return project.models.get("churn@champion").version


def dumped(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    with project.store.reading() as database:
        return dump(database)


def refused(
    project: Project, kind: type[Exception], reference: str = "churn/2", **more: Any
) -> str:
    """Promote, and return what the refusal says, after nothing was found to have changed."""
    before = dumped(project)
    with pytest.raises(kind) as error:
        project.models.promote(reference, **more)
    assert dumped(project) == before
    return str(error.value)


def by(project: Project, actor: str) -> Project:
    """The same project, as somebody else."""
    return Project(
        project.folder.parent, actor=actor, capture_code=False, capture_environment=False
    )


# -- the verdict ----------------------------------------------------------------------------------


def test_an_alias_without_a_gate_moves_as_ever(churn: Project) -> None:
    assert churn.models.requirement("churn") is None
    assert churn.models.hindrance("churn/2") is None
    assert churn.models.promote("churn/2", reason="why not").version == 2


def test_a_version_that_passed_is_promoted_with_its_verdict_as_evidence(
    churn: Project, settings_file: Write
) -> None:
    settings_file(GATE)
    report = churn.gates.run("churn/2")
    assert report.passed
    assert churn.models.hindrance("churn/2") is None
    churn.models.promote("churn/2", reason="no worse", evidence={"seen": 1})
    assert at(churn) == 2
    move = churn.models.history("churn")[0]
    assert move.evidence == {
        "seen": 1,
        "gate": {"name": "churn", "digest": report.digest, "verdict": report.number},
    }


def test_a_version_that_was_not_judged_is_refused(churn: Project, settings_file: Write) -> None:
    settings_file(GATE)
    told = refused(churn, Denied)
    assert told == (
        "churn/2 was not made churn@champion: the gate 'churn' did not run for it yet. "
        "`lite-mlops gate run churn/2 --against churn@champion` judges it. Nothing was moved."
    )
    hindrance = churn.models.hindrance("churn/2")
    assert hindrance is not None
    assert hindrance.why == "the gate 'churn' did not run for it yet"
    assert churn.models.hindrance("churn/1") is None  # it has it
    with pytest.raises(Denied, match="did not run for it yet"):
        churn.models.set_alias("churn", "champion", 2)
    churn.models.set_alias("churn", "challenger", 2)  # which has no gate
    churn.models.set_alias("churn", "champion", 1)  # where it is already
    assert at(churn) == 1


def test_a_version_that_failed_is_refused_with_the_reason(
    churn: Project, settings_file: Write
) -> None:
    settings_file(GATE)
    rows = customers()
    register(churn, Flipping(0.3).fit(rows[["visits", "age"]], rows["left"]), rows)
    assert churn.gates.run("churn/3").outcome == "failed"
    told = refused(churn, Denied, "churn/3")
    assert told.startswith(
        "churn/3 was not made churn@champion: its gate said 'failed' (accuracy not worse: accuracy "
    )
    assert "An override with a reason moves it all the same, on record. Nothing was moved." in told


def test_the_latest_verdict_on_the_same_stands(churn: Project, settings_file: Write) -> None:
    settings_file(GATE)
    good = churn.gates.run("churn/2")
    bad = {**_event_of(churn, good.number), "outcome": "failed", "report": {"verdicts": []}}
    _record(churn, bad)
    assert "its gate said 'failed'." in refused(churn, Denied)
    churn.gates.run("churn/2")
    churn.models.promote("churn/2")


def _event_of(project: Project, number: int | None) -> dict[str, Any]:
    with project.store.reading() as database:
        database.execute("SELECT record FROM decisions WHERE number = ?", number)
        found: dict[str, Any] = json.loads(database.cursor.fetchall()[0][0])
    return {name: value for name, value in found.items() if name not in ("k", "ts", "decision")}


def _record(project: Project, fields: dict[str, Any]) -> None:
    from lite_mlops.store.events import GateJudged

    with project.store.deciding() as decisions:
        decisions.record(GateJudged(**fields))


def test_a_change_of_the_settings_asks_for_another_run(
    churn: Project, settings_file: Write
) -> None:
    settings_file(GATE)
    churn.gates.run("churn/2")
    settings_file(GATE.replace("0.05", "0.04"))
    assert "the settings of the gate 'churn' have changed since it ran, 20" in refused(
        churn, Denied
    )
    settings_file(GATE)
    churn.models.promote("churn/2")  # as they were then


def test_other_data_asks_for_another_run(churn: Project, settings_file: Write) -> None:
    settings_file(GATE)
    churn.gates.run("churn/2")
    churn.datasets.add(customers(seed=2), "holdout", snapshot=True)
    told = refused(churn, Denied)
    assert "the gate ran on holdout@latest (" in told
    assert "), and holdout@latest is " in told
    churn.gates.run("churn/2")
    churn.models.promote("churn/2")


def test_a_run_on_other_data_than_the_gate_names_counts_for_nothing(
    churn: Project, settings_file: Write
) -> None:
    settings_file(GATE)
    assert churn.gates.run("churn/2", data=customers(seed=3)).passed
    assert "the gate ran on DataFrame (" in refused(churn, Denied)
    churn.gates.run("churn/2")
    churn.gates.run("churn/2", data=customers(seed=4))  # a later one does no harm
    churn.models.promote("churn/2")


def test_data_in_a_file_is_known_by_its_content(
    churn: Project, settings_file: Write, tmp_path: Path
) -> None:
    file = tmp_path / "work" / "holdout.csv"
    customers(seed=1).to_csv(file, index=False)
    settings_file(GATE.replace("holdout@latest", "holdout.csv"))
    assert churn.gates.run("churn/2").passed
    customers(seed=2).to_csv(file, index=False)
    assert "the gate ran on holdout.csv (" in refused(churn, Denied)
    file.unlink()
    assert "the data of its gate cannot be read: There is no file" in refused(churn, Denied)
    customers(seed=1).to_csv(file, index=False)  # the same content again
    churn.models.promote("churn/2")


def test_another_champion_asks_for_another_run(churn: Project, settings_file: Write) -> None:
    rows = customers()
    register(churn, fitted(rows), rows)
    settings_file(GATE)
    for candidate in ("churn/2", "churn/3"):
        assert churn.gates.run(candidate, "churn@champion").against == "churn/1"
    churn.models.promote("churn/3")
    told = refused(churn, Denied)
    assert "the gate compared it with churn/1, and churn@champion is churn/3 now" in told
    assert churn.gates.run("churn/2").against == "churn/3"
    churn.models.promote("churn/2")


def test_a_verdict_may_grow_too_old(churn: Project, settings_file: Write) -> None:
    settings_file(GATE.replace("[gate.churn]", '[gate.churn]\nvalid = "1s"', 1))
    report = churn.gates.run("churn/2")
    requirement = churn.models.requirement("churn")
    assert requirement is not None
    judged = churn.gates.history("churn")[0]
    assert judged.number == report.number
    about: dict[str, Any] = {"mover": "ann", "approvals": []}
    version = churn.models.get("churn/2")
    late = judged.judged_at + timedelta(seconds=1.5)
    found = objection(requirement, version, judged, now=late, **about)
    assert found is not None
    assert found.why.endswith("which is longer ago than the gate 'churn' allows")
    assert objection(requirement, version, judged, now=judged.judged_at, **about) is None


def test_the_first_version_needs_its_gate_as_well(churn: Project, settings_file: Write) -> None:
    settings_file(GATE.replace("[gate.churn]", '[gate.churn]\nalias = "live"', 1))
    assert "did not run for it yet" in refused(churn, Denied, "churn/1", to="live")
    report = churn.gates.run("churn/1")
    assert (report.against, report.passed) == (None, True)
    churn.models.promote("churn/1", "live")
    assert churn.models.promote("churn/1", "live").version == 1


def test_taking_the_alias_away_first_is_no_way_around(churn: Project, settings_file: Write) -> None:
    settings_file(GATE)
    rows = customers()
    register(churn, Flipping(0.3).fit(rows[["visits", "age"]], rows["left"]), rows)
    churn.models.remove_alias("churn", "champion")
    report = churn.gates.run("churn/3")
    assert (report.against, report.outcome) == ("churn/1", "failed")
    assert "its gate said 'failed'" in refused(churn, Denied, "churn/3")
    assert churn.gates.run("churn/2").against == "churn/1"
    churn.models.promote("churn/2")
    assert at(churn) == 2


def test_a_gate_that_cannot_be_read_keeps_its_alias(churn: Project, settings_file: Write) -> None:
    settings_file('[gate.churn]\napprovals = "two"')
    assert "[gate.churn]: approvals = 'two' cannot be used" in refused(churn, Invalid)
    settings_file("[gate.churn]\napprovals = 1\n[gate.other]\nmodel = 'churn'\napprovals = 1")
    assert "churn@champion has two gates, [gate.churn] and [gate.other]" in refused(churn, Invalid)
    settings_file("[gate.churn")
    assert "is not valid TOML" in refused(churn, Invalid)
    settings_file("gate = 3")
    assert "gate" in refused(churn, Invalid)


# -- overriding -----------------------------------------------------------------------------------


def test_an_override_needs_a_reason_and_is_an_event_of_its_own(
    churn: Project, settings_file: Write
) -> None:
    settings_file(GATE)
    for reason in (None, " "):
        told = refused(churn, Invalid, override=True, reason=reason)
        assert told == (
            "an override of a gate needs a reason, which is recorded. Nothing was moved."
        )
    churn.models.promote("churn/2", override=True, reason="the old one is down")
    assert at(churn) == 2
    with churn.store.reading() as database:
        database.execute("SELECT gate, model, version, alias, why, reason FROM gate_overrides")
        assert database.cursor.fetchall() == [
            (
                "churn",
                "churn",
                2,
                "champion",
                "the gate 'churn' did not run for it yet",
                "the old one is down",
            )
        ]
        database.execute("SELECT kind FROM decisions ORDER BY number DESC LIMIT 2")
        assert database.cursor.fetchall() == [("alias_set",), ("gate_overridden",)]
    move = churn.models.history("churn")[0]
    assert move.evidence is not None
    assert move.evidence["gate"]["overridden"] == "the gate 'churn' did not run for it yet"


def test_an_override_of_a_gate_that_passed_is_an_ordinary_move(
    churn: Project, settings_file: Write
) -> None:
    settings_file(GATE)
    churn.gates.run("churn/2")
    churn.models.promote("churn/2", override=True, reason="to be sure")
    with churn.store.reading() as database:
        database.execute("SELECT count(*) FROM gate_overrides")
        assert database.cursor.fetchall() == [(0,)]


# -- four eyes ------------------------------------------------------------------------------------


def test_a_second_person_has_to_approve(churn: Project, settings_file: Write) -> None:
    settings_file(FOUR_EYES)
    own = churn.settings.who()
    ann, bob = by(churn, "ann"), by(churn, "bob")
    with pytest.raises(Denied, match="cannot be approved for @champion yet: the gate 'churn' did"):
        ann.models.approve("churn/2")
    churn.gates.run("churn/2")
    told = refused(churn, Denied)
    assert told == (
        f"churn/2 was not made churn@champion: it needs one approval by others than {own}, who "
        "registered it or moves the alias, and nobody approved it. `lite-mlops approve churn/2 "
        "--for champion` gives one. Nothing was moved."
    )
    before = dumped(churn)
    with pytest.raises(Denied) as error:
        churn.models.approve("churn/2")
    assert str(error.value) == (
        f"{own} registered churn/2 and cannot approve it as well; somebody else has to. Nothing "
        "was recorded."
    )
    assert dumped(churn) == before
    approval = ann.models.approve("churn/2", reason="read the report")
    assert (approval.actor, approval.version, approval.alias) == ("ann", 2, "champion")
    with pytest.raises(Conflict, match="ann approved churn/2 for @champion already"):
        ann.models.approve("churn/2")
    # Who approved does not move it alone.
    assert "needs one approval by others than ann and " in refused(ann, Denied)
    bob.models.promote("churn/2", reason="approved by ann")
    move = churn.models.history("churn")[0]
    assert move.evidence is not None
    assert move.evidence["gate"]["approved_by"] == ["ann"]
    assert [one.actor for one in churn.models.approvals("churn/2")] == ["ann"]
    for one in (ann, bob):
        one.close()


def test_an_approval_is_of_what_was_found_and_not_of_what_comes_later(
    churn: Project, settings_file: Write
) -> None:
    settings_file(FOUR_EYES)
    churn.gates.run("churn/2")
    ann = by(churn, "ann")
    ann.models.approve("churn/2")
    churn.gates.run("churn/2")  # the same again: it stays
    assert churn.models.hindrance("churn/2") is None
    churn.datasets.add(customers(seed=2), "holdout", snapshot=True)
    churn.gates.run("churn/2")
    assert "and nobody approved it" in refused(churn, Denied)
    ann.models.approve("churn/2")
    churn.models.promote("churn/2")
    ann.close()


def test_an_approval_that_nobody_asks_for_is_refused(churn: Project, settings_file: Write) -> None:
    ann = by(churn, "ann")
    with pytest.raises(Conflict, match="churn@champion asks for no approval"):
        ann.models.approve("churn/2")
    settings_file(GATE)
    with pytest.raises(Conflict, match="churn@champion asks for no approval"):
        ann.models.approve("churn/2")
    with pytest.raises(NotFound, match="has no version 9"):
        ann.models.approve("churn/9")
    ann.close()


def test_a_version_that_failed_cannot_be_approved(churn: Project, settings_file: Write) -> None:
    settings_file(FOUR_EYES.replace("margin = 0.05", "margin = 0.000001"))
    churn.gates.run("churn/2")
    ann = by(churn, "ann")
    with pytest.raises(Denied, match=r"cannot be approved for @champion yet: its gate said '"):
        ann.models.approve("churn/2")
    ann.close()


# -- other ways to an alias -----------------------------------------------------------------------


def test_rolling_back_needs_no_gate(churn: Project, settings_file: Write) -> None:
    settings_file(GATE)
    churn.gates.run("churn/2")
    churn.models.promote("churn/2")
    churn.models.rollback("churn", reason="too many false alarms")
    assert at(churn) == 1
    churn.models.rollback("churn", undo=True)
    assert at(churn) == 2
    # Setting it to what it was is a move like any other.
    assert "did not run for it yet" in refused(churn, Denied, "churn/1")


def test_a_new_version_does_not_get_an_alias_that_has_a_gate(
    churn: Project, settings_file: Write, tmp_path: Path
) -> None:
    settings_file(GATE)
    rows = customers()
    before = dumped(churn)
    objects = sorted(churn.store.layout.objects.rglob("*"))
    with pytest.raises(Denied) as error:
        churn.models.register(
            fitted(rows), "churn", input_example=rows[["visits", "age"]][:3], alias="champion"
        )
    assert str(error.value) == (
        "churn@champion has the gate 'churn', which a new version cannot have passed. Register it "
        "without the alias, run the gate, and promote it. Nothing was registered."
    )
    with pytest.raises(Denied, match="Nothing was registered"):
        churn.models.register_kept("churn/2", "churn", alias="champion")
    assert dumped(churn) == before
    assert sorted(churn.store.layout.objects.rglob("*")) == objects
    churn.models.register_kept("churn/2", "churn", alias="challenger")


def test_a_canary_is_promoted_through_the_gate(churn: Project, settings_file: Write) -> None:
    settings_file(GATE)
    churn.endpoints.canary("churn@champion", "churn/2", 0.1)
    before = dumped(churn)
    with pytest.raises(Denied, match="the gate 'churn' did not run for it yet"):
        churn.endpoints.promote("churn@champion")
    with pytest.raises(Invalid, match="an override of a gate needs a reason"):
        churn.endpoints.promote("churn@champion", override=True)
    assert dumped(churn) == before
    assert churn.endpoints.get("churn@champion").trial.canary == 2
    churn.gates.run("churn/2")
    churn.endpoints.promote("churn@champion", reason="passed both")
    assert at(churn) == 2
    assert churn.endpoints.get("churn@champion").trial.canary is None
    move = churn.models.history("churn")[0]
    assert move.evidence is not None
    assert {"gate", "share"} <= move.evidence.keys()


def test_a_gate_that_code_defined_keeps_its_alias(churn: Project, settings_file: Write) -> None:
    definition = {"approvals": 1}
    gate = churn.gates.define("churn", definition, reason="four eyes")
    assert gate.requirement.approvals == 1
    assert "did not run for it yet" in refused(churn, Denied)
    settings_file(GATE)  # the file goes first
    churn.gates.run("churn/2")
    churn.models.promote("churn/2")
    settings_file("")
    assert "did not run" in refused(churn, Denied, "churn/1")
    churn.gates.remove("churn", reason="done")
    churn.models.promote("churn/1")
    with pytest.raises(NotFound, match="No gate 'churn' was defined in code"):
        churn.gates.remove("churn")
    with pytest.raises(Invalid, match="keep nothing"):
        churn.gates.define("churn", {})
    with pytest.raises(Invalid, match="cannot be written as JSON"):
        churn.gates.define("churn", {"label": object()})


# -- several at once ------------------------------------------------------------------------------

RACER = """
import sys
from lite_mlops.errors import Conflict, Denied
from lite_mlops.project import Project
project = Project(actor=sys.argv[1], capture_code=False, capture_environment=False)
project.models.get("churn/2")
print("ready", flush=True)
sys.stdin.readline()
try:
    if sys.argv[2] == "approve":
        project.models.approve("churn/2")
    else:
        project.models.promote(sys.argv[2])
except (Conflict, Denied) as error:
    print("refused", error)
else:
    print("done")
"""


def race(project: Project, *racers: tuple[str, str]) -> list[str]:
    """Have people act at the same moment; return what each was told."""
    environment = os.environ | {PREFIX + "DIR": str(project.folder.parent)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, *racer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for racer in racers
    ]
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in started:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    return [one.communicate(timeout=60)[0].strip() for one in started]


@pytest.mark.slow
def test_of_two_candidates_that_passed_one_is_promoted(
    churn: Project, settings_file: Write
) -> None:
    rows = customers()
    register(churn, fitted(rows), rows)
    settings_file(GATE)
    for candidate in ("churn/2", "churn/3"):
        assert churn.gates.run(candidate).passed
    churn.close()
    told = race(churn, ("ann", "churn/2"), ("bob", "churn/3"))
    assert sorted(one.split()[0] for one in told) == ["done", "refused"]
    (refusal,) = [one for one in told if one != "done"]
    winner = at(churn)
    assert f"compared it with churn/1, and churn@champion is churn/{winner} now" in refusal
    assert told[winner - 2] == "done"


@pytest.mark.slow
def test_promoting_and_approving_at_once_never_moves_it_unapproved(
    churn: Project, settings_file: Write
) -> None:
    settings_file(FOUR_EYES)
    churn.gates.run("churn/2")
    churn.close()
    told = race(churn, ("ann", "approve"), ("bob", "churn/2"))
    assert told[0] == "done"
    numbers = _numbers(churn)
    if told[1] == "done":
        assert at(churn) == 2
        assert numbers["version_approved"] < numbers["alias_set"]
    else:
        assert "nobody approved it" in told[1]
        assert at(churn) == 1


def _numbers(project: Project) -> dict[str, int]:
    with project.store.reading() as database:
        database.execute("SELECT kind, max(number) FROM decisions GROUP BY kind")
        return dict(database.cursor.fetchall())


# -- pure -----------------------------------------------------------------------------------------


def kept(number: int, **more: Any) -> Judged:
    """A verdict on record, of the gate `g` on m/2 for m@a."""
    about: dict[str, Any] = {
        "gate": "g",
        "model": "m",
        "version": 2,
        "alias": "a",
        "baseline": 1,
        "digest": "d",
        "data_name": "holdout@latest",
        "data_sha256": "x" * 64,
        "rows": 5,
        "seed": 0,
        "outcome": "passed",
        "report": {},
        "actor": "ann",
    }
    return Judged(number=number, judged_at=datetime.now(UTC), **{**about, **more})


REQUIRED = Requirement("g", "m", "a", digest="d", data="holdout@latest")


def test_of_several_verdicts_that_on_what_is_there_now_counts() -> None:
    old, data, other = kept(4), kept(5, data_sha256="y" * 64), kept(6, digest="e")
    found = matching(REQUIRED, [other, data, old], 1, "x" * 64)
    assert isinstance(found, Judged)
    assert found.number == 4
    assert matching(REQUIRED, [other], 1, "x" * 64) == (
        f"the settings of the gate 'g' have changed since it ran, {other.judged_at:%Y-%m-%d %H:%M} "
        "UTC"
    )
    assert matching(REQUIRED, [old], None, "x" * 64) == (
        "the gate compared it with m/1, and m@a is nothing now"
    )


fields = st.fixed_dictionaries(
    {
        "digest": st.sampled_from("de"),
        "data_sha256": st.sampled_from(["x" * 64, "y" * 64, None]),
        "baseline": st.sampled_from([1, 2, None]),
    }
)


@given(st.lists(fields, max_size=6), st.sampled_from([1, 2, None]), st.booleans())
def test_a_verdict_counts_for_exactly_what_it_was_given_on(
    some: list[dict[str, Any]], present: int | None, named: Any
) -> None:
    requirement = REQUIRED if named else replace(REQUIRED, data=None)
    verdicts = [kept(number, **one) for number, one in enumerate(some)]
    wanted = [
        one.number
        for one in verdicts
        if one.digest == "d"
        and one.baseline == present
        and (not named or one.data_sha256 == "x" * 64)
    ]
    found = matching(requirement, verdicts, present, "x" * 64 if named else None)
    if wanted:
        assert isinstance(found, Judged)
        assert found.number == wanted[0]
    else:
        assert isinstance(found, str)
