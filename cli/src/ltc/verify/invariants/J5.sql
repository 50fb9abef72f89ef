-- sentence: Order is told by numbers, never by a clock: the facts of one object are numbered 1, 2, 3 without gap or repeat, and its row stands at the last.
-- kind: safety
-- severity: critical
WITH counted AS (
  SELECT service, subject, count(*) AS n, count(DISTINCT version) AS different, min(version) AS lowest, max(version) AS highest,
         min(created_at) AS since, min(journey_id) AS journey_id
  FROM said GROUP BY service, subject
), facts AS (
  SELECT a.kind, a.number, a.journey_id, a.version, a.created_at, c.n, c.different, c.lowest, c.highest
  FROM aggregate a LEFT JOIN counted c ON c.service = a.service AND c.subject = a.id::VARCHAR
)
SELECT upper(kind[1]) || kind[2:] || ' ' || number || ' stands at fact number ' || version
       || CASE WHEN n IS NULL THEN ', but none is kept'
               WHEN version <> highest THEN ', but the last one kept is number ' || highest
               WHEN different < n THEN ', but some numbers are given twice'
               WHEN highest - lowest + 1 <> n THEN ', but only ' || n || ' of ' || (highest - lowest + 1) || ' are kept'
               ELSE ', but the first one kept is number ' || lowest END AS what, journey_id
FROM facts
WHERE (n IS NULL AND version > 0) OR version <> highest OR different < n OR highest - lowest + 1 <> n
   OR (lowest > 1 AND created_at > (SELECT started - INTERVAL 399 DAYS FROM run))
UNION ALL
SELECT service || '-svc has said ' || n || ' facts of ' || subject || ', which it does not have', journey_id
FROM counted c ANTI JOIN aggregate a ON a.service = c.service AND a.id::VARCHAR = c.subject
