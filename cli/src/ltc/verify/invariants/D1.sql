-- sentence: What a caller was told holds: a yes had its effect once, a no had none, silence at most one.
-- kind: safety
-- severity: critical
-- needs: history
-- A request is known by its origin's external id. An answer without one leaves all rows of its key open.
WITH word AS (
  SELECT external_id, split_part(external_id, '#', 1) AS request, bool_or(status = 'ok') AS yes,
         bool_or(status = 'unknown') AS silence, count(DISTINCT journey_id) FILTER (status = 'ok') AS journeys
  FROM history GROUP BY external_id
), silent AS (
  SELECT DISTINCT split_part(external_id, '#', 1) AS request FROM word WHERE silence
), effect AS (
  SELECT (body -> 'origin' ->> 'external_id') AS external_id, count(*) AS n, min(number) AS number,
         min(journey_id) AS journey_id
  FROM lead GROUP BY 1
)
SELECT 'Request ' || h.external_id || ' was answered yes, but there is no lead of its journey ' || h.journey_id AS what,
       h.journey_id
FROM (SELECT DISTINCT external_id, journey_id FROM history WHERE status = 'ok' AND journey_id IS NOT NULL) h
ANTI JOIN lead l ON l.journey_id = h.journey_id
UNION ALL
SELECT 'Request ' || w.external_id || ' was answered yes, but there is no lead from it', NULL
FROM word w ANTI JOIN effect e USING (external_id) WHERE w.yes AND w.journeys = 0
UNION ALL
SELECT 'Request ' || w.external_id || ' was answered with ' || w.journeys || ' different journeys', NULL
FROM word w WHERE w.journeys > 1
UNION ALL
SELECT 'Request ' || w.external_id || ' had its effect ' || e.n || ' times: lead ' || e.number || ' and others', e.journey_id
FROM word w JOIN effect e USING (external_id) WHERE e.n > 1
UNION ALL
SELECT 'Request ' || w.external_id || ' was refused, yet lead ' || e.number || ' is there', e.journey_id
FROM word w JOIN effect e USING (external_id) ANTI JOIN silent s ON s.request = w.request
WHERE NOT w.yes
