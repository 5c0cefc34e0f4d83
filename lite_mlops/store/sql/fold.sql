-- How each kind of event becomes rows. A statement has the name of its event and reads the rows of
-- that kind from `staged`, the temporary table of all lines of this fold. Whatever order journals
-- are folded in, the tables end up the same: rows are added, or the earlier, the later or the
-- higher one wins, by values that stand in the events themselves.

-- name: journal_opened
-- Who writes a journal is recorded together with how far it was read, by `journal_read`.
SELECT 1;

-- name: events_dropped
INSERT INTO problems
SELECT make_timestamp(ts), 'dropped', NULL, NULL,
       count || ' events were dropped while the disk could not be written to'
FROM staged WHERE k = 'events_dropped';

-- name: note_experiments
-- Goes before everything else: an experiment begins with its first run, even if that was purged.
INSERT INTO experiments
SELECT experiment, experiment, NULL FROM staged
WHERE k = 'run_started' AND experiment NOT IN (SELECT name FROM experiments)
GROUP BY experiment;
UPDATE experiments SET created_at = coalesce(least(created_at, s.t), s.t)
FROM (SELECT experiment, min(make_timestamp(ts)) AS t FROM staged
      WHERE k = 'run_started' GROUP BY experiment) s
WHERE experiments.name = s.experiment;

-- name: run_started
MERGE INTO runs r
USING (SELECT DISTINCT ON (run) run, experiment, name, actor, parent, source,
              make_timestamp(ts) AS t
       FROM staged WHERE k = 'run_started' ORDER BY run, ts, experiment, name, actor) s
ON r.run_id = s.run
WHEN MATCHED AND (r.started_at IS NULL OR s.t < r.started_at) THEN UPDATE SET
    experiment = s.experiment, name = s.name, actor = s.actor, parent_id = s.parent,
    source = s.source, started_at = s.t
WHEN NOT MATCHED THEN INSERT
    (run_id, run_hash, experiment, name, actor, parent_id, source, started_at)
    VALUES (s.run, md5_number_lower(s.run), s.experiment, s.name, s.actor, s.parent, s.source, s.t);

-- name: run_resumed
-- Also follows `run_started`: from here on the run is going on, in the process `writer`.
MERGE INTO runs r
USING (SELECT run, max((make_timestamp(ts), writer)) AS top
       FROM staged WHERE k IN ('run_started', 'run_resumed') GROUP BY run) s
ON r.run_id = s.run
WHEN MATCHED THEN UPDATE SET
    ended_at = if(r.status IS NOT NULL AND (s.top[1], 'running') < (r.status_at, r.status),
                  r.ended_at, NULL),
    status = if(r.status IS NOT NULL AND (s.top[1], 'running') < (r.status_at, r.status),
                r.status, 'running'),
    status_at = greatest(r.status_at, s.top[1]),
    writer = if(r.writer IS NULL OR s.top > (r.writer_at, r.writer), s.top[2], r.writer),
    writer_at = greatest(r.writer_at, s.top[1])
WHEN NOT MATCHED THEN INSERT (run_id, run_hash, status, status_at, writer, writer_at)
    VALUES (s.run, md5_number_lower(s.run), 'running', s.top[1], s.top[2], s.top[1]);

-- name: run_ended
MERGE INTO runs r
USING (SELECT run, arg_max(status, (ts, status)) AS status, make_timestamp(max(ts)) AS t
       FROM staged WHERE k = 'run_ended' GROUP BY run) s
ON r.run_id = s.run
WHEN MATCHED AND (r.status IS NULL
                  OR (s.t, s.status) > (r.status_at, replace(r.status, 'crashed', 'running')))
    THEN UPDATE SET status = s.status, status_at = s.t, ended_at = s.t
WHEN NOT MATCHED THEN INSERT (run_id, run_hash, status, status_at, ended_at)
    VALUES (s.run, md5_number_lower(s.run), s.status, s.t, s.t);

-- name: params
-- The earliest value of a param stands; every other value is listed as a problem.
CREATE OR REPLACE TEMP TABLE staged_params AS
SELECT run AS run_id, unnest(keys) AS key, unnest(texts) AS value, make_timestamp(ts) AS ts
FROM staged WHERE k = 'params';
INSERT INTO problems
WITH logged AS (
    SELECT run_id, key, value, ts FROM staged_params
    UNION ALL
    SELECT p.run_id, p.key, p.value, p.ts FROM params p
    SEMI JOIN staged_params s ON p.run_id = s.run_id AND p.key = s.key
), judged AS (
    SELECT run_id, value,
           first_value(value) OVER (PARTITION BY run_id, key ORDER BY ts, value) AS kept,
           'param ' || key || ' was also logged as ' || left(value, 200)
               || '; the first value stands' AS detail
    FROM logged
)
SELECT DISTINCT NULL::TIMESTAMP, 'param', j.run_id, NULL::BIGINT, j.detail FROM judged j
ANTI JOIN problems p ON p.kind = 'param' AND p.subject = j.run_id AND p.detail = j.detail
WHERE j.value <> j.kept;
MERGE INTO params p
USING (SELECT run_id, key, arg_min(value, (ts, value)) AS value, min(ts) AS ts
       FROM staged_params GROUP BY run_id, key) s
ON p.run_id = s.run_id AND p.key = s.key
WHEN MATCHED AND (s.ts, s.value) < (p.ts, p.value) THEN UPDATE SET
    value = s.value, number = try_cast(s.value AS DOUBLE), ts = s.ts
