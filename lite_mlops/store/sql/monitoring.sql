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

-- name: known_predictions
SELECT prediction_id FROM predictions
WHERE prediction_id IN (SELECT unnest($ids::VARCHAR[]));
