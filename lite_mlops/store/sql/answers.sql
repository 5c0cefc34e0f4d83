-- Recorded predictions as columns of numbers, in the order in which they were given: the questions.
-- Rows of one request have one time; they stand in the table in their order.

-- name: recorded_answers
-- Of each answer of a classifier as many rows as there are scores, one score in each; they are null
-- where there are not so many. A class is told by its place in the list: 0 is the first, -1 a text
-- that is none of them; the label is -2 where there is none.
SELECT unnest(list_resize(CASE WHEN len(scores) = $width THEN scores ELSE []::DOUBLE[] END,
                          $width::BIGINT)) AS score, moment, predicted, label, latency
FROM (
    SELECT p.scores, epoch_us(p.ts) AS moment, p.latency_us AS latency,
           coalesce(list_position($classes::VARCHAR[], p.value), 0) - 1 AS predicted,
           CASE WHEN f.label IS NULL THEN -2
                ELSE coalesce(list_position($classes::VARCHAR[], f.label), 0) - 1 END AS label
    FROM predictions p LEFT JOIN feedback f USING (prediction_id)
    WHERE p.model = $model AND p.version = $version
      AND ($since IS NULL OR p.ts >= $since) AND ($until IS NULL OR p.ts < $until)
    ORDER BY p.ts, p.rowid
);

-- name: recorded_numbers
-- Answers and labels of a regressor; what is no number is null.
SELECT epoch_us(p.ts) AS moment, try_cast(p.value AS DOUBLE) AS predicted,
       try_cast(f.label AS DOUBLE) AS label, p.latency_us AS latency
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.model = $model AND p.version = $version
  AND ($since IS NULL OR p.ts >= $since) AND ($until IS NULL OR p.ts < $until)
ORDER BY p.ts, p.rowid;

-- name: recorded_column
-- The values of one feature, by its place; a value is in one of the columns, or not kept.
SELECT numbers[$place] AS number, texts[$place] AS text
FROM predictions
WHERE model = $model AND version = $version
  AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
ORDER BY ts, rowid;