WHEN NOT MATCHED THEN INSERT
    VALUES (s.run_id, s.key, s.value, try_cast(s.value AS DOUBLE), s.ts,
            md5_number_lower(s.run_id));
DROP TABLE staged_params;

-- name: metric
INSERT INTO metrics
SELECT run, key, step, make_timestamp(coalesce(time, ts)), value FROM staged WHERE k = 'metric';

-- name: metrics
INSERT INTO metrics
SELECT run, unnest(keys), step, make_timestamp(coalesce(time, ts)), unnest(numbers)
FROM staged WHERE k = 'metrics';

-- name: summarise_metrics
-- Follows `metric` and `metrics`: the highest step counts as the latest, then time, then value.
MERGE INTO latest l
USING (
    WITH points AS (
        SELECT run, key, step, coalesce(time, ts) AS time, value, ts
        FROM staged WHERE k = 'metric'
        UNION ALL
        SELECT run, unnest(keys), step, coalesce(time, ts), unnest(numbers), ts
        FROM staged WHERE k = 'metrics'
    ), summed AS (
        SELECT run, key, max((step, time, value)) AS top, count(*) AS points,
               min(value) FILTER (NOT isnan(value)) AS low,
               max(value) FILTER (NOT isnan(value)) AS high, max(ts) AS ts
        FROM points GROUP BY run, key
    )
    SELECT run, key, top[1] AS step, make_timestamp(top[2]) AS time, top[3] AS value,
           low, high, points, make_timestamp(ts) AS ts
    FROM summed
) s
ON l.run_id = s.run AND l.key = s.key
WHEN MATCHED THEN UPDATE SET
    step = if((s.step, s.time, s.value) > (l.step, l.time, l.value), s.step, l.step),
    time = if((s.step, s.time, s.value) > (l.step, l.time, l.value), s.time, l.time),
    value = if((s.step, s.time, s.value) > (l.step, l.time, l.value), s.value, l.value),
    low = least(l.low, s.low), high = greatest(l.high, s.high),
    points = l.points + s.points, logged_at = greatest(l.logged_at, s.ts)
WHEN NOT MATCHED THEN INSERT
    VALUES (s.run, s.key, s.step, s.time, s.value, s.low, s.high, s.points, s.ts,
            md5_number_lower(s.run));

-- name: tags
-- The latest value of a tag stands; a tag taken away stays as a row without value.
MERGE INTO tags t
USING (
    WITH logged AS (
        SELECT run AS run_id, unnest(keys) AS key, unnest(texts) AS value,
               make_timestamp(ts) AS ts
        FROM staged WHERE k = 'tags'
    )
    SELECT run_id, key, max((ts, value)) AS top FROM logged GROUP BY run_id, key
) s
ON t.run_id = s.run_id AND t.key = s.key
WHEN MATCHED AND s.top > (t.ts, t.value) THEN UPDATE SET value = s.top[2], ts = s.top[1]
WHEN NOT MATCHED THEN INSERT
    VALUES (s.run_id, s.key, s.top[2], s.top[1], md5_number_lower(s.run_id));

-- name: note
MERGE INTO runs r
USING (SELECT run, max((make_timestamp(ts), text)) AS top FROM staged WHERE k = 'note'
       GROUP BY run) s
ON r.run_id = s.run
WHEN MATCHED AND (r.note IS NULL OR s.top > (r.note_at, r.note)) THEN UPDATE SET
    note = s.top[2], note_at = s.top[1]
WHEN NOT MATCHED THEN INSERT (run_id, run_hash, note, note_at)
    VALUES (s.run, md5_number_lower(s.run), s.top[2], s.top[1]);

-- name: artifact
-- The latest file at a path stands.
MERGE INTO artifacts a
USING (
    WITH logged AS (SELECT run, path, (ts, sha256, size, media) AS top
                    FROM staged WHERE k = 'artifact')
    SELECT run, path, max(top) AS top FROM logged GROUP BY run, path
) s
ON a.run_id = s.run AND a.path = s.path
WHEN MATCHED AND (make_timestamp(s.top[1]), s.top[2]) > (a.ts, a.sha256) THEN UPDATE SET
    sha256 = s.top[2], size = s.top[3], media = s.top[4], ts = make_timestamp(s.top[1])
WHEN NOT MATCHED THEN INSERT
    VALUES (s.run, s.path, s.top[2], s.top[3], s.top[4], make_timestamp(s.top[1]));

-- name: dataset
-- A version is logged by every run that uses it: its first profile stands, and the latest source.
MERGE INTO datasets d
USING (
    SELECT name, sha256, any_value(rows) AS row_count, any_value(columns) AS column_count,
           min((make_timestamp(ts), profile::VARCHAR, coalesce(form, 'table'), coalesce(size, -1)))
               AS first,
           max((make_timestamp(ts), coalesce(source::VARCHAR, ''))) AS last
    FROM staged WHERE k = 'dataset' GROUP BY name, sha256
) s
ON d.name = s.name AND d.sha256 = s.sha256
WHEN MATCHED THEN UPDATE SET
    ts = least(d.ts, s.first[1]),
    profile = if(s.first < (d.ts, d.profile::VARCHAR, d.form, coalesce(d.size, -1)),
                 s.first[2], d.profile),
    form = if(s.first < (d.ts, d.profile::VARCHAR, d.form, coalesce(d.size, -1)),
              s.first[3], d.form),
    size = if(s.first < (d.ts, d.profile::VARCHAR, d.form, coalesce(d.size, -1)),
              nullif(s.first[4], -1), d.size),
    source = if(s.last > (d.last_at, coalesce(d.source::VARCHAR, '')),
                nullif(s.last[2], ''), d.source),
    last_at = greatest(d.last_at, s.last[1])
