-- What answers for a version without its model, or why there is nothing: the latest attempt.
CREATE TABLE plans (
    model VARCHAR, version BIGINT, sha256 VARCHAR, plan VARCHAR, why VARCHAR, exact VARCHAR,
    faster_from BIGINT, made_at TIMESTAMP
);

-- Whether a version is answered from its plan ("on") or by the model itself ("off").
CREATE TABLE plan_switches (model VARCHAR, version BIGINT, how VARCHAR, decision BIGINT);
