-- Predictions and what is known of them: the questions.

-- name: prediction_bins
-- How many recorded values of each feature lie in each bin; a value on an edge belongs to the bin
-- below it, as in the profile of the data. $edges holds the inner edges of each feature, in order.
WITH edges AS (
    SELECT unnest(range(1, len($edges::DOUBLE[][]) + 1)) AS feature,
           unnest($edges::DOUBLE[][]) AS inner_edges
), points AS (
    SELECT generate_subscripts(numbers, 1) AS feature, unnest(numbers) AS value
    FROM predictions
    WHERE model = $model AND version = $version
      AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
)
SELECT feature, len(list_filter(inner_edges, lambda edge: edge < value)) AS bin, count(*) AS points
FROM points JOIN edges USING (feature)
WHERE value IS NOT NULL AND isfinite(value)
GROUP BY feature, bin ORDER BY feature, bin;

-- name: prediction_performance
-- Predictions of a version, how many have a label by now, and how many of those were right.
SELECT count(*) AS predictions, count(f.label) AS labelled,
       count(*) FILTER (f.label = p.value) AS right_ones, min(p.ts) AS first_at, max(p.ts) AS last_at,
       quantile_cont(p.latency_us, 0.5) AS median_latency_us
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.model = $model AND p.version = $version
  AND ($since IS NULL OR p.ts >= $since) AND ($until IS NULL OR p.ts < $until);

-- name: known_predictions
SELECT prediction_id FROM predictions
WHERE prediction_id IN (SELECT unnest($ids::VARCHAR[]));