WHEN NOT MATCHED THEN INSERT
    (name, sha256, row_count, column_count, profile, ts, form, size, source, last_at)
    VALUES (s.name, s.sha256, s.row_count, s.column_count, s.first[2], s.first[1], s.first[3],
            nullif(s.first[4], -1), nullif(s.last[2], ''), s.last[1]);

-- name: dataset_snapshot
MERGE INTO dataset_snapshots d
USING (SELECT name, sha256, manifest, any_value(size) AS size, make_timestamp(min(ts)) AS ts
       FROM staged WHERE k = 'dataset_snapshot' GROUP BY name, sha256, manifest) s
ON d.name = s.name AND d.sha256 = s.sha256 AND d.manifest = s.manifest
WHEN MATCHED AND s.ts < d.ts THEN UPDATE SET ts = s.ts
WHEN NOT MATCHED THEN INSERT VALUES (s.name, s.sha256, s.manifest, s.size, s.ts);

-- name: dataset_used
MERGE INTO dataset_uses u
USING (SELECT run, name, sha256, role, make_timestamp(min(ts)) AS ts
       FROM staged WHERE k = 'dataset_used' GROUP BY run, name, sha256, role) s
ON u.run_id = s.run AND u.name = s.name AND u.sha256 = s.sha256 AND u.role = s.role
WHEN MATCHED AND s.ts < u.ts THEN UPDATE SET ts = s.ts
WHEN NOT MATCHED THEN INSERT VALUES (s.run, s.name, s.sha256, s.role, s.ts);

-- name: prediction
INSERT INTO predictions
SELECT prediction, model, version, make_timestamp(ts), numbers, text, scores, latency_us, texts
FROM staged WHERE k = 'prediction';

-- name: predictions
-- Lists of different lengths are filled up with nulls, as is a list that is not there.
INSERT INTO predictions
SELECT unnest(ids), model, version, make_timestamp(unnest(times)), unnest(inputs),
       unnest(answers), unnest(shares), unnest(latencies), unnest(text_inputs)
FROM staged WHERE k = 'predictions';

-- name: feedback
-- What is told of labels is settled by `settle_labels`, which follows.
SELECT 1;

-- name: labels
-- As `feedback`.
SELECT 1;

-- name: settle_labels
-- Of the labels of a prediction the one stands that was known last; without such a time that of its
-- recording counts. Those of one time follow each other as they were told. The others are kept.
CREATE OR REPLACE TEMP TABLE told_labels AS
WITH told AS (
    SELECT prediction AS prediction_id, text AS label, make_timestamp(ts) AS ts,
           NULL::TIMESTAMP AS known_at, 0::BIGINT AS place
    FROM staged WHERE k = 'feedback'
    UNION ALL
    SELECT unnest(ids), unnest(texts), make_timestamp(ts), make_timestamp(unnest(times)),
           unnest(range(len(ids)))
    FROM staged WHERE k = 'labels'
), together AS (
    FROM told
    UNION ALL
    SELECT prediction_id, label, ts, known_at, coalesce(place, 0) FROM feedback
    WHERE prediction_id IN (SELECT prediction_id FROM told)
)
SELECT *, row_number() OVER (
    PARTITION BY prediction_id
    ORDER BY coalesce(known_at, ts) DESC, ts DESC, place DESC, label DESC, known_at DESC NULLS LAST
) AS from_last
FROM together;
INSERT INTO earlier_labels
SELECT prediction_id, label, ts, known_at, place FROM told_labels WHERE from_last > 1;
MERGE INTO feedback f
USING (FROM told_labels WHERE from_last = 1) s
ON f.prediction_id = s.prediction_id
WHEN MATCHED THEN UPDATE SET
    label = s.label, ts = s.ts, known_at = s.known_at, place = s.place
WHEN NOT MATCHED THEN INSERT (prediction_id, label, ts, known_at, place)
    VALUES (s.prediction_id, s.label, s.ts, s.known_at, s.place);
DROP TABLE told_labels;

-- name: step_done
-- Of one step and key the latest result stands: it is the one whose outputs were kept last.
MERGE INTO step_results r
USING (SELECT DISTINCT ON (pipeline, name, key) pipeline, name, key, run, outputs, detail, seconds,
              make_timestamp(ts) AS t
       FROM staged WHERE k = 'step_done'
       ORDER BY pipeline, name, key, ts DESC, run DESC NULLS LAST, outputs::VARCHAR DESC,
                detail::VARCHAR DESC, seconds DESC) s
ON r.pipeline = s.pipeline AND r.step = s.name AND r.key = s.key
WHEN MATCHED AND (s.t, coalesce(s.run, ''), s.outputs::VARCHAR, s.detail::VARCHAR, s.seconds)
                 > (r.ts, coalesce(r.run_id, ''), r.outputs::VARCHAR, r.detail::VARCHAR, r.seconds)
    THEN UPDATE SET
    ts = s.t, run_id = s.run, outputs = s.outputs, detail = s.detail, seconds = s.seconds
WHEN NOT MATCHED THEN INSERT
    (pipeline, step, key, ts, run_id, outputs, detail, seconds)
    VALUES (s.pipeline, s.name, s.key, s.t, s.run, s.outputs, s.detail, s.seconds);

