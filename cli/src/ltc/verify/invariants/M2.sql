-- sentence: The ledger as a whole adds up to zero, and every balance that is kept beside it is the sum of its entries.
-- kind: safety
-- severity: critical
WITH entered AS (
  SELECT d.contract_id, sum(e.minor) FILTER (e.kind = 'issue') AS issued, -sum(e.minor) FILTER (e.kind = 'credit') AS credited
  FROM ledger_entry e JOIN paper d ON d.document = e.document WHERE e.account = 'receivable' GROUP BY d.contract_id
), kept AS (
  SELECT a.*, coalesce(e.issued, 0) AS issued, coalesce(e.credited, 0) AS credited
  FROM billing_account a LEFT JOIN entered e ON e.contract_id = a.id
), paid AS (
  SELECT p.number, p.journey_id, p.currency, p.amount_minor, p.unapplied_minor,
         -coalesce(sum(e.minor) FILTER (e.account = 'unapplied_cash'), 0) AS unapplied,
         coalesce(sum(e.minor) FILTER (e.kind = 'receive' AND e.account <> 'unapplied_cash'), 0) AS received
  FROM payment p LEFT JOIN ledger_entry e ON e.document = p.number GROUP BY ALL
)
SELECT 'The ledger is out by ' || money(sum(minor)::BIGINT, currency) AS what, NULL AS journey_id
FROM ledger_entry GROUP BY currency HAVING sum(minor) <> 0
UNION ALL
SELECT 'Billing account ' || number || ' says invoiced ' || money(invoiced_minor, currency) || ', credited ' || money(credited_minor, currency)
       || '; the ledger says ' || money(issued::BIGINT, currency) || ' and ' || money(credited::BIGINT, currency), journey_id
FROM kept WHERE invoiced_minor <> issued OR credited_minor <> credited
UNION ALL
SELECT 'Payment ' || number || ' says ' || money(amount_minor, currency) || ' received, ' || money(unapplied_minor, currency)
       || ' not applied; the ledger says ' || money(received::BIGINT, currency) || ' and ' || money(unapplied::BIGINT, currency), journey_id
FROM paid WHERE amount_minor <> received OR unapplied_minor <> unapplied
