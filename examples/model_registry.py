"""A wine grader: two versions, compared down to their answers, promoted, rolled back, explained.

    python examples/model_registry.py [FOLDER]

The project is made in FOLDER, default: a temporary one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lite_mlops as lm
from lite_mlops.errors import Conflict, Invalid

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
project = lm.use_project(folder)

wine = load_wine()
train_x, test_x, train_y, test_y = train_test_split(
    wine.data, wine.target_names[wine.target], test_size=0.4, random_state=1, stratify=wine.target
)
train, test = (dict(zip(wine.feature_names, part.T, strict=True)) for part in (train_x, test_x))

candidates = {
    "linear": make_pipeline(StandardScaler(), LogisticRegression(C=0.01)),
    "forest": RandomForestClassifier(n_estimators=50, random_state=0),
}
for name, model in candidates.items():
    with lm.start_run(name) as run:
        lm.log_dataset(train, "wines")
        model.fit(train_x, train_y)
        predicted = model.predict(test_x)
        lm.log_metric("accuracy", accuracy_score(test_y, predicted))
        run.log_evaluation(test_y, predicted)
        lm.log_model(model, "grader", input_example=test, training=train, alias=name)

models = project.models
models.set_alias("grader", "champion", 1, reason="first", expect=0)
diff = models.diff("grader@champion", "grader@forest")
print("answers:", diff.answers.text if diff.answers else diff.no_answers)
for pair in diff.evaluations:
    print("verdict:", pair.verdicts[0].text)

models.set_alias("grader", "champion", 2, reason="more answers right", expect=1)
models.describe("grader", "Grades wines by their chemistry.")
models.state("grader", purpose="Sorting deliveries; a person tastes what is sold.")
move = models.rollback("grader", reason="the forest is slow on the old scanner")
print(f"champion: version {move.version}, was {move.previous}")

print("found:", [version.name for version in models.search("metrics.accuracy > 0.9")])
print(models.lineage("grader@champion").to_text().splitlines()[0].partition("  ")[0])

signature = models.get("grader@champion").signature
try:
    signature.validate([{**signature.example_row(), "alcohol": "strong"}])
except Invalid as error:
    print("refused:", error)
try:
    models.remove("grader/1")
except Conflict as error:
    print("kept:", error)

card = folder / "card.md"
card.write_text(models.card_text("grader@champion", "md"), encoding="utf-8")
print(card.read_text(encoding="utf-8").splitlines()[0])
