"""What a server loads that answers from a plan: nothing that only models or bundles need."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CompletedProcess

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.project import Project

_HEAVY = {"sklearn", "joblib", "scipy", "pandas", "polars", "pyarrow", "threadpoolctl"}
_NEEDLESS = {
    *_HEAVY,
    *(
        f"lite_mlops.models.bundles.{name}"
        for name in ("archive", "manifest", "reading", "writing")
    ),
    *(
        f"lite_mlops.models.loading.{name}"
        for name in ("constructing", "formats", "inspecting", "loading", "pickles", "skops_files")
    ),
    "lite_mlops.models.lowering.proving",
}
_SERVED = """
import socket, sys
from lite_mlops import Project
from lite_mlops.web import serve_references

body = b"[[1, 2, 3]]"
head = b"Host: localhost\\r\\nConnection: close\\r\\nContent-Type: application/json\\r\\n"
asked = b"POST /predict HTTP/1.1\\r\\n%bContent-Length: %d\\r\\n\\r\\n%b" % (head, len(body), body)
with serve_references(Project(), ["churn@champion"]).on() as server:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(asked)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
"""
_IN_PROCESS = """
import sys
from lite_mlops import Project

with Project().predictor("churn@champion") as predictor:
    answer = b"- 200 %d" % len(predictor.predict([[1, 2, 3]]))
"""


@pytest.mark.parametrize("code", [_SERVED, _IN_PROCESS], ids=["served", "in process"])
def test_an_answer_from_a_plan_loads_no_model_and_nothing_that_reads_one(
    project: Project, python: Callable[..., CompletedProcess[str]], code: str
) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    model = LogisticRegression().fit(rows, rows[:, 0] > 0)
    version = project.models.register(model, "churn", input_example=rows[:3], alias="champion")
    assert project.models.plan(version.name).used
    project.close()
    folder = repr(str(project.folder))
    told = python(code.replace("Project()", f"Project({folder})") + _TOLD).stdout.split()
    assert told[0] == "200"
    assert _NEEDLESS.isdisjoint(told)
    assert "lite_mlops.models.lowering.running" in told


_TOLD = "print(answer.split()[1].decode(), *sys.modules)"