-- name: experiment_renamed
-- All renamings are applied anew, in their order, by `forget_renamings` and `apply_renaming`.
SELECT 1;

-- name: forget_renamings
UPDATE experiments SET leads_to = name;

-- name: renamings
SELECT record ->> 'experiment', record ->> 'name' FROM decisions
WHERE kind = 'experiment_renamed' ORDER BY number;

-- name: apply_renaming
INSERT INTO experiments
SELECT logged, logged, NULL FROM (SELECT DISTINCT unnest([$experiment, $name]) AS logged)
WHERE logged NOT IN (SELECT name FROM experiments);
UPDATE experiments SET leads_to = $name WHERE leads_to = $experiment;

-- name: run_deleted
MERGE INTO runs r
USING (SELECT run, max(decision) AS decision FROM staged WHERE k = 'run_deleted' GROUP BY run) s
ON r.run_id = s.run
WHEN MATCHED AND s.decision > coalesce(r.deleted_by, 0) THEN UPDATE SET
    deleted = true, deleted_by = s.decision
WHEN NOT MATCHED THEN INSERT (run_id, run_hash, deleted, deleted_by)
    VALUES (s.run, md5_number_lower(s.run), true, s.decision);

-- name: run_restored
MERGE INTO runs r
USING (SELECT run, max(decision) AS decision FROM staged WHERE k = 'run_restored' GROUP BY run) s
ON r.run_id = s.run
WHEN MATCHED AND s.decision > coalesce(r.deleted_by, 0) THEN UPDATE SET
    deleted = false, deleted_by = s.decision
WHEN NOT MATCHED THEN INSERT (run_id, run_hash, deleted, deleted_by)
    VALUES (s.run, md5_number_lower(s.run), false, s.decision);

-- name: dataset_expected
-- The latest decision stands.
MERGE INTO expectations e
USING (SELECT name, max(decision) AS decision, arg_max(expectations, decision) AS expectations,
              make_timestamp(arg_max(ts, decision)) AS ts, arg_max(actor, decision) AS actor,
              arg_max(coalesce(reason, ''), decision) AS reason
       FROM staged WHERE k = 'dataset_expected' GROUP BY name) s
ON e.name = s.name
WHEN MATCHED AND s.decision > e.decision THEN UPDATE SET
    expectations = s.expectations, decision = s.decision, set_at = s.ts, actor = s.actor,
    reason = s.reason
WHEN NOT MATCHED THEN INSERT
    VALUES (s.name, s.expectations, s.decision, s.ts, s.actor, s.reason);

-- name: version_registered
INSERT INTO model_versions
SELECT model, version, sha256, size, media, run, signature, requirements, make_timestamp(ts),
       actor, reason, coalesce(format, 'joblib'), class_name, example, members, params, metrics,
       data, code, trusted, compression
FROM staged WHERE k = 'version_registered';

-- name: version_lowered
-- The latest attempt stands.
MERGE INTO plans p
USING (SELECT model, version,
              max((ts, sha256, coalesce(plan, ''), coalesce(why, ''), coalesce(exact, ''),
                   coalesce(faster_from, -1))) AS top
       FROM staged WHERE k = 'version_lowered' GROUP BY model, version) s
ON p.model = s.model AND p.version = s.version
WHEN MATCHED AND s.top > (epoch_us(p.made_at), p.sha256, coalesce(p.plan, ''),
                          coalesce(p.why, ''), coalesce(p.exact, ''),
                          coalesce(p.faster_from, -1)) THEN UPDATE SET
    sha256 = s.top[2], plan = nullif(s.top[3], ''), why = nullif(s.top[4], ''),
    exact = nullif(s.top[5], ''), faster_from = nullif(s.top[6], -1),
    made_at = make_timestamp(s.top[1])
WHEN NOT MATCHED THEN INSERT
    VALUES (s.model, s.version, s.top[2], nullif(s.top[3], ''), nullif(s.top[4], ''),
            nullif(s.top[5], ''), nullif(s.top[6], -1), make_timestamp(s.top[1]));

-- name: lowering_switched
MERGE INTO plan_switches p
USING (SELECT model, version, max((decision, how)) AS top
       FROM staged WHERE k = 'lowering_switched' GROUP BY model, version) s
ON p.model = s.model AND p.version = s.version
WHEN MATCHED AND s.top[1] > p.decision THEN UPDATE SET how = s.top[2], decision = s.top[1]
WHEN NOT MATCHED THEN INSERT VALUES (s.model, s.version, s.top[2], s.top[1]);

-- name: version_served
INSERT INTO servings
SELECT model, version, writer, make_timestamp(ts), NULL FROM staged WHERE k = 'version_served';

-- name: version_left
-- A row of its own, so that it does not matter which of the two is folded first.
INSERT INTO servings
SELECT model, version, writer, NULL, make_timestamp(ts) FROM staged WHERE k = 'version_left';

-- name: endpoint_noted
INSERT INTO endpoint_story
SELECT make_timestamp(ts), reference, what, version, writer, NULL, NULL, detail
FROM staged WHERE k = 'endpoint_noted';

-- name: trial_seen
-- What a process told last stands.
MERGE INTO endpoint_evidence e
USING (SELECT reference, trial, writer, role, name,
              max((ts, requests, failed, slow, doubtful, coalesce(detail::VARCHAR, ''))) AS top
       FROM staged WHERE k = 'trial_seen' GROUP BY reference, trial, writer, role, name) s
