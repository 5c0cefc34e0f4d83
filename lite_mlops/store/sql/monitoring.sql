-- Predictions and what is known of them: the questions.

-- name: prediction_window
-- The predictions of a version in a window: how many, the first and the last of them by time, where
-- these stand in the table, and the place that is the newest. Of all the first or the last ones are
-- taken, by the direction. Those up to a prediction may be left out.
WITH chosen AS (
    SELECT ts, rowid AS place FROM predictions
    WHERE model = $model AND version = $version
      AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
      AND ($after_at IS NULL OR ts > $after_at OR (ts = $after_at AND rowid > $after_place))
    ORDER BY epoch_us(ts) * $direction, rowid * $direction
    LIMIT coalesce($count::BIGINT, 9223372036854775807)
), ends AS (
    SELECT count(*) AS found, min((ts, place)) AS low, max((ts, place)) AS high,
           max(place) AS newest
    FROM chosen
)
SELECT found, low[1] AS first_at, low[2] AS first_place, high[1] AS last_at,
       high[2] AS last_place, newest
FROM ends;

-- name: prediction_times
-- When predictions of a window were made, where they stand, and whether their inputs were kept: not
-- left out, and not as pseudonyms only, which are 32 hexadecimal digits.
SELECT ts, rowid AS place,
       len(numbers) > 0 AND NOT (
           list_aggregate(numbers, 'count') = 0 AND coalesce(list_aggregate(texts, 'count'), 0) > 0
           AND regexp_full_match(list_aggregate(texts, 'string_agg', ''), '([0-9a-f]{32})+')
       ) AS kept
FROM predictions
WHERE model = $model AND version = $version AND rowid <= $newest
  AND (ts > $first_at OR (ts = $first_at AND rowid >= $first_place))
  AND (ts < $last_at OR (ts = $last_at AND rowid <= $last_place));

-- name: prediction_ids
-- The ids of predictions by where they stand.
SELECT rowid, prediction_id FROM predictions
WHERE rowid IN (SELECT unnest($places::BIGINT[]));

-- name: prediction_repeats
-- How many predictions of a window have an id that another one has as well, and some of these ids.
SELECT coalesce(sum(times - 1), 0)::BIGINT AS again, list(prediction_id ORDER BY prediction_id)[:3] AS ids
FROM (
    SELECT prediction_id, count(*) AS times FROM predictions
    WHERE model = $model AND version = $version AND rowid <= $newest
      AND (ts > $first_at OR (ts = $first_at AND rowid >= $first_place))
      AND (ts < $last_at OR (ts = $last_at AND rowid <= $last_place))
    GROUP BY prediction_id HAVING times > 1
);

-- name: service_window
-- What requests in a window were like, of a version or of all that a model has: a request of several rows has one id for all of
-- them, up to the last dash. Latencies are those of the model for a row.
WITH asked AS (
    SELECT ts, regexp_replace(prediction_id, '-[0-9]+$', '') AS request, latency_us
    FROM predictions
    WHERE model = $model AND ($version IS NULL OR version = $version)
      AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
)
SELECT count(*) AS answers, count(DISTINCT request) AS requests, min(ts) AS first_at,
       max(ts) AS last_at, quantile_cont(latency_us, [0.5, 0.95, 0.99]) AS latencies,
       max(latency_us) AS slowest
FROM asked;

-- name: service_latencies
-- Latencies at two ranks of a window, by which the uncertainty of a quantile is known.
SELECT quantile_disc(latency_us, $low::DOUBLE) AS low, quantile_disc(latency_us, $high::DOUBLE) AS high
FROM predictions
WHERE model = $model AND ($version IS NULL OR version = $version)
  AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until);

