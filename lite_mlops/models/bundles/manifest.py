"""The manifest of a bundle: what is known of the version, and the hash and size of each member.

    manifest = Manifest.from_bytes(data)
    manifest.version, manifest.members["model.joblib"].sha256, manifest.sha256

It is JSON in one fixed form, checked against a closed schema. What it says is the word of whoever
made it: hashes in it prove that members belong to it, and nothing in it raises trust.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from lite_mlops.errors import Invalid
from lite_mlops.models.bundles.refusals import NoBundle
from lite_mlops.models.bundles.schema import (
    Check,
    either,
    flag,
    listed,
    mapped,
    matching,
    nothing,
    number,
    one_of,
    record,
    text,
    whole,
)
from lite_mlops.models.loading import FORMATS
from lite_mlops.models.lowering import Attempt
from lite_mlops.models.signature import Signature
from lite_mlops.models.versions import Member, ModelVersion, Seal

ENDING = ".lmz"
BUNDLE = "bundle"  # the tag of an imported version, with the hash of the manifest
MANIFEST, EXAMPLE, CARD, PLAN = "manifest.json", "input_example.json", "card.md", "plan.bin"
LARGEST_MANIFEST = 4_000_000  # bytes
_FORM = "lite-mlops bundle"
_MOST_ARTIFACTS = 1_000
_REFERENCES = ("models:/", "runs:/")


def is_bundle(reference: str) -> bool:
    """Return whether what names a model is the path of a bundle: it ends with '.lmz'."""
    return reference.endswith(ENDING) and not reference.startswith(_REFERENCES)


# -- the schema ---------------------------------------------------------------------------------

_TYPE = one_of("boolean", "integer", "float", "text", "datetime")
_CELL = either(text(5_000, lines=True), flag, nothing, number)
_BOUND = either(text(), nothing, number)
_NUMBER = either(nothing, number)
_COLUMN = record(
    {"name": text(1_000, lines=True), "type": _TYPE},
    {
        "missing": flag,
        "low": _BOUND,
        "high": _BOUND,
        "quantiles": listed(number, 100),
        "categories": either(nothing, listed(_CELL, 10_000)),
        "distinct": either(nothing, whole(0)),
        "missing_share": _NUMBER,
        "categorical": flag,
        "zone": either(nothing, text()),
    },
)
_TENSOR = record(
    {"type": _TYPE, "shape": listed(whole(0, 1 << 40), 32)},
    {"missing": flag, "low": _NUMBER, "high": _NUMBER},
)
_OUTPUT = record(
    {"kind": one_of("label", "number", "cluster", "outlier", "any"), "type": _TYPE},
    {
        "classes": listed(_CELL, 100_000),
        "probabilities": flag,
        "low": _NUMBER,
        "high": _NUMBER,
    },
)
_SIGNATURE = record(
    {"version": one_of(2), "outputs": listed(_OUTPUT, 10_000)},
    {"columns": listed(_COLUMN, 100_000), "tensor": _TENSOR, "framed": flag},
)

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}"
_HASH = matching(r"[0-9a-f]{64}", "a SHA-256")
_SIZE = whole(0, (1 << 32) - 1)
_TIME = matching(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?\+00:00", "a time of UTC"
)
_KEY = matching(r"ed25519:[A-Za-z0-9+/]{43}=", "a public key of Ed25519")
_SEAL = matching(r"[A-Za-z0-9+/]{86}==", "a signature of Ed25519 in base64")
_LONG = text(100_000, lines=True)
_FILE = {"sha256": _HASH, "size": _SIZE}
_SCALAR = either(_LONG, flag, nothing, number)
_MANIFEST: Check = record(
    {
        "form": one_of(_FORM),
        "form_version": one_of(1),
        "model": matching(_NAME, "a name of a model"),
        "version": whole(1, 999_999_999),
        "created_at": _TIME,
        "actor": text(),
        "signature": _SIGNATURE,
        "requirements": mapped(matching(_NAME, "a package"), text()),
        "file": record(
            {**_FILE, "format": one_of(*FORMATS)},
            {"compression": text(40), "class_name": text(1_000)},
        ),
        "artifacts": listed(record({**_FILE, "name": text()}), _MOST_ARTIFACTS),
    },
    {
        "run": text(64),
        "reason": _LONG,
        "metrics": mapped(text(), either(number, one_of("nan", "inf", "-inf"))),
        "params": mapped(text(), _LONG),
        "data": mapped(text(1_000), text(1_000)),
        "code": mapped(text(), either(_SCALAR, listed(_SCALAR, 10_000))),
        "tags": mapped(text(), _LONG),
        "example": record(_FILE),
        "card": record(_FILE),
        "plan": record({**_FILE, "exact": one_of("bits", "1 ulp")}, {"faster_from": whole(1)}),
        "seals": listed(
            record({"public": _KEY, "signature": _SEAL, "signed_at": _TIME, "actor": text()}),
            1_000,
        ),
    },
)


# -- bytes --------------------------------------------------------------------------------------


def _as_bytes(told: Mapping[str, Any]) -> bytes:
    written = json.dumps(
        told, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return written.encode()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _short_int(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("a number has more than 20 digits")
    return int(digits)


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        told = json.loads(data, parse_constant=_refuse_constant, parse_int=_short_int)
    except RecursionError:
        raise NoBundle("its manifest is nested too deeply") from None
    except ValueError as error:
        raise NoBundle(f"its manifest is no JSON ({str(error)[:120]})") from None
    _MANIFEST(told, "")
    if _as_bytes(told) != data:
        raise NoBundle("its manifest is not written in the one form that bundles have")
    found: dict[str, Any] = told
    return found


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    Attributes:
        version: The version as it stood in the project that it comes from; nothing is trusted.
        members: The members beside the manifest, by their names in the bundle, in their order.
        sha256: Hash of the manifest, and so of the whole.
        plan: What answers in the place of the model; None: it does so itself.
    """

    version: ModelVersion
    members: Mapping[str, Member]
    sha256: str
    plan: Attempt | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Return the manifest that `manifest_of` wrote.

        Raises:
            NoBundle: says where it is not as the schema wants it.
        """
        told = _parsed(data)
        version = _version(told)
        plan = _plan(told["plan"], version) if "plan" in told else None
        return cls(version, _members(told), hashlib.sha256(data).hexdigest(), plan)


def _plan(about: Mapping[str, Any], version: ModelVersion) -> Attempt:
    plan, exact = about["sha256"], about["exact"]
    return Attempt(version.sha256, plan, exact=exact, faster_from=about.get("faster_from"))


def _members(told: Mapping[str, Any]) -> dict[str, Member]:
    file = told["file"]
    found = {f"model.{file['format']}": file}
    if "example" in told:
        found[EXAMPLE] = told["example"]
    found |= {f"artifacts/{place}": one for place, one in enumerate(told["artifacts"])}
    if "card" in told:
        found[CARD] = told["card"]
    if "plan" in told:
        found[PLAN] = told["plan"]
    return {name: Member(one["sha256"], one["size"]) for name, one in found.items()}


def _version(told: Mapping[str, Any]) -> ModelVersion:
    file = told["file"]
    artifacts = {one["name"]: Member(one["sha256"], one["size"]) for one in told["artifacts"]}
    if len(artifacts) != len(told["artifacts"]):
        raise NoBundle("two artifacts in its manifest have the same name")
    try:
        signature = Signature.from_dict(told["signature"])
        created_at = datetime.fromisoformat(told["created_at"])
        seals = tuple(
            Seal(**seal | {"signed_at": datetime.fromisoformat(seal["signed_at"])})
            for seal in told.get("seals", ())
        )
    except ValueError as error:
        raise NoBundle(f"its manifest cannot be understood ({error})") from None
    if signature.to_dict() != told["signature"] or len(set(signature.features)) < len(
        signature.features
    ):
        raise NoBundle("the signature in its manifest contradicts itself")
    return ModelVersion(
        model=told["model"],
        version=told["version"],
        sha256=file["sha256"],
        size=file["size"],
        run_id=told.get("run"),
        signature=signature,
        requirements=told["requirements"],
        created_at=created_at,
        actor=told["actor"],
        metrics={name: float(value) for name, value in told.get("metrics", {}).items()},
        params=told.get("params", {}),
        format=file["format"],
        class_name=file.get("class_name"),
        reason=told.get("reason"),
        data=told.get("data", {}),
        code=told.get("code", {}),
        tags=told.get("tags", {}),
        example=told["example"]["sha256"] if "example" in told else None,
        members=artifacts,
        compression=file.get("compression"),
        seals=seals,
    )


# -- of a version -------------------------------------------------------------------------------


def _present(**facts: Any) -> dict[str, Any]:
    return {name: fact for name, fact in facts.items() if fact}


def _about(attempt: Attempt | None) -> dict[str, Any]:
    if attempt is None:
        return {}
    return _present(exact=attempt.exact, faster_from=attempt.faster_from)


def manifest_of(
    version: ModelVersion,
    *,
    example: Member | None = None,
    card: Member | None = None,
    plan: Member | None = None,
    attempt: Attempt | None = None,
) -> bytes:
    """Return the manifest of a version; the others are members beside its files.

    `attempt` is what is known of the plan.

    Raises:
        Invalid: something of it fits no manifest; says what.
    """
    metrics = {
        name: value if math.isfinite(value) else str(float(value))
        for name, value in version.metrics.items()
    }
    file = {"sha256": version.sha256, "size": version.size, "format": version.format}
    told = {
        "form": _FORM,
        "form_version": 1,
        "model": version.model,
        "version": version.version,
        "created_at": version.created_at.isoformat(),
        "actor": version.actor,
        "signature": version.signature.to_dict(),
        "requirements": dict(version.requirements),
        "file": file | _present(compression=version.compression, class_name=version.class_name),
        "artifacts": [
            {"name": name, **member._asdict()} for name, member in sorted(version.members.items())
        ],
        **_present(
            run=version.run_id,
            reason=version.reason,
            metrics=metrics,
            params=dict(version.params),
            data=dict(version.data),
            code=dict(version.code),
            tags={key: text for key, text in version.tags.items() if key != BUNDLE},
            example=example and example._asdict(),
            card=card and card._asdict(),
            plan=plan and plan._asdict() | _about(attempt),
            seals=[seal.to_dict() for seal in version.seals],
        ),
    }
    data = _as_bytes(told)
    if len(data) > LARGEST_MANIFEST:
        raise Invalid(
            f"what is recorded of {version.name} takes {len(data):,} bytes, and the manifest of a "
            f"bundle at most {LARGEST_MANIFEST:,}. Shorten its tags or params."
        )
    try:
        Manifest.from_bytes(data)
    except NoBundle as error:
        raise Invalid(f"{version.name} fits no bundle: {error}.") from None
    return data