ON e.reference = s.reference AND e.trial = s.trial AND e.writer = s.writer AND e.role = s.role
   AND e.version = s.name
WHEN MATCHED AND s.top > (epoch_us(e.seen_at), e.requests, e.failed, e.slow, e.doubtful,
                          coalesce(e.detail::VARCHAR, '')) THEN UPDATE SET
    seen_at = make_timestamp(s.top[1]), requests = s.top[2], failed = s.top[3], slow = s.top[4],
    doubtful = s.top[5], detail = nullif(s.top[6], '')
WHEN NOT MATCHED THEN INSERT
    VALUES (s.reference, s.trial, s.writer, s.role, s.name, s.top[2], s.top[3], s.top[4], s.top[5],
            nullif(s.top[6], ''), make_timestamp(s.top[1]));

-- name: trial_set
-- The latest decision stands; each is a line of the story as well.
MERGE INTO endpoint_trials t
USING (SELECT DISTINCT ON (reference) * FROM staged
       WHERE k = 'trial_set' ORDER BY reference, decision DESC) s
ON t.reference = s.reference
WHEN MATCHED AND s.decision > t.decision THEN UPDATE SET
    canary = s.canary, share = s.share, key = s.key, trial = s.trial, shadows = s.shadows,
    state = s.state, how = s.how, decision = s.decision, decided_at = make_timestamp(s.ts),
    actor = s.actor, reason = s.reason
WHEN NOT MATCHED THEN INSERT
    VALUES (s.reference, s.canary, s.share, s.key, s.trial, s.shadows, s.state, s.how, s.decision,
            make_timestamp(s.ts), s.actor, s.reason);
INSERT INTO endpoint_story
SELECT make_timestamp(ts), reference, how, version, NULL, actor, reason, evidence
FROM staged WHERE k = 'trial_set';

-- name: token_made
MERGE INTO tokens t
USING (SELECT name, max((decision, text, ts, actor, coalesce(expires, -1))) AS top
       FROM staged WHERE k = 'token_made' GROUP BY name) s
ON t.name = s.name
WHEN MATCHED AND s.top[1] > t.decision THEN UPDATE SET
    hash = s.top[2], decision = s.top[1], made_at = make_timestamp(s.top[3]), actor = s.top[4],
    expires_at = make_timestamp(nullif(s.top[5], -1))
WHEN NOT MATCHED THEN INSERT
    VALUES (s.name, s.top[2], s.top[1], make_timestamp(s.top[3]), s.top[4],
            make_timestamp(nullif(s.top[5], -1)));

-- name: token_revoked
-- The row stays, without a hash: a token that is folded later must not bring it back.
MERGE INTO tokens t
USING (SELECT name, max((decision, ts, actor)) AS top
       FROM staged WHERE k = 'token_revoked' GROUP BY name) s
ON t.name = s.name
WHEN MATCHED AND s.top[1] > t.decision THEN UPDATE SET
    hash = NULL, decision = s.top[1], made_at = make_timestamp(s.top[2]), actor = s.top[3],
    expires_at = NULL
WHEN NOT MATCHED THEN INSERT
    VALUES (s.name, NULL, s.top[1], make_timestamp(s.top[2]), s.top[3], NULL);

-- name: monitor_ran
INSERT INTO monitor_runs
SELECT look, monitor, model, version, make_timestamp(since), make_timestamp(until), rows, took, how,
       make_timestamp(ts)
FROM staged WHERE k = 'monitor_ran';
INSERT INTO monitor_findings
SELECT look, unnest(checks), unnest(subjects), unnest(severities), unnest(sentences),
       unnest(measured), unnest(limits), unnest(proofs)
FROM staged WHERE k = 'monitor_ran';

-- name: alert_sent
INSERT INTO alert_deliveries
SELECT notice, channel, state, attempt, make_timestamp(ts), detail
FROM staged WHERE k = 'alert_sent';

-- name: monitor_set
-- The row stays, without a definition, when a monitor is taken away.
MERGE INTO monitors m
USING (SELECT DISTINCT ON (monitor) * FROM staged
       WHERE k = 'monitor_set' ORDER BY monitor, decision DESC) s
ON m.name = s.monitor
WHEN MATCHED AND s.decision > m.decision THEN UPDATE SET
    definition = s.definition, decision = s.decision, decided_at = make_timestamp(s.ts),
    actor = s.actor, reason = s.reason
WHEN NOT MATCHED THEN INSERT
    VALUES (s.monitor, s.definition, s.decision, make_timestamp(s.ts), s.actor, s.reason);

-- name: incident_set
-- The latest decision stands; each is a line of the history, and the earliest opened it.
MERGE INTO incidents i
USING (SELECT *, min(ts) OVER (PARTITION BY incident) AS first
       FROM staged WHERE k = 'incident_set'
       QUALIFY row_number() OVER (PARTITION BY incident ORDER BY decision DESC) = 1) s
ON i.incident = s.incident
WHEN MATCHED THEN UPDATE SET
    opened_at = least(i.opened_at, make_timestamp(s.first)),
    state = if(s.decision > i.decision, s.state, i.state),
    severity = if(s.decision > i.decision, s.severity, i.severity),
    sentence = if(s.decision > i.decision, s.sentence, i.sentence),
    look = if(s.decision > i.decision, s.look, i.look),
    decided_at = if(s.decision > i.decision, make_timestamp(s.ts), i.decided_at),
    decision = greatest(s.decision, i.decision)
