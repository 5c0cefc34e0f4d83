"""A clinic's diagnosis model that can be traced: from one answer back to the data behind it.

    python examples/healthcare_diagnosis.py [FOLDER]

Trains two models on the Wisconsin breast cancer data, serves the better one over HTTP, sends it
patients as a client would, sends their true diagnoses later, and lets a measuring device go wrong.
Then it asks what every clinic has to be able to answer: why was this patient told that?
"""

from __future__ import annotations

import sys
from pathlib import Path

from lite_mlops import Project, demo

TRACE = """
SELECT p.value AS answer, f.label AS diagnosis, p.model, p.version, v.sha256 AS model_file,
       r.run_id, r.actor, r.started_at, u.name AS data, u.sha256 AS data_hash
FROM predictions p
LEFT JOIN feedback f USING (prediction_id)
JOIN model_versions v ON v.model = p.model AND v.version = p.version
JOIN runs r ON r.run_id = v.run_id
JOIN dataset_uses u ON u.run_id = r.run_id
WHERE p.prediction_id = '{id}'
"""


def main(folder: Path) -> None:
    """Tell the story in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    project = Project(folder)
    patients = demo.load_patients()

    trained = []
    for name, model in demo.candidates().items():
        version, dataset, auc = demo.train(project, name, model, patients)
        print(f"{version.name}: {name}, AUC {auc:.4f} on {dataset.rows} patients")
        trained.append((version, auc))
    champion = demo.choose(project, trained)
    print(f"champion: {champion.name}, because of {project.models.history(demo.MODEL)[0].reason}")

    with demo.serve(project) as server:
        began = demo.now()
        answers = demo.ask(server.url, patients, patients.held_out[:100])
        demo.send_labels(server.url, answers, patients.held_out_labels[:100])
        drift, performance = demo.watch(project, began)
        print(f"{performance.right} of {performance.labelled} right, ", end="")
        print(f"{len(drift.moved)} features drifted")

        broke = demo.now()
        demo.ask(server.url, patients, demo.misread(patients, patients.held_out[100:]))
        drift, _ = demo.watch(project, broke)
        print("drifted now:", ", ".join(one.column for one in drift.moved))

    print(
        f"\nWhy was the patient of prediction {answers[0]['id']} told {answers[0]['prediction']}?"
    )
    (trace,) = project.sql(TRACE.format(id=answers[0]["id"])).to_dicts()
    for name, value in trace.items():
        print(f"    {name:<10}  {value}")
    project.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "healthcare-diagnosis"))
