-- sentence: No contract is invoiced for more than it is worth, and a settled one for exactly what was not cancelled.
-- kind: safety
-- severity: critical
WITH billed AS (
  SELECT a.id, sum(i.gross_minor) FILTER (i.status <> 'credited') AS net_invoiced
  FROM billing_account a LEFT JOIN invoice i ON i.contract_id = a.id GROUP BY a.id
), owed AS (
  SELECT a.id, sum(minor(l.value -> 'net') * kept(l.value) // (l.value ->> 'ordered')::BIGINT
                   + minor(l.value -> 'tax') * kept(l.value) // (l.value ->> 'ordered')::BIGINT) AS minor
  FROM billing_account a, json_each(a.body -> 'lines') l GROUP BY a.id
)
SELECT 'Contract ' || a.number || ' is worth ' || money(a.contracted_minor, a.currency) || ' and invoiced for '
       || money(b.net_invoiced::BIGINT, a.currency) AS what, a.journey_id
FROM billing_account a JOIN billed b ON b.id = a.id WHERE b.net_invoiced > a.contracted_minor
UNION ALL
SELECT 'Contract ' || a.number || ' is settled with ' || money(coalesce(b.net_invoiced, 0)::BIGINT, a.currency) || ' invoiced; due was '
       || money(o.minor::BIGINT, a.currency), a.journey_id
FROM billing_account a JOIN billed b ON b.id = a.id JOIN owed o ON o.id = a.id
WHERE a.status = 'settled' AND coalesce(b.net_invoiced, 0) <> o.minor
