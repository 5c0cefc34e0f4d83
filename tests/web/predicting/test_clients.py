"""The clients that people have: tritonclient with its defaults, KServe's shapes, httpx, curl."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.web.predicting.conftest import CHURN, FRAME, ONE, PLANS, ROWS, Site

FEW = ROWS[:5]
WANTED = CHURN.predict(FEW).tolist()


# -- tritonclient -------------------------------------------------------------------------------


@pytest.fixture
def client(site: Site) -> Iterator[Any]:
    with triton.InferenceServerClient(site.url.removeprefix("http://")) as made:
        yield made


def given(name: str, values: Any, *, binary: bool = True) -> Any:
    kind = {"f": "FP64", "i": "INT64", "b": "BOOL"}.get(values.dtype.kind, "BYTES")
    tensor = triton.InferInput(name, list(values.shape), kind)
    tensor.set_data_from_numpy(values, binary_data=binary)
    return tensor


def test_triton_asks_about_the_server(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("plans@champion")
    assert client.is_model_ready("churn", "1")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    columns = client.get_model_metadata("plans@champion")["inputs"]
    assert [one["name"] for one in columns] == ["age", "visits", "plan", "active"]


def test_triton_asks_with_its_defaults(client: Any) -> None:
    """Which are bytes both ways, and all outputs as bytes."""
    inputs = [given("age", FEW[:, 0].copy()), given("visits", FEW[:, 1].copy())]
    answer = client.infer("churn", inputs, request_id="mine")
    assert [label.decode() for label in answer.as_numpy("predict")] == WANTED
    assert answer.get_response()["id"] == "mine"
    assert answer.get_response()["parameters"]["prediction_id"]
    answer = client.infer("churn", [given("any name", FEW.copy())], model_version="1")
    assert [label.decode() for label in answer.as_numpy("predict")] == WANTED


@pytest.mark.parametrize("binary", [True, False])
def test_triton_sends_columns_of_every_type(client: Any, *, binary: bool) -> None:
    frame = FRAME.iloc[:6]
    inputs = [
        given(
            name,
            np.array(frame[name].tolist(), object if name == "plan" else None),
            binary=binary,
        )
        for name in frame
    ]
    outputs = [
        triton.InferRequestedOutput("predict", binary_data=binary),
        triton.InferRequestedOutput("predict_proba", binary_data=not binary),
    ]
    answer = client.infer("plans@champion", inputs, outputs=outputs)
    assert answer.as_numpy("predict").tolist() == PLANS.predict(frame).tolist()
    np.testing.assert_array_equal(answer.as_numpy("predict_proba"), PLANS.predict_proba(frame))


def test_triton_tells_what_was_wrong(client: Any) -> None:
    with pytest.raises(InferenceServerException, match="visits is missing; expected"):
        client.infer("churn", [given("age", FEW[:, 0].copy())])
    with pytest.raises(InferenceServerException, match="other is not served here"):
        client.infer("other", [given("age", FEW[:, 0].copy())])


# -- KServe -------------------------------------------------------------------------------------


def test_kserve_writes_null_for_what_it_leaves_out(site: Site) -> None:
    """As its SDK writes a request, and reads the answer."""
    tensor = {
        "name": "input-0",
        "shape": [5, 2],
        "datatype": "FP64",
        "data": FEW.tolist(),
        "parameters": None,
    }
    body = {"id": None, "inputs": [tensor], "outputs": None, "parameters": None}
    answer = httpx.post(f"{site.url}/v2/models/churn/infer", json=body)
    assert answer.status_code == 200
    told = answer.json()
    assert {"model_name", "outputs"} <= set(told)
    (output,) = told["outputs"]
    assert np.array(output["data"]).reshape(output["shape"]).tolist() == WANTED
    assert httpx.get(f"{site.url}/v2/health/ready").status_code == 200


# -- httpx and curl -----------------------------------------------------------------------------


def test_httpx_sends_json_files_and_queries(site: Site) -> None:
    with httpx.Client(base_url=site.url) as http:
        told = http.post("/predict", json=[ONE, ONE], params={"proba": "true"})
        assert [one["prediction"] for one in told.json()["predictions"]] == ["yes", "yes"]
        row: dict[str, Any] = {"age": 50.5, "visits": 3, "plan": "=max", "active": False}
        told = http.get("/models/plans@champion/predict", params=row)
        assert told.json()["predictions"][0]["quality"] == "ok"
        headers = {"Content-Type": "text/csv", "Accept": "text/csv"}
        body = FRAME.to_csv(index=False)
        told = http.post("/models/plans@champion/predict?keep=1", content=body, headers=headers)
        assert len(told.text.splitlines()) == 101


def test_curl_is_enough(site: Site, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    file = tmp_path / "rows.csv"
    file.write_text("age,visits\n2,0.5\n-2,0.5\n")

    def curl(*arguments: str) -> str:
        command = ["curl", "--silent", "--show-error", "--max-time", "20", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    post = ("-H", "Content-Type: application/json", "-d")  # --json needs a newer curl
    told = json.loads(curl(f"{site.url}/predict", *post, json.dumps(ONE)))
    assert told["predictions"][0]["prediction"] == "yes"
    assert json.loads(curl(f"{site.url}/predict?age=-2&visits=0"))["predictions"][0]["id"]
    csv = curl(
        f"{site.url}/predict", "--data-binary", f"@{file}", "-H", "Content-Type: text/csv",
        "-H", "Accept: text/csv",
    )  # fmt: skip
    assert [line.partition(",")[0] for line in csv.splitlines()] == ["prediction", "yes", "no"]
    told = json.loads(curl(f"{site.url}/predict", "-d", json.dumps(ONE)))
    assert told["error"]["status"] == 415
