-- Monitors, what they found, and the alerts made of it: the questions.

-- name: monitor_definitions
SELECT name, definition, decided_at, actor FROM monitors WHERE definition IS NOT NULL ORDER BY name;

-- name: last_monitor_runs
-- The latest run of each monitor, by the end of its window.
SELECT DISTINCT ON (monitor) * FROM monitor_runs ORDER BY monitor, until DESC, ran_at DESC;

-- name: monitor_run_list
-- The runs of a monitor, the latest first.
SELECT * FROM monitor_runs WHERE monitor = $monitor ORDER BY until DESC, ran_at DESC LIMIT $rows;

-- name: monitor_runs_of_version
-- The windows of a monitor with one version, up to a time, the latest first.
SELECT look, since, until, ran_at FROM monitor_runs
WHERE monitor = $monitor AND model = $model AND version = $version AND until <= $until
ORDER BY until DESC, ran_at DESC LIMIT $rows;

-- name: findings_of
SELECT look, checked, subject, severity, sentence, value, bound, evidence FROM monitor_findings
WHERE look IN (SELECT unnest($looks::VARCHAR[]));

-- name: incident_list
-- Incidents, the latest first; null parameters do not filter.
SELECT * FROM incidents
WHERE ($monitor IS NULL OR monitor = $monitor)
  AND (NOT $standing OR state IN ('open', 'acknowledged'))
  AND ($beginning IS NULL OR starts_with(incident, $beginning) OR ends_with(incident, $beginning))
ORDER BY decision DESC LIMIT $rows;

-- name: incident_story
SELECT * FROM incident_story WHERE incident = $incident ORDER BY decision;

-- name: closed_incidents
-- When an incident of each subject was closed last: what was found before counts no more.
SELECT checked, subject, max(decided_at) AS closed_at FROM incidents
WHERE monitor = $monitor AND state IN ('cleared', 'resolved') GROUP BY checked, subject;

-- name: last_told
-- When something of each subject was told last, and the worst severity told since then.
SELECT i.checked, i.subject, s.severity, max(s.ts) AS told_at
FROM incident_story s JOIN incidents i USING (incident)
WHERE i.monitor = $monitor AND s.notice IS NOT NULL AND s.how <> 'cleared'
GROUP BY i.checked, i.subject, s.severity;

-- name: told_incidents
-- The incidents of which somebody was told, or is to be told.
SELECT DISTINCT incident FROM incident_story JOIN incidents USING (incident)
WHERE monitor = $monitor AND notice IS NOT NULL;

-- name: silence_list
SELECT * FROM silences WHERE expires_at > $moment AND ($monitor IS NULL OR monitor = $monitor)
ORDER BY monitor, checked, subject;

-- name: notices
-- What is to be told to each channel since a time, and how far that came.
WITH due AS (
    SELECT notice, unnest(channels) AS channel, min(ts) AS decided_at
    FROM incident_story WHERE notice IS NOT NULL AND ts >= $since GROUP BY notice, channel
), tried AS (
    SELECT notice, channel, arg_max(state, (attempt, ts)) AS state, max(attempt) AS attempt,
           max(ts) AS tried_at, arg_max(detail, (attempt, ts)) AS detail
    FROM alert_deliveries GROUP BY notice, channel
)
SELECT d.notice, d.channel, d.decided_at, t.state, coalesce(t.attempt, 0) AS attempt, t.tried_at,
       t.detail
FROM due d LEFT JOIN tried t ON t.notice = d.notice AND t.channel = d.channel
ORDER BY d.decided_at, d.notice, d.channel;

-- name: notice_lines
SELECT s.notice, s.channels, s.incident, i.monitor, i.checked, i.subject, s.how, s.severity, s.sentence, s.ts,
       i.opened_at, r.model, r.version, r.since, r.until, r.rows
FROM incident_story s JOIN incidents i USING (incident)
LEFT JOIN monitor_runs r ON r.look = s.look
WHERE s.notice IN (SELECT unnest($notices::VARCHAR[]))
ORDER BY s.notice, s.decision;

-- name: channel_outcomes
-- How each channel did last.
SELECT channel, arg_max(state, ts) AS state, max(ts) AS tried_at, arg_max(detail, ts) AS detail,
       count(*) FILTER (state = 'sent') AS sent, count(*) FILTER (state = 'failed') AS failed,
       max(ts) FILTER (state = 'sent') AS sent_at
FROM alert_deliveries WHERE state <> 'sending' GROUP BY channel;

-- name: traffic_of
-- How many answers of a version were recorded in a time, and when the last of them was.
SELECT count(*) AS rows, max(ts) AS last_at
FROM predictions
WHERE model = $model AND version = $version
  AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until);

-- name: start_of_last_rows
-- When the n-th last answer of a version before a time was given.
SELECT min(ts) FROM (
    SELECT ts FROM predictions WHERE model = $model AND version = $version AND ts < $until
    ORDER BY ts DESC LIMIT $rows);

-- name: recorded_rows
-- Answers of a version in a time, as they were recorded.
SELECT ts, numbers, texts, value, scores, latency_us FROM predictions
WHERE model = $model AND version = $version
  AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
ORDER BY ts DESC LIMIT $rows;

-- name: forget_predictions
-- In a copy of the project: nothing was asked, save in the time that is a reference.
DELETE FROM predictions WHERE ts >= $until OR ($since IS NOT NULL AND ts < $since);
