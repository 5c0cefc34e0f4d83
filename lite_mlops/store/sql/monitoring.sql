-- Predictions and what is known of them: the questions.

-- name: prediction_bins
-- Of each feature how many recorded values lie in each bin, and what else there is: missing,
-- infinite, negative and far out values, the lowest and the highest. A value on an edge belongs to
-- the bin below it, as in the profile of the data. The lists are of the places of the features, and
-- of the inner edges and the bounds of each.
WITH watched AS (
    SELECT unnest($features::BIGINT[]) AS feature, unnest($edges::DOUBLE[][]) AS inner_edges,
           unnest($lowest::DOUBLE[]) AS lowest, unnest($highest::DOUBLE[]) AS highest
), points AS (
    SELECT generate_subscripts(numbers, 1) AS feature, unnest(numbers) AS value, texts
    FROM predictions
    WHERE model = $model AND version = $version
      AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
), binned AS (
    SELECT feature, inner_edges,
           CASE WHEN value IS NULL AND texts[feature] IS NOT NULL THEN -3 -- a text, or a pseudonym
                WHEN value IS NULL OR isnan(value) THEN -1 WHEN isinf(value) THEN -2
                ELSE len(list_filter(inner_edges, lambda edge: edge < value)) END AS bin,
           count(*) AS points, count(*) FILTER (value < 0) AS negative,
           count(*) FILTER (value < lowest OR value > highest) AS far_out,
           min(value) AS minimum, max(value) AS maximum
    FROM points JOIN watched USING (feature)
    GROUP BY ALL
), counted AS (
    SELECT feature, any_value(len(inner_edges)) AS edges, map_from_entries(list((bin, points))) AS points,
           coalesce(sum(negative) FILTER (bin >= 0), 0)::BIGINT AS negative,
           coalesce(sum(far_out) FILTER (bin >= 0), 0)::BIGINT AS far_out,
           min(minimum) FILTER (bin >= 0) AS minimum, max(maximum) FILTER (bin >= 0) AS maximum
    FROM binned GROUP BY feature
)
SELECT feature, list_transform(range(edges + 1), lambda bin: coalesce(points[bin], 0)),
       coalesce(points[-1], 0), coalesce(points[-2], 0), negative, far_out, minimum, maximum
FROM counted ORDER BY feature;

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
