-- sentence: No contract is invoiced for more than it is worth, and a settled one for exactly what was neither cancelled nor forgiven.
-- kind: safety
-- severity: critical
WITH billed AS (
  SELECT a.id, coalesce(sum(i.gross_minor), 0) - coalesce(sum(c.minor), 0) AS net_invoiced
  FROM billing_account a LEFT JOIN invoice i ON i.contract_id = a.id LEFT JOIN credited c ON c.invoice_id = i.id GROUP BY a.id
), owed AS (
  SELECT id, sum(owed_net + owed_tax) AS minor FROM billed_line GROUP BY id
)
SELECT 'Contract ' || a.number || ' is worth ' || money(a.contracted_minor, a.currency) || ' and invoiced for '
       || money(b.net_invoiced::BIGINT, a.currency) AS what, a.journey_id
FROM billing_account a JOIN billed b ON b.id = a.id WHERE b.net_invoiced > a.contracted_minor
UNION ALL
SELECT 'Contract ' || a.number || ' is settled with ' || money(b.net_invoiced::BIGINT, a.currency) || ' invoiced; due was '
       || money(o.minor::BIGINT, a.currency), a.journey_id
FROM billing_account a JOIN billed b ON b.id = a.id JOIN owed o ON o.id = a.id
WHERE a.status = 'settled' AND b.net_invoiced <> o.minor