-- name: service_traffic
-- Requests and answers in equal pieces of time, by the number of the piece; empty ones are missing.
SELECT least(greatest(((epoch_us(ts) - epoch_us($begin::TIMESTAMP)) // $piece)::BIGINT, 0), $pieces - 1) AS piece,
       count(*) AS answers,
       count(DISTINCT regexp_replace(prediction_id, '-[0-9]+$', '')) AS requests,
       quantile_cont(latency_us, 0.5) AS p50, quantile_cont(latency_us, 0.95) AS p95
FROM predictions
WHERE model = $model AND ($version IS NULL OR version = $version)
  AND ts >= $begin::TIMESTAMP AND ts <= $end::TIMESTAMP
GROUP BY piece ORDER BY piece;

-- name: service_gaps
-- The longest silence between two requests of a version, when it was, and how many times there are.
WITH moments AS (
    SELECT DISTINCT ts FROM predictions
    WHERE model = $model AND ($version IS NULL OR version = $version)
      AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
), gaps AS (
    SELECT ts, epoch_us(ts) - lag(epoch_us(ts)) OVER (ORDER BY ts) AS gap FROM moments
)
SELECT count(*) AS moments, min(ts) AS first_at, max(ts) AS last_at,
       list(gap ORDER BY gap DESC, ts) FILTER (gap IS NOT NULL)[:2] AS longest,
       arg_max(ts, gap) AS ended_at
FROM gaps;

-- name: service_versions
-- The versions of a model that answered in a window, the newest first.
SELECT version, count(*) AS answers,
       count(DISTINCT regexp_replace(prediction_id, '-[0-9]+$', '')) AS requests,
       quantile_cont(latency_us, 0.5) AS p50, quantile_cont(latency_us, 0.95) AS p95,
       min(ts) AS first_at, max(ts) AS last_at
FROM predictions
WHERE model = $model
  AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
GROUP BY version ORDER BY version DESC;

-- name: service_requests
-- What servers of a model were asked in a window, in their order.
SELECT requests, refused, failed, overloaded, detail FROM served_requests
WHERE len(list_filter(names, lambda one: split_part(split_part(one, '@', 1), '/', 1) = $model)) > 0
  AND ($since IS NULL OR until > $since) AND ($until IS NULL OR since < $until)
ORDER BY since;

-- name: service_story
-- What happened at endpoints of a model in a window, by the word for it.
SELECT what, count(*) AS times, max(ts) AS last_at FROM endpoint_story
WHERE (reference = $model OR starts_with(reference, $model || '@') OR starts_with(reference, $model || '/'))
  AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
GROUP BY what ORDER BY times DESC, what;

-- name: service_trials
-- What was counted in trials at endpoints of a model that were seen in a window, of each role.
SELECT reference, trial, role, version, sum(requests)::BIGINT AS requests,
       sum(failed)::BIGINT AS failed, sum(slow)::BIGINT AS slow, sum(doubtful)::BIGINT AS doubtful,
       list(detail ORDER BY writer) AS details, max(seen_at) AS seen_at
FROM endpoint_evidence
WHERE (reference = $model OR starts_with(reference, $model || '@') OR starts_with(reference, $model || '/'))
  AND ($since IS NULL OR seen_at >= $since) AND ($until IS NULL OR seen_at < $until)
GROUP BY reference, trial, role, version ORDER BY reference, trial, role, version;

-- name: prediction_performance
-- Predictions of a version, how many have a label by now, and how many of those were right.
SELECT count(*) AS predictions, count(f.label) AS labelled,
       count(*) FILTER (f.label = p.value) AS right_ones, min(p.ts) AS first_at, max(p.ts) AS last_at,
       quantile_cont(p.latency_us, 0.5) AS median_latency_us
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.model = $model AND p.version = $version
  AND ($since IS NULL OR p.ts >= $since) AND ($until IS NULL OR p.ts < $until);

-- name: judged_classes
-- Answers of a version and their labels, as places in the list of its classes (0: none of them), with
-- what is needed of the probabilities: of the positive class, of the true one, of the one answered,
-- and the sum of their squares. A row may belong to a group of the values of a column.
SELECT epoch_us(p.ts) AS at, p.rowid AS place,
       coalesce(list_position($classes::VARCHAR[], p.value), 0) AS answer,
       coalesce(list_position($classes::VARCHAR[], f.label), 0) AS truth,
       f.label IS NOT NULL AS labelled, epoch_us(coalesce(f.known_at, f.ts)) AS label_at,
       p.scores[$positive] AS score,
       if($several, p.scores[list_position($classes::VARCHAR[], f.label)], NULL) AS of_truth,
       if($several, p.scores[list_position($classes::VARCHAR[], p.value)], NULL) AS of_answer,
       if($several, list_dot_product(p.scores, p.scores), NULL) AS squares,
       p.numbers[$feature] AS number,
       if(p.texts[$feature] IS NULL, 0,
          coalesce(list_position($groups::VARCHAR[], p.texts[$feature]), -1)) AS text_group
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.model = $model AND p.version = $version
  AND ($since IS NULL OR p.ts >= $since) AND ($until IS NULL OR p.ts < $until);

-- name: judged_numbers
-- The same of a version that answers with numbers; a label that is none is not there.
SELECT epoch_us(p.ts) AS at, p.rowid AS place, try_cast(p.value AS DOUBLE) AS answer,
       try_cast(f.label AS DOUBLE) AS truth, f.label IS NOT NULL AS labelled,
       epoch_us(coalesce(f.known_at, f.ts)) AS label_at, p.numbers[$feature] AS number,
       if(p.texts[$feature] IS NULL, 0,
          coalesce(list_position($groups::VARCHAR[], p.texts[$feature]), -1)) AS text_group
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.model = $model AND p.version = $version
  AND ($since IS NULL OR p.ts >= $since) AND ($until IS NULL OR p.ts < $until);

-- name: recorded_texts
-- The most frequent texts of a recorded column.
SELECT texts[$feature] AS text, count(*) AS rows FROM predictions
WHERE model = $model AND version = $version AND texts[$feature] IS NOT NULL
  AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
GROUP BY text ORDER BY rows DESC, text LIMIT $most;

-- name: answered_and_labelled
-- All classes that a version answered with or that were told as labels, for one that says none.
SELECT DISTINCT unnest([p.value, f.label]) AS class
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.model = $model AND p.version = $version
  AND ($since IS NULL OR p.ts >= $since) AND ($until IS NULL OR p.ts < $until)
ORDER BY class LIMIT $most;

-- name: unseen_labels
-- The labels that are none of the classes, the most frequent first.
SELECT f.label, count(*) AS rows
FROM predictions p JOIN feedback f USING (prediction_id)
WHERE p.model = $model AND p.version = $version
  AND ($since IS NULL OR p.ts >= $since) AND ($until IS NULL OR p.ts < $until)
  AND NOT list_contains($classes::VARCHAR[], f.label)
GROUP BY f.label ORDER BY rows DESC, f.label LIMIT 5;

-- name: labels_by_id
-- Told labels, by their places, with the predictions they are of and the labels that stand of these.
WITH told AS (
    SELECT place, name, label, try_cast(label AS DOUBLE) AS number,
           make_timestamp(nullif(known_at, $never)) AS known_at
    FROM told_labels
)
SELECT t.place, t.label, t.number, epoch_us(t.known_at) AS known_at, p.prediction_id,
       p.model || '/' || p.version AS version,
       f.label AS standing, epoch_us(coalesce(f.known_at, f.ts)) AS standing_at
FROM told t JOIN predictions p ON p.prediction_id = t.name
LEFT JOIN feedback f ON f.prediction_id = p.prediction_id
ORDER BY t.place;

-- name: labels_by_key
-- The same by the value of a recorded column, which has a place in each version: of each version the
-- latest prediction that was made before the label was known, or every one. `told_keys` has the
-- forms in which a value may be recorded: a text, a number, a pseudonym.
WITH told AS (
    SELECT place, label, try_cast(label AS DOUBLE) AS number,
           make_timestamp(nullif(known_at, $never)) AS known_at
    FROM told_labels
), watched AS (
    SELECT unnest($versions::BIGINT[]) AS version, unnest($places::BIGINT[]) AS feature
), keys AS (
    SELECT place, 't' || name AS key FROM told_keys
    UNION
    SELECT place, 'n' || try_cast(name AS DOUBLE) FROM told_keys
    WHERE try_cast(name AS DOUBLE) IS NOT NULL
), asked AS (
    SELECT p.prediction_id, p.version, p.ts,
           if(p.numbers[w.feature] IS NULL, 't' || p.texts[w.feature],
              'n' || p.numbers[w.feature]) AS key
    FROM predictions p JOIN watched w USING (version)
    WHERE p.model = $model
)
SELECT t.place, t.label, t.number, epoch_us(t.known_at) AS known_at, a.prediction_id,
       $model || '/' || a.version AS version,
       f.label AS standing, epoch_us(coalesce(f.known_at, f.ts)) AS standing_at
FROM told t JOIN keys k USING (place) JOIN asked a USING (key)
LEFT JOIN feedback f ON f.prediction_id = a.prediction_id
WHERE t.known_at IS NULL OR a.ts <= t.known_at
QUALIFY $every OR row_number() OVER (
    PARTITION BY t.place, a.version ORDER BY a.ts DESC, a.prediction_id DESC
) = 1
ORDER BY t.place, a.ts, a.prediction_id;

-- name: told_times
-- Times as microseconds since 1970 UTC, in the order of `told_times`; null for what is none. Without a
-- zone they are UTC, and a date is over when its day is.
WITH parsed AS (
    SELECT place, time, CASE
        WHEN NOT regexp_full_match(time,
            '\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)? ?(Z|[+-]\d{2}(:\d{2})?)?)?')
            THEN NULL
        WHEN length(time) = 10
            THEN epoch_us(try_cast(time AS TIMESTAMP)) + 86400000000 - 1
        WHEN regexp_matches(time, '(Z|[+-]\d{2}(:\d{2})?)$')
            THEN epoch_us(try_cast(time AS TIMESTAMPTZ))
        ELSE epoch_us(try_cast(time AS TIMESTAMP)) END AS known_at
    FROM told_times
)
SELECT known_at FROM parsed ORDER BY place;

-- name: answering_versions
SELECT DISTINCT version FROM predictions WHERE model = $model ORDER BY version;

-- name: signatures_of
SELECT model || '/' || version, signature FROM model_versions
WHERE model || '/' || version IN (SELECT unnest($names::VARCHAR[]));
