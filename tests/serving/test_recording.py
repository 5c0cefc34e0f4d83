"""Recording: many answers in one line, never in the way, and no more of a person than allowed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from lite_mlops.errors import Damaged, Invalid
from lite_mlops.models import InvalidRows
from lite_mlops.project import Project
from lite_mlops.security.pseudonyms import Pseudonyms
from lite_mlops.serving import Endpoint, Recording

FRAME = pd.DataFrame({"age": np.arange(20.0), "name": ["Ann", "Bob"] * 10, "visits": [1, 2] * 10})


def endpoint(project: Project, recording: Recording, personal: Any = ()) -> Endpoint:
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["name"]), remainder="passthrough"
    )
    model = make_pipeline(columns, LogisticRegression()).fit(FRAME, ["no", "yes"] * 10)
    version = project.models.register(
        model, "churn", input_example=FRAME, training=FRAME, personal=personal
    )
    return Endpoint(version, model, recording)


def rows(project: Project, columns: str) -> list[tuple[Any, ...]]:
    asked = f"SELECT {columns} FROM predictions ORDER BY ts, prediction_id"  # noqa: S608
    return list(project.sql(asked).rows)


def on_disk(project: Project) -> Iterator[bytes]:
    for path in project.folder.rglob("*"):
        if path.is_file() and "objects" not in path.parts:
            yield path.read_bytes()


def row(age: float, name: str) -> dict[str, Any]:
    return {"age": age, "name": name, "visits": 1}


def test_many_requests_become_one_line(project: Project) -> None:
    point = endpoint(project, Recording(project.store))
    for number in range(50):
        point.predict([row(number, "Ann"), row(number, "Bob")])
    assert len(rows(project, "prediction_id")) == 100
    lines = [
        line
        for path in project.store.layout.journal.rglob("*.ndjson")
        for line in path.read_text().splitlines()
        if '"k":"predictions"' in line
    ]
    assert 1 <= len(lines) < 50
    assert all(json.loads(line)["model"] == "churn" for line in lines)


def test_each_row_has_its_answer_time_and_latency(project: Project) -> None:
    point = endpoint(project, Recording(project.store))
    answers = point.predict([row(3, "Ann"), row(4, "Bob")])
    found = rows(project, "prediction_id, numbers, texts, value, scores[1], latency_us, version")
    assert [one[0] for one in found] == answers.ids() == [f"{answers.id}-0", f"{answers.id}-1"]
    assert [one[1] for one in found] == [[3.0, None, 1.0], [4.0, None, 1.0]]
    assert [one[2] for one in found] == [[None, "Ann", None], [None, "Bob", None]]
    assert [one[3] for one in found] == answers.predictions()
    assert answers.scores is not None
    assert [one[4] for one in found] == answers.scores[:, 0].tolist()
    assert {one[5:] for one in found} == {(answers.latency_us, 1)}


def test_what_does_not_fit_the_buffer_is_dropped_and_counted(project: Project) -> None:
    recording = Recording(project.store, buffer_rows=10)
    point = endpoint(project, recording)
    point.predict([row(1, "Ann")] * 11)
    point.predict([row(1, "Ann")] * 10)
    assert (recording.recorded, recording.dropped) == (10, 11)
    assert len(rows(project, "1")) == 10


def test_a_line_that_would_be_too_long_is_written_in_parts(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lite_mlops.store.events.MAX_LINE", 2_000)
    recording = Recording(project.store)
    point = endpoint(project, recording)
    answers = point.predict([row(number, "Ann") for number in range(40)])
    point.predict([row(1, "A" * 3_000)])
    assert {one for (one,) in rows(project, "prediction_id")} == set(answers.ids())
    assert recording.dropped == 1


def test_many_rows_of_one_request_become_several_lines(project: Project) -> None:
    answers = endpoint(project, Recording(project.store)).predict(
        [row(n, "Ann") for n in range(600)]
    )
    project.store.background.wait()
    lengths = [
        len(json.loads(line)["ids"])
        for path in project.store.layout.journal.rglob("*.ndjson")
        for line in path.read_text().splitlines()
        if '"k":"predictions"' in line
    ]
    assert sum(lengths) == 600
    assert max(lengths) == 128
    found = rows(project, "prediction_id, numbers[1]")
    assert dict(found) == dict(zip(answers.ids(), map(float, range(600)), strict=True))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_all_or_nothing(project: Project, share: float) -> None:
    point = endpoint(project, Recording(project.store, sample=share))
    for _ in range(20):
        point.predict([row(1, "Ann")])
    assert len(rows(project, "1")) == 20 * share


@pytest.mark.slow
def test_a_share_is_drawn_by_request(project: Project) -> None:
    recording = Recording(project.store, sample=0.5)
    point = endpoint(project, recording)
    for _ in range(400):
        point.predict([row(1, "Ann"), row(2, "Bob")])
    requests = recording.recorded / 2
    assert requests == len(rows(project, "1")) / 2
    assert abs(requests - 200) < 6 * math.sqrt(100)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample": 1.5}, "the share of requests to record is 1.5; expected 0 to 1."),
        ({"sample": math.nan}, "the share of requests to record is nan; expected 0 to 1."),
        ({"inputs": "some"}, "what is kept of inputs is 'some'; expected full or hash or none."),
    ],
)
def test_what_cannot_be_is_refused(project: Project, options: Any, message: str) -> None:
    with pytest.raises(Invalid, match=message.replace("?", r"\?")):
        Recording(project.store, **options)


# -- what tells about a person ------------------------------------------------------------------


def test_a_personal_column_never_touches_the_disk(project: Project) -> None:
    point = endpoint(project, Recording(project.store), {"name": "hash", "age": "none"})
    point.predict([row(987654.25, "Zebedee"), row(123456.75, "Zebedee"), row(1, "Yolanda")])
    found = rows(project, "numbers, texts")
    assert [numbers for numbers, _ in found] == [[None, None, 1.0]] * 3
    hashes = [texts[1] for _, texts in found]
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(hashes[0]) == 32
    assert [texts[0] for _, texts in found] == [None] * 3
    for data in on_disk(project):
        for word in (b"Zebedee", b"Yolanda", b"987654", b"123456"):
            assert word not in data


def test_the_stricter_of_both_counts(project: Project) -> None:
    point = endpoint(project, Recording(project.store, inputs="hash"), {"name": "none"})
    point.predict([row(5, "Ann"), row(5, "Bob")])
    (numbers, texts), (_, others) = rows(project, "numbers, texts")
    assert numbers == [None, None, None]
    assert texts == others
    assert texts[0] is not None
    assert texts[1] is None


def test_nothing_of_the_rows_is_kept(project: Project) -> None:
    point = endpoint(project, Recording(project.store, inputs="none"))
    answers = point.predict([row(5, "Ann"), row(6, "Bob")])
    assert rows(project, "numbers, texts") == [([], None), ([], None)]
    assert [one for (one,) in rows(project, "value")] == answers.predictions()
    assert not project.store.layout.pseudonyms.exists()


def test_numbers_alone_become_pseudonyms_too(project: Project) -> None:
    features = np.arange(20.0).reshape(-1, 2)
    model = LogisticRegression().fit(features, ["no", "yes"] * 5)
    version = project.models.register(model, "plain", input_example=features, personal=["x1"])
    Endpoint(version, model, Recording(project.store)).predict([[1, 2]])
    ((numbers, texts),) = rows(project, "numbers, texts")
    assert numbers == [1.0, None]
    assert texts[0] is None
    assert len(texts[1]) == 32


@pytest.mark.parametrize(
    ("personal", "message"),
    [
        (["nam"], "'nam' is none of the columns of the model. Did you mean 'name'"),
        ({"name": "some"}, "column 'name' cannot be recorded as 'some'"),
    ],
)
def test_a_personal_column_has_to_be_one(project: Project, personal: Any, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        endpoint(project, Recording(project.store), personal)
    assert not project.exists


def test_pseudonyms_are_those_of_a_project(tmp_path: Path) -> None:
    one, same = Pseudonyms(tmp_path / "key"), Pseudonyms(tmp_path / "key")
    other = Pseudonyms(tmp_path / "other")
    assert one.of("name", "Ann") == same.of("name", "Ann") != other.of("name", "Ann")
    assert one.of("name", "Ann") != one.of("city", "Ann")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "other", "work"]
    (tmp_path / "other").write_bytes(b"short")
    with pytest.raises(Damaged, match="is not a key of 32 bytes"):
        Pseudonyms(tmp_path / "other").of("name", "Ann")


def test_a_refused_row_is_not_recorded(project: Project) -> None:
    recording = Recording(project.store)
    with pytest.raises(InvalidRows):
        endpoint(project, recording).predict([{"age": "old", "name": "Ann", "visits": 1}])
    assert recording.recorded == 0
