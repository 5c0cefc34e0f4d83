-- What loops did, each with its evidence; `cycle` is which time round, '' before the first.
CREATE TABLE loop_story (
    loop VARCHAR, cycle VARCHAR, state VARCHAR, version BIGINT, why VARCHAR, evidence JSON,
    decision BIGINT, ts TIMESTAMP, actor VARCHAR
);

-- Whether loops are paused, by the latest decision.
CREATE TABLE loop_switches (
    loop VARCHAR, how VARCHAR, decision BIGINT, decided_at TIMESTAMP, actor VARCHAR, reason VARCHAR
);
