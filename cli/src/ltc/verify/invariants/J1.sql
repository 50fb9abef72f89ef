-- sentence: Every lead and deal has come to exactly one end, or waits at a named gate with an owner and a due time.
-- kind: both
-- severity: serious
WITH journey AS (
  SELECT journey_id, min(kind || ' ' || number) AS name, max(updated_at) AS changed_at
  FROM aggregate WHERE kind IN ('lead', 'deal') GROUP BY journey_id
), ended AS (
  SELECT journey_id, status AS how FROM aggregate
  WHERE (kind = 'lead' AND status IN ('disqualified', 'merged')) OR (kind = 'deal' AND status = 'lost')
     OR (kind = 'billing account' AND status = 'settled')
), waiting AS (
  SELECT DISTINCT journey_id FROM gate WHERE cleared_at IS NULL AND owner <> '' AND due_at IS NOT NULL
), kept AS (
  SELECT a.id, a.kind, a.number, a.journey_id, (g.value ->> 'name') AS gate FROM aggregate a, json_each(a.body -> 'gates') g
)
SELECT 'The journey of ' || j.name || ' has come to no end and waits at no gate; nothing moved since '
       || strftime(j.changed_at, '%Y-%m-%d %H:%M:%S') AS what, j.journey_id
FROM journey j ANTI JOIN ended e USING (journey_id) ANTI JOIN waiting w USING (journey_id)
WHERE settled()
UNION ALL
SELECT 'The journey of ' || j.name || ' has come to several ends: ' || string_agg(DISTINCT e.how, ', '), j.journey_id
FROM journey j JOIN ended e USING (journey_id)
GROUP BY j.name, j.journey_id HAVING count(DISTINCT e.how) > 1
UNION ALL
SELECT 'Gate ' || g.name || ' of ' || g.number || ' is open, but ' || g.number || ' does not wait there', g.journey_id
FROM gate g ANTI JOIN kept k ON k.id = g.aggregate_id AND k.gate = g.name
WHERE g.cleared_at IS NULL
UNION ALL
SELECT upper(k.kind[1]) || k.kind[2:] || ' ' || k.number || ' waits at ' || k.gate || ', but no open gate is noted', k.journey_id
FROM kept k ANTI JOIN gate g ON g.aggregate_id = k.id AND g.name = k.gate AND g.cleared_at IS NULL
UNION ALL
SELECT 'Gate ' || g.name || ' of ' || g.number || ' names nobody who must act', g.journey_id
FROM gate g WHERE g.cleared_at IS NULL AND trim(g.owner) = ''