WHEN NOT MATCHED THEN INSERT
    VALUES (s.incident, s.monitor, s.checked, s.subject, s.state, s.severity, s.sentence, s.look,
            make_timestamp(s.first), s.decision, make_timestamp(s.ts));
INSERT INTO incident_story
SELECT incident, decision, make_timestamp(ts), how, state, severity, sentence, look, notice,
       channels, actor, reason
FROM staged WHERE k = 'incident_set';

-- name: silence_set
MERGE INTO silences q
USING (SELECT DISTINCT ON (monitor, checked, subject) * FROM staged
       WHERE k = 'silence_set' ORDER BY monitor, checked, subject, decision DESC) s
ON q.monitor = s.monitor AND q.checked = s.checked AND q.subject = s.subject
WHEN MATCHED AND s.decision > q.decision THEN UPDATE SET
    expires_at = make_timestamp(s.expires), decision = s.decision,
    decided_at = make_timestamp(s.ts), actor = s.actor, reason = s.reason
WHEN NOT MATCHED THEN INSERT
    VALUES (s.monitor, s.checked, s.subject, make_timestamp(s.expires), s.decision,
            make_timestamp(s.ts), s.actor, s.reason);

-- name: version_tagged
-- The latest decision stands; a tag taken away stays as a row without value.
MERGE INTO version_tags t
USING (
    WITH decided AS (
        SELECT model, version, unnest(keys) AS key, unnest(texts) AS value, decision
        FROM staged WHERE k = 'version_tagged'
    )
    SELECT model, version, key, max((decision, value)) AS top FROM decided
    GROUP BY model, version, key
) s
ON t.model = s.model AND t.version = s.version AND t.key = s.key
WHEN MATCHED AND s.top[1] > t.decision THEN UPDATE SET value = s.top[2], decision = s.top[1]
WHEN NOT MATCHED THEN INSERT VALUES (s.model, s.version, s.key, s.top[2], s.top[1]);

-- name: version_removed
MERGE INTO version_removals r
USING (SELECT model, version, max((decision, ts)) AS top
       FROM staged WHERE k = 'version_removed' GROUP BY model, version) s
ON r.model = s.model AND r.version = s.version
WHEN MATCHED AND s.top[1] > r.decision THEN UPDATE SET
    removed = true, decision = s.top[1], decided_at = make_timestamp(s.top[2])
WHEN NOT MATCHED THEN INSERT
    VALUES (s.model, s.version, true, s.top[1], make_timestamp(s.top[2]));

-- name: version_restored
MERGE INTO version_removals r
USING (SELECT model, version, max((decision, ts)) AS top
       FROM staged WHERE k = 'version_restored' GROUP BY model, version) s
ON r.model = s.model AND r.version = s.version
WHEN MATCHED AND s.top[1] > r.decision THEN UPDATE SET
    removed = false, decision = s.top[1], decided_at = make_timestamp(s.top[2])
WHEN NOT MATCHED THEN INSERT
    VALUES (s.model, s.version, false, s.top[1], make_timestamp(s.top[2]));

-- name: version_trusted
INSERT INTO version_trust
SELECT model, version, unnest(trusted), decision FROM staged WHERE k = 'version_trusted';

-- name: version_signed
INSERT INTO version_seals
SELECT model, version, public, seal, decision, make_timestamp(ts), actor
FROM staged WHERE k = 'version_signed';

-- name: gate_defined
-- The latest decision stands.
MERGE INTO gates g
USING (SELECT DISTINCT ON (gate) * FROM staged
       WHERE k = 'gate_defined' ORDER BY gate, decision DESC) s
ON g.gate = s.gate
WHEN MATCHED AND s.decision > g.decision THEN UPDATE SET
    definition = s.definition, decision = s.decision, decided_at = make_timestamp(s.ts),
    actor = s.actor, reason = s.reason
WHEN NOT MATCHED THEN INSERT
    VALUES (s.gate, s.definition, s.decision, make_timestamp(s.ts), s.actor, s.reason);

-- name: gate_judged
INSERT INTO gate_verdicts
SELECT decision, make_timestamp(ts), gate, model, version, alias, baseline, digest, data_name,
       data_sha256, rows, seed, outcome, report, actor, reason
FROM staged WHERE k = 'gate_judged';

-- name: version_approved
INSERT INTO approvals
SELECT decision, make_timestamp(ts), model, version, alias, baseline, digest, data_sha256, actor,
       reason
FROM staged WHERE k = 'version_approved';

-- name: gate_overridden
INSERT INTO gate_overrides
SELECT decision, make_timestamp(ts), gate, model, version, alias, why, actor, reason
FROM staged WHERE k = 'gate_overridden';

-- name: alias_set
MERGE INTO aliases a
USING (SELECT model, alias, max((decision, version, ts, actor, coalesce(reason, ''))) AS top
       FROM staged WHERE k = 'alias_set' GROUP BY model, alias) s
ON a.model = s.model AND a.alias = s.alias
WHEN MATCHED AND s.top[1] > a.decision THEN UPDATE SET
    version = s.top[2], decision = s.top[1], moved_at = make_timestamp(s.top[3]),
    actor = s.top[4], reason = s.top[5]
WHEN NOT MATCHED THEN INSERT
    VALUES (s.model, s.alias, s.top[2], s.top[1], make_timestamp(s.top[3]), s.top[4], s.top[5]);

