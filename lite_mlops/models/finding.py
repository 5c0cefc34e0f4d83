"""Finding: what a name of a model means, registered or kept by a run.

project.models.get("churn@champion")
project.models.get("runs:/6ba7b810/model")
"""

from __future__ import annotations

import json
from collections.abc import Hashable

from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.models.references import (
    Reference,
    RunReference,
    parse_any_reference,
    parse_reference,
)
from lite_mlops.models.signature import Signature
from lite_mlops.models.versions import ModelVersion, resolve
from lite_mlops.store import Database, Store

_ENDINGS = (".joblib", ".skops", ".onnx", ".pkl")


class Finding:
    """Which version of the models of a project a name means; other concerns build on it."""

    _store: Store
    # What references meant, as long as nothing changes: whoever answers asks again and again.
    _seen: tuple[Hashable, dict[Reference, ModelVersion]] = (None, {})

    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference such as 'churn@champion' names.

        'runs:/ID/model' names what a run kept in the folder `model` of its artifacts, or what it
        registered under that name; what is not registered has the version 0.

        Raises:
            Invalid: it is not a reference.
            NotFound: there is no such model, alias, version or run, or it was removed.
        """
        parsed = parse_any_reference(reference)
        if isinstance(parsed, RunReference):
            return self._of_run(parsed)
        state = self._store.state()
        if state is None or state != self._seen[0]:
            self._seen = (state, {})
        found = self._seen[1].get(parsed)
        if found is None:
            with self._store.reading() as database:
                found = self._seen[1][parsed] = resolve(database, parsed)
        return found

    def decided(self, reference: str) -> ModelVersion:
        """Return the version that a reference of the registry names, by what is decided.

        It is what `get` returns, without looking at what other processes log meanwhile.

        Raises:
            Invalid, NotFound: the reference names no version.
        """
        with self._store.reading(folded=True) as database:
            return resolve(database, parse_reference(reference))

    def _of_run(self, reference: RunReference) -> ModelVersion:
        with self._store.reading() as database:
            run = _run_id(database, reference.run)
            registered = database.rows("versions_of_run", run=run)
            row = database.one("kept_by_run", run=run)
            files = database.rows("model_files_of_run", run=run, folder=reference.folder)
            named = [version for model, version in registered if model == reference.folder]
            if named:
                return resolve(database, Reference(reference.folder, version=max(named)))
            if not files and len(registered) == 1 and reference.folder == "model":
                return resolve(database, Reference(registered[0][0], version=registered[0][1]))
        stored = {path.rpartition("/")[2]: (sha256, size) for path, sha256, size in files}
        model = next((name for name in stored if name.endswith(_ENDINGS)), None)
        if model is None or row is None:
            known = ", ".join(f"{model}/{version}" for model, version in registered)
            raise NotFound(
                f"Run {run} kept no model as {reference.folder!r}."
                + (f" It registered {known}." if known else "")
            )
        if "signature.json" not in stored:
            raise Invalid(
                f"{reference} has no signature.json beside it: what it takes is not known. "
                "Register it with an input_example."
            )
        referrer = f"signature of {reference}"
        signature = json.loads(self._store.objects.read(stored["signature.json"][0], referrer))
        example = stored.get("input_example.json")
        return ModelVersion(
            model=f"runs:/{run}/{reference.folder}",
            version=0,
            sha256=stored[model][0],
            size=stored[model][1],
            run_id=run,
            signature=Signature.from_dict(signature),
            requirements={},
            created_at=row["started_at"],
            actor=row["actor"],
            metrics=row["metrics"] or {},
            format=model.rpartition(".")[2].replace("pkl", "joblib"),
            example=None if example is None else example[0],
        )


def _run_id(database: Database, word: str) -> str:
    found = [run for (run,) in database.rows("run_word", word=word)]
    if not found:
        raise NotFound(f"There is no run {word!r}.")
    if len(found) > 1 and word not in found:
        raise Conflict(f"Several runs begin with {word!r}; write more of the id.")
    return str(found[0])
