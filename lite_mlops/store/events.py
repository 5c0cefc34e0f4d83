"""Events: everything that happens in a project is one of these, as a line of a journal.

A *fact* (a param, a metric, a prediction) is only appended. A *decision* (deleting a run, moving an
alias) needs the present state: it is numbered under the project's lock and recorded with who and
why. The kind of an event is also the name of the SQL statement that folds it (`sql/fold.sql`); its
fields are the columns that the statement reads.

To add one: write the class here, its statement in `fold.sql`, and its place in `FOLD_ORDER`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from inspect import get_annotations
from typing import Any, ClassVar, Self, dataclass_transform, get_type_hints

from lite_mlops.errors import Invalid
from lite_mlops.jsontext import compact_json

MAX_LINE = 8_000_000  # bytes; DuckDB reads JSON objects of up to 16 MiB


_NEEDED = object()  # the default of a field that has none


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Event:
    """What happened; `kind` names it in the journal and in SQL.

    Its fields are its annotations, as those of a frozen dataclass with keywords only. No code is
    generated for them: for all kinds that would take longer than the rest of a start.
    """

    kind: ClassVar[str]
    fields: ClassVar[Mapping[str, object]] = {}  # name -> default, those of the base first

    def __init_subclass__(cls) -> None:
        own = get_annotations(cls)
        cls.fields = {**cls.fields, **{name: vars(cls).get(name, _NEEDED) for name in own}}

    def __init__(self, **values: Any) -> None:
        found = {**self.fields, **values}
        missing = [name for name, value in found.items() if value is _NEEDED]
        if missing or len(found) > len(self.fields):
            wrong = missing or sorted(values.keys() - self.fields.keys())
            verb = "needs" if missing else "has no"
            raise TypeError(f"{type(self).__name__} {verb} {', '.join(wrong)}")
        vars(self).update(found)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is what happened; {name} stays what it is")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({fields})"

    def replaced(self, **values: Any) -> Self:
        """Return the event with other values of some fields."""
        return type(self)(**{**vars(self), **values})

    def body(self) -> str:
        """Return the event as the inside of a JSON object, beginning with a comma."""
        fields = {name: value for name, value in vars(self).items() if value is not None}
        return self.frame(self.encoded(fields)[1:-1])

    def encoded(self, fields: Mapping[str, Any]) -> str:
        """Return fields as a JSON object."""
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def frame(cls, fields: str) -> str:
        """Return ready-made JSON `fields` as the body of an event of this kind."""
        text = f',"k":"{cls.kind}",{fields}'
        if len(text) > MAX_LINE:
            raise Invalid(
                f"One {cls.kind} event holds {len(text):,} characters; at most {MAX_LINE:,} are "
                "kept. Log large things as artifacts (log_text, log_table, log_artifact)."
            )
        return text


class Decision(Event):
    """An event that took the project's lock: numbered, with who decided and why.

    Number and actor are filled in by the store when it records the decision.
    """

    decision: int = 0
    actor: str = ""
    reason: str | None = None


class JournalOpened(Event):
    """The first line of every journal file: who writes it."""

    kind = "journal_opened"
    writer: str
    pid: int
    host: str
    program: str


class EventsDropped(Event):
    """The disk could not be written to for so long that events had to be dropped."""

    kind = "events_dropped"
    count: int


class RunStarted(Event):
    """A run began; its writer is the process whose life decides whether it crashed."""

    kind = "run_started"
    run: str
    experiment: str
    name: str
    writer: str
    actor: str
    parent: str | None = None
    source: dict[str, Any] | None = None


class RunResumed(Event):
    """A run that had ended goes on, in the process `writer`."""

    kind = "run_resumed"
    run: str
    writer: str


class RunEnded(Event):
    """A run came to its end: finished, failed or killed."""

    kind = "run_ended"
    run: str
    status: str


class Params(Event):
    """Params of a run, written once each."""

    kind = "params"
    run: str
    keys: list[str]
    texts: list[str]


class Metric(Event):
    """One value of one metric; `time` where the caller gave one."""

    kind = "metric"
    run: str
    key: str
    step: int
    value: float
    time: int | None = None

    @classmethod
    def prefix(cls, run: str, key: str) -> str:
        """Return the constant part of the body; what follows is `step,"value":value`."""
        key_json = json.dumps(key, ensure_ascii=False)
        return cls.frame(f'"run":"{run}","key":{key_json},"step":')


class Metrics(Event):
    """Values of several metrics at one step."""

    kind = "metrics"
    run: str
    keys: list[str]
    numbers: list[float]
    step: int
    time: int | None = None


class Tags(Event):
    """Tags of a run; a tag may be set again, and null takes it away."""

    kind = "tags"
    run: str
    keys: list[str]
    texts: list[str | None]


class Note(Event):
    """The note of a run; the latest one stands."""

    kind = "note"
    run: str
    text: str


class Artifact(Event):
    """A file of a run; its bytes are the object `sha256`."""

    kind = "artifact"
    run: str
    path: str
    sha256: str
    size: int
    media: str


class Dataset(Event):
    """A version of a dataset: the hash of its whole content, its shape and its profile."""

    kind = "dataset"
    name: str
    sha256: str
    rows: int
    columns: int
    profile: dict[str, Any]
    form: str = "table"
    size: int | None = None
    source: dict[str, Any] | None = None


class DatasetSnapshot(Event):
    """A copy of a version is kept; the object `manifest` lists its files and chunks."""

    kind = "dataset_snapshot"
    name: str
    sha256: str
    manifest: str
    size: int


class DatasetUsed(Event):
    """A run used a version of a dataset, as training or test data."""

    kind = "dataset_used"
    run: str
    name: str
    sha256: str
    role: str


class Prediction(Event):
    """One answer of a model, as earlier versions of this package recorded it.

    Numbers and texts are in the order of the columns of its signature. Both have a place for each
    column, which is null where its value is in the other list.
    """

    kind = "prediction"
    prediction: str
    model: str
    version: int
    numbers: list[float | None]
    texts: list[str | None] | None = None
    text: str
    scores: list[float] | None = None
    latency_us: int


class Predictions(Event):
    """Answers of a version of a model, one after the other; each list has an entry for each.

    `times` are microseconds since 1970 UTC. `inputs` and `text_inputs` are the numbers and the
    texts of each row, in the order of the columns of the signature; both have a place for each
    column, which is null where its value is in the other list, missing, or not to be kept. Infinite
    numbers, which JSON has not, are missing here: a signature refuses them before they get so far.
    """

    kind = "predictions"
    model: str
    version: int
    ids: list[str]
    times: list[int]
    inputs: list[list[float | None]]
    text_inputs: list[list[str | None]] | None = None
    answers: list[str]
    shares: list[list[float]] | None = None
    latencies: list[int]

    def encoded(self, fields: Mapping[str, Any]) -> str:
        """Return the fields as JSON: most of what a server writes are these floats."""
        return compact_json(fields)


class VersionServed(Event):
    """A process answers with a version of a model, from now on until it ends."""

    kind = "version_served"
    model: str
    version: int
    writer: str


class VersionLeft(Event):
    """A process answers with another version from now on."""

    kind = "version_left"
    model: str
    version: int
    writer: str


class EndpointNoted(Event):
    """Something happened to an endpoint: a line of its story.

    `what` is a word or two of a short list (`lite_mlops.serving.story`), such as "started" or
    "worker died"; `version` is the one that it is about.
    """

    kind = "endpoint_noted"
    reference: str  # what the endpoint answers for, such as churn@champion
    writer: str
    what: str
    version: int | None = None
    detail: dict[str, Any] | None = None


class TrialSeen(Event):
    """What one process has counted of a version on trial, or beside it, since the trial began."""

    kind = "trial_seen"
    reference: str
    trial: str
    writer: str
    role: str  # "current", "canary" or "shadow"
    name: str  # of the version, such as churn/4
    requests: int
    failed: int
    slow: int
    doubtful: int
    detail: dict[str, Any] | None = None


class RequestsSeen(Event):
    """What a server was asked from `since` to `until`, in microseconds since 1970 UTC.

    `refused` are answers of 4xx, `failed` of 5xx, `overloaded` those of 503 among these; `detail`
    has `bounds` in seconds, how many took up to each, and how many turns waited up to each.
    """

    kind = "requests_seen"
    names: list[str]  # the references that the server answers for
    since: int
    until: int
    requests: int
    refused: int
    failed: int
    overloaded: int
    detail: dict[str, Any]


class StepDone(Event):
    """A step of a pipeline came to its end; `key` is the hash of all that it depended on."""

    kind = "step_done"
    pipeline: str
    name: str
    key: str
    run: str | None = None
    outputs: dict[str, Any]  # what it made, and the objects that hold it
    detail: dict[str, Any]  # what it depended on, in parts
    seconds: float


class Feedback(Event):
    """The true label of an earlier prediction, as earlier versions of this package recorded it."""

    kind = "feedback"
    prediction: str
    text: str


class MonitorRan(Event):
    """A monitor looked at a window: what it found, each list with an entry for each finding.

    `since` and `until` bound the window, in microseconds since 1970 UTC; `proofs` are JSON.
    """

    kind = "monitor_ran"
    monitor: str
    look: str  # the id of this run of the monitor
    model: str
    version: int
    since: int
    until: int
    rows: int
    took: int  # microseconds
    how: str
    checks: list[str]
    subjects: list[str]
    severities: list[str]
    sentences: list[str]
    measured: list[float | None]
    limits: list[float | None]
    proofs: list[str | None]


class AlertSent(Event):
    """A notice goes to a channel: `state` is "sending", and then "sent", "failed" or "given up"."""

    kind = "alert_sent"
    notice: str
    channel: str
    state: str
    attempt: int
    detail: dict[str, Any] | None = None


class Labels(Event):
    """The true labels of earlier predictions; each list has an entry for each.

    Of several labels of one prediction the one that was known last stands; see `settle_labels`.
    `times` are microseconds since 1970 UTC: when each was known, where that was told.
    """

    kind = "labels"
    ids: list[str]
    texts: list[str]
    times: list[int | None] | None = None

    def encoded(self, fields: Mapping[str, Any]) -> str:
        """Return the fields as JSON: a file may bring a hundred thousand of them."""
        return compact_json(fields)


class RunDeleted(Decision):
    """A run was put away; it can be restored until it is purged."""

    kind = "run_deleted"
    run: str


class RunRestored(Decision):
    """A deleted run was brought back."""

    kind = "run_restored"
    run: str


class RunPurged(Decision):
    """Everything recorded of a run was removed for good."""

    kind = "run_purged"
    run: str


class ExperimentRenamed(Decision):
    """An experiment got another name; its old name goes on leading to it."""

    kind = "experiment_renamed"
    experiment: str
    name: str


class DatasetExpected(Decision):
    """What the versions of a dataset have to be like was set; the latest decision stands."""

    kind = "dataset_expected"
    name: str
    expectations: dict[str, Any]


class VersionRegistered(Decision):
    """A model got a new version; its file is the object `sha256`."""

    kind = "version_registered"
    model: str
    version: int
    sha256: str
    size: int
    media: str
    run: str | None = None
    signature: dict[str, Any]
    requirements: dict[str, str]
    format: str | None = None  # None: joblib, as before there were others
    class_name: str | None = None
    example: str | None = None  # the object that holds the input example
    members: dict[str, Any] | None = None  # further files by name: their `sha256` and `size`
    params: dict[str, str] | None = None  # these four: as they stood at the registration
    metrics: dict[str, Any] | None = None
    data: dict[str, str] | None = None  # versions of data and the roles they had
    code: dict[str, Any] | None = None
    trusted: list[str] | None = None  # what the file may import beyond the shipped list
    compression: str | None = None  # of the file


class VersionLowered(Event):
    """It was tried to make a plan of a version, which answers without the model; or why not."""

    kind = "version_lowered"
    model: str
    version: int
    sha256: str  # of the model file
    plan: str | None = None  # the object that holds it
    why: str | None = None  # there is none
    exact: str | None = None
    faster_from: int | None = None  # rows, from which the model itself is faster


class LoweringSwitched(Decision):
    """A version is to be answered from its plan (`how` is "on") or by the model itself ("off")."""

    kind = "lowering_switched"
    model: str
    version: int
    how: str


class VersionTagged(Decision):
    """Tags of a version, or of the model as a whole (version 0); no text takes a tag away."""

    kind = "version_tagged"
    model: str
    version: int
    keys: list[str]
    texts: list[str | None]


class VersionRemoved(Decision):
    """A version was put away; it can be restored until its bytes are freed."""

    kind = "version_removed"
    model: str
    version: int


class VersionRestored(Decision):
    """A removed version was brought back."""

    kind = "version_restored"
    model: str
    version: int


class VersionTrusted(Decision):
    """The owner confirmed what the file of a version may import beyond the shipped list."""

    kind = "version_trusted"
    model: str
    version: int
    trusted: list[str]


class VersionSigned(Decision):
    """A version was signed with a private key; `seal` is the signature, in base64."""

    kind = "version_signed"
    model: str
    version: int
    public: str  # the key that proves it
    seal: str


class GateDefined(Decision):
    """What an alias needs before it moves was defined in code; none takes it away again."""

    kind = "gate_defined"
    gate: str
    definition: dict[str, Any] | None = None


class GateJudged(Decision):
    """A gate said whether a version may get an alias, with the evidence.

    `digest` is the hash of the gate's definition, `baseline` the version that the alias pointed to.
    """

    kind = "gate_judged"
    gate: str
    model: str
    version: int
    alias: str
    baseline: int | None = None
    digest: str
    data_name: str | None = None
    data_sha256: str | None = None
    rows: int
    seed: int
    outcome: str  # "passed", "failed" or "cannot tell"
    report: dict[str, Any]


class VersionApproved(Decision):
    """Somebody approved a version for an alias, on the evidence that these fields name."""

    kind = "version_approved"
    model: str
    version: int
    alias: str
    baseline: int | None = None
    digest: str
    data_sha256: str | None = None


class GateOverridden(Decision):
    """An alias was moved past its gate; `why` is what the gate had against it."""

    kind = "gate_overridden"
    gate: str
    model: str
    version: int
    alias: str
    why: str


class AliasSet(Decision):
    """An alias of a model was moved to a version; `how` says if by a rollback or its undoing."""

    kind = "alias_set"
    model: str
    alias: str
    version: int
    previous: int | None = None
    how: str | None = None
    evidence: dict[str, Any] | None = None


class TrialSet(Decision):
    """What is tried beside the version of an endpoint, all of it; the latest decision stands.

    `how` says what changed, such as "canary" or "rolled back".
    """

    kind = "trial_set"
    reference: str
    canary: int | None = None
    share: float | None = None  # of the requests, 0 to 1
    key: str | None = None  # the column by which requests stay together; None: a header
    trial: str | None = None  # under which the canary is counted
    shadows: dict[str, str]  # by name, such as churn/5: under which each is counted
    state: str  # "running" or "paused"
    how: str
    version: int | None = None  # that the decision is about
    evidence: dict[str, Any] | None = None


class LoopStepped(Decision):
    """A loop came to another state, with what shows it; `cycle` is which time round it is.

    Attributes:
        state: Such as "begun", "trained" or "promoted".
        version: The new version of the model, once there is one.
    """

    kind = "loop_stepped"
    loop: str
    cycle: str
    state: str
    version: int | None = None
    why: str
    evidence: dict[str, Any] | None = None


class LoopSwitched(Decision):
    """A loop was paused, or goes on."""

    kind = "loop_switched"
    loop: str
    how: str  # "paused" or "resumed"


class TokenMade(Decision):
    """Whoever knows a token may ask a server; `text` is the SHA-256 of it, never the token."""

    kind = "token_made"
    name: str
    text: str
    expires: int | None = None  # microseconds since 1970 UTC


class TokenRevoked(Decision):
    """A token is not good any more."""

    kind = "token_revoked"
    name: str


class MonitorSet(Decision):
    """What a monitor watches, and how; the latest decision stands. No definition takes it away."""

    kind = "monitor_set"
    monitor: str
    definition: dict[str, Any] | None = None


class IncidentSet(Decision):
    """How an incident stands; the latest decision stands, each is a line of its history.

    `notice` is what it has to be told under, to `channels`; None if nobody is to be told.
    """

    kind = "incident_set"
    incident: str
    monitor: str
    checked: str
    subject: str
    state: str  # "open", "acknowledged", "cleared" or "resolved"
    severity: str
    sentence: str
    how: str  # what happened, such as "opened" or "worse"
    look: str | None = None
    notice: str | None = None
    channels: list[str] | None = None


class SilenceSet(Decision):
    """Nobody is told of what a monitor finds until a time; '' stands for any check and subject."""

    kind = "silence_set"
    monitor: str
    checked: str
    subject: str
    expires: int | None = None  # microseconds since 1970 UTC; None lifts it


class AliasRemoved(Decision):
    """An alias of a model was taken away; `how` as for `AliasSet`."""

    kind = "alias_removed"
    model: str
    alias: str
    previous: int
    how: str | None = None


# The order in which one fold applies the kinds it found. The result does not depend on it; what
# creates a row comes before what changes it, so that a change finds it in the same pass.
FOLD_ORDER: tuple[type[Event], ...] = (
    JournalOpened,
    EventsDropped,
    RunStarted,
    RunResumed,
    RunEnded,
    Params,
    Metric,
    Metrics,
    Tags,
    Note,
    Artifact,
    Dataset,
    DatasetSnapshot,
    DatasetUsed,
    Prediction,
    Predictions,
    Feedback,
    Labels,
    EndpointNoted,
    TrialSeen,
    MonitorRan,
    AlertSent,
    RequestsSeen,
    StepDone,
    ExperimentRenamed,
    RunDeleted,
    RunRestored,
    DatasetExpected,
    VersionRegistered,
    VersionLowered,
    LoweringSwitched,
    VersionServed,
    VersionLeft,
    VersionTagged,
    VersionRemoved,
    VersionRestored,
    VersionTrusted,
    VersionSigned,
    GateDefined,
    GateJudged,
    VersionApproved,
    GateOverridden,
    AliasSet,
    AliasRemoved,
    TrialSet,
    TokenMade,
    TokenRevoked,
    MonitorSet,
    IncidentSet,
    SilenceSet,
    LoopStepped,
    LoopSwitched,
    RunPurged,
)

KINDS: dict[str, type[Event]] = {event.kind: event for event in FOLD_ORDER}

_SQL_TYPES = {
    str: "VARCHAR",
    int: "BIGINT",
    float: "DOUBLE",
    list[str]: "VARCHAR[]",
    list[str | None]: "VARCHAR[]",
    list[float]: "DOUBLE[]",
    list[float | None]: "DOUBLE[]",
    list[int]: "BIGINT[]",
    list[int | None]: "BIGINT[]",
    list[list[float]]: "DOUBLE[][]",
    list[list[float | None]]: "DOUBLE[][]",
    list[list[str | None]]: "VARCHAR[][]",
    dict[str, Any]: "JSON",
    dict[str, str]: "JSON",
}
_FRAME = {"n": "BIGINT", "ts": "BIGINT", "k": "VARCHAR", "run": "VARCHAR", "decision": "BIGINT"}


def _sql_type(hint: Any) -> str:
    for plain in (hint, *getattr(hint, "__args__", ())):  # `str | None` is stored as a str
        if plain in _SQL_TYPES:
            return _SQL_TYPES[plain]
    raise TypeError(f"no column type for {hint!r}")


def columns(kinds: Collection[str] | None = None) -> dict[str, str]:
    """Return the columns of all events, or of some kinds, together: field name -> DuckDB type."""
    found = dict(_FRAME)
    for kind, event in KINDS.items():
        if kinds is not None and kind not in kinds:
            continue
        hints = get_type_hints(event)
        for name in event.fields:
            sql_type = _sql_type(hints[name])
            if found.setdefault(name, sql_type) != sql_type:
                raise TypeError(f"{event.kind}.{name} is {sql_type} here, other elsewhere")
    return found