-- name: alias_removed
-- The row stays, without a version: an earlier move that is folded later must not bring it back.
MERGE INTO aliases a
USING (SELECT model, alias, max((decision, ts, actor, coalesce(reason, ''))) AS top
       FROM staged WHERE k = 'alias_removed' GROUP BY model, alias) s
ON a.model = s.model AND a.alias = s.alias
WHEN MATCHED AND s.top[1] > a.decision THEN UPDATE SET
    version = NULL, decision = s.top[1], moved_at = make_timestamp(s.top[2]),
    actor = s.top[3], reason = s.top[4]
WHEN NOT MATCHED THEN INSERT
    VALUES (s.model, s.alias, NULL, s.top[1], make_timestamp(s.top[2]), s.top[3], s.top[4]);

-- name: run_purged
INSERT INTO purged SELECT DISTINCT run FROM staged WHERE k = 'run_purged';

-- name: any_over
-- Whether a fold brought something of a run that is over.
SELECT EXISTS (SELECT 1 FROM runs WHERE status <> 'running'
               AND run_id IN (SELECT run FROM staged WHERE k IN (SELECT unnest($kinds::VARCHAR[]))));

-- name: touch_staged
-- The runs of which something new is to be shown.
CREATE OR REPLACE TEMP TABLE touched AS
SELECT run_id, run_hash FROM runs
WHERE run_id IN (SELECT run FROM staged WHERE k IN (SELECT unnest($kinds::VARCHAR[])));

-- name: touch_runs
CREATE OR REPLACE TEMP TABLE touched AS
SELECT run_id, run_hash FROM runs WHERE run_id IN (SELECT unnest($runs::VARCHAR[]));

-- name: touch_all
CREATE OR REPLACE TEMP TABLE touched AS SELECT run_id, run_hash FROM runs;

-- name: touched_range
SELECT count(*) AS count, min(run_id) AS first, max(run_id) AS last FROM touched;

-- name: forget_touched
DELETE FROM summaries WHERE run_hash IN (SELECT run_hash FROM touched);

-- name: summary_columns
SELECT name, part, key, runs FROM summary_columns;

-- name: forget_columns
DELETE FROM summary_columns;

-- name: summary_count
SELECT count(*) FROM summaries;

-- name: runs_over
SELECT count(*) FROM runs WHERE started_at IS NOT NULL AND status <> 'running';

-- name: common_keys
SELECT part, key FROM (
    SELECT 'metrics' AS part, key FROM latest
    UNION ALL SELECT 'params', key FROM params
    UNION ALL SELECT 'tags', key FROM tags WHERE value IS NOT NULL)
GROUP BY part, key HAVING count(*) >= $least ORDER BY count(*) DESC, part, key LIMIT $most;

-- name: keep_columns
INSERT INTO summary_columns
SELECT unnest($names::VARCHAR[]), unnest($parts::VARCHAR[]), unnest($keys::VARCHAR[]), $runs
UNION ALL SELECT NULL, NULL, NULL, $runs;

-- name: touched_runs
-- The rows of `summaries` of a part of the touched runs: those that are over have one. The range
-- lets the database skip nearly all rows of other runs.
WITH members AS (
    SELECT run_hash, 'param' AS part, key, to_json(key) || ':' || to_json(value) AS member
    FROM params WHERE run_id >= $first AND run_id <= $last
    UNION ALL
    SELECT run_hash, 'metric', key,
           to_json(key) || ':' || json_array(step, epoch_us(time), value, low, high, points)
    FROM latest WHERE run_id >= $first AND run_id <= $last
    UNION ALL
    SELECT run_hash, 'tag', key, to_json(key) || ':' || to_json(value)
    FROM tags WHERE value IS NOT NULL AND run_id >= $first AND run_id <= $last
), told AS (
    SELECT run_hash,
           string_agg(member, ',' ORDER BY key) FILTER (part = 'param') AS params,
           string_agg(member, ',' ORDER BY key) FILTER (part = 'metric') AS metrics,
           string_agg(member, ',' ORDER BY key) FILTER (part = 'tag') AS tags
    FROM members WHERE run_hash IN (SELECT run_hash FROM touched WHERE run_hash % $pieces = $piece)
    GROUP BY run_hash
)
SELECT r.run_hash, r.run_id, r.name, r.experiment, r.status, r.actor, r.started_at, r.ended_at,
       r.parent_id, r.note, coalesce(r.deleted, false) AS deleted, t.params, t.metrics, t.tags
FROM runs r LEFT JOIN told t USING (run_hash)
WHERE r.started_at IS NOT NULL AND r.status <> 'running'
  AND r.run_hash IN (SELECT run_hash FROM touched WHERE run_hash % $pieces = $piece);

-- name: remove_purged
-- Follows every fold while anything is purged, so that late events of a purged run go as well.
DELETE FROM runs WHERE run_id IN (SELECT run_id FROM purged);
DELETE FROM summaries WHERE run_id IN (SELECT run_id FROM purged);
DELETE FROM params WHERE run_id IN (SELECT run_id FROM purged);
DELETE FROM metrics WHERE run_id IN (SELECT run_id FROM purged);
DELETE FROM latest WHERE run_id IN (SELECT run_id FROM purged);
DELETE FROM tags WHERE run_id IN (SELECT run_id FROM purged);
DELETE FROM artifacts WHERE run_id IN (SELECT run_id FROM purged);
DELETE FROM dataset_uses WHERE run_id IN (SELECT run_id FROM purged);
DELETE FROM step_results WHERE run_id IN (SELECT run_id FROM purged);
DELETE FROM problems WHERE subject IN (SELECT run_id FROM purged);

-- name: leave_out_purged
-- Before a fold applies anything: events of purged runs are not folded again.
DELETE FROM staged WHERE run IN (SELECT run_id FROM purged);

-- name: staged_kinds
SELECT k, count(*) FROM staged GROUP BY k;

-- name: add_unreadable
INSERT INTO problems
VALUES (NULL, 'unreadable', NULL, NULL,
        $count || ' lines have a right checksum and are not valid events');

-- name: keep_unknown
INSERT INTO unknown_events VALUES ($kind, $line);

-- name: rare_rows
SELECT EXISTS (SELECT 1 FROM purged), EXISTS (SELECT 1 FROM runs WHERE status = 'crashed'),
       (SELECT list(line) FROM unknown_events
        WHERE kind IN (SELECT unnest($known::VARCHAR[]))),
       NOT EXISTS (SELECT 1 FROM summary_columns);

-- name: drop_now_known
DELETE FROM unknown_events WHERE kind IN (SELECT unnest($known::VARCHAR[]));

-- name: journals_read
MERGE INTO journals j
USING (SELECT unnest($names::VARCHAR[]) AS name, unnest($writers::VARCHAR[]) AS writer,
              unnest($pids::BIGINT[]) AS pid, unnest($hosts::VARCHAR[]) AS host,
              unnest($programs::VARCHAR[]) AS program, unnest($pos::BIGINT[]) AS pos,
              unnest($lines::BIGINT[]) AS lines, unnest($numbers::BIGINT[]) AS n,
              unnest($checksums::VARCHAR[]) AS checksum, unnest($closed::BOOLEAN[]) AS closed) s
ON j.name = s.name
WHEN MATCHED THEN UPDATE SET
    pid = coalesce(j.pid, s.pid), host = coalesce(j.host, s.host),
    program = coalesce(j.program, s.program), pos = s.pos, lines = s.lines, n = s.n,
    checksum = s.checksum, closed = s.closed
WHEN NOT MATCHED THEN INSERT BY NAME;

-- name: add_damages
INSERT INTO problems
SELECT NULL, 'journal', name, line, detail
FROM (SELECT unnest($names::VARCHAR[]) AS name, unnest($lines::BIGINT[]) AS line,
             unnest($details::VARCHAR[]) AS detail) s
WHERE (name, line, detail) NOT IN (
    SELECT (subject, p.line, p.detail) FROM problems p WHERE kind = 'journal');

-- name: end_crashed_runs
-- A run crashed when the process that ran it is gone and did not end it.
UPDATE runs SET status = 'crashed', ended_at = NULL
WHERE status = 'running' AND writer IN (SELECT unnest($dead::VARCHAR[]))
RETURNING run_id;

-- name: reopen_crash_dates
-- Another process may have gone on logging to a crashed run: its end is found again.
UPDATE runs SET ended_at = NULL
WHERE status = 'crashed' AND run_id IN (SELECT run FROM staged);

-- name: date_crashed_runs
-- A crashed run ended with its last event.
UPDATE runs SET ended_at = greatest(
    status_at, note_at,
    (SELECT max(logged_at) FROM latest l WHERE l.run_id = runs.run_id),
    (SELECT max(ts) FROM params p WHERE p.run_id = runs.run_id),
    (SELECT max(ts) FROM tags t WHERE t.run_id = runs.run_id),
    (SELECT max(ts) FROM artifacts a WHERE a.run_id = runs.run_id)
)
WHERE status = 'crashed' AND ended_at IS NULL;

-- name: staged_decisions
SELECT * FROM staged WHERE decision IS NOT NULL ORDER BY decision;

-- name: add_decision
INSERT INTO decisions
SELECT $number, make_timestamp($ts), $actor, $kind, $record, $hash
WHERE $number NOT IN (SELECT number FROM decisions);

-- name: audit_head
SELECT max(number) FILTER (hash IS NOT NULL) AS number,
       arg_max(hash, number) FILTER (hash IS NOT NULL) AS hash,
       count(*) FILTER (hash IS NULL) AS unchained
FROM decisions;

-- name: unchained_decisions
SELECT number, record FROM decisions WHERE hash IS NULL ORDER BY number;

-- name: chain_decision
UPDATE decisions SET hash = $hash WHERE number = $number;

-- name: journal_places
SELECT name, pos, lines, n, checksum, closed FROM journals
WHERE name IN (SELECT unnest($names::VARCHAR[]));

-- name: loop_stepped
INSERT INTO loop_story
SELECT loop, cycle, state, version, why, evidence, decision, make_timestamp(ts), actor
FROM staged WHERE k = 'loop_stepped';

-- name: loop_switched
MERGE INTO loop_switches l
USING (SELECT DISTINCT ON (loop) * FROM staged
       WHERE k = 'loop_switched' ORDER BY loop, decision DESC) s
ON l.loop = s.loop
WHEN MATCHED AND s.decision > l.decision THEN UPDATE SET
    how = s.how, decision = s.decision, decided_at = make_timestamp(s.ts), actor = s.actor,
    reason = s.reason
WHEN NOT MATCHED THEN INSERT
    VALUES (s.loop, s.how, s.decision, make_timestamp(s.ts), s.actor, s.reason);

-- name: requests_seen
INSERT INTO served_requests
SELECT names, make_timestamp(since), make_timestamp(until), requests, refused, failed,
       overloaded, detail
FROM staged WHERE k = 'requests_seen';
