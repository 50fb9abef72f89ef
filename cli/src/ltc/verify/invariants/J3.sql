-- sentence: Copies agree: what was quoted is what was contracted, and that is what is ordered, billed and reported as won.
-- kind: safety
-- severity: critical
-- An accepted version and a contract's terms never change, so what a later stage has copied must be what stands there.
WITH version AS (
  SELECT q.id AS quote_id, q.number, (v.value ->> 'version')::INTEGER AS version, v.value AS offer
  FROM quote q, json_each(q.body -> 'versions') v
), ordered AS (
  SELECT o.id, string_agg((l.value ->> 'line_no') || ' ' || (l.value ->> 'sku') || ' ' || (l.value ->> 'ordered'), ', ' ORDER BY (l.value ->> 'line_no')::INTEGER) AS lines
  FROM sales_order o, json_each(o.body -> 'lines') l GROUP BY o.id
), agreed AS (
  SELECT c.id, string_agg((l.value ->> 'line_no') || ' ' || (l.value ->> 'sku') || ' ' || (l.value ->> 'quantity'), ', ' ORDER BY (l.value ->> 'line_no')::INTEGER) AS lines
  FROM contract c, json_each(c.body -> 'lines') l GROUP BY c.id
)
SELECT 'Contract ' || c.number || ' differs from version ' || v.version || ' of quote ' || v.number || ' in its '
       || concat_ws(', ', CASE WHEN (v.offer ->> 'hash') IS DISTINCT FROM (c.body ->> 'version_hash') THEN 'hash' END,
                          CASE WHEN (v.offer -> 'totals') IS DISTINCT FROM (c.body -> 'totals') THEN 'totals' END,
                          CASE WHEN (v.offer -> 'lines') IS DISTINCT FROM (c.body -> 'lines') THEN 'lines' END,
                          CASE WHEN (v.offer -> 'payment_terms') IS DISTINCT FROM (c.body -> 'payment_terms') THEN 'payment terms' END) AS what,
       c.journey_id
FROM contract c JOIN version v ON v.quote_id = c.quote_id AND v.version = (c.body ->> 'quote_version')::INTEGER
WHERE (v.offer ->> 'hash') IS DISTINCT FROM (c.body ->> 'version_hash') OR (v.offer -> 'totals') IS DISTINCT FROM (c.body -> 'totals')
   OR (v.offer -> 'lines') IS DISTINCT FROM (c.body -> 'lines') OR (v.offer -> 'payment_terms') IS DISTINCT FROM (c.body -> 'payment_terms')
UNION ALL
SELECT 'Billing account ' || a.number || ' differs from contract ' || c.number || ' in its '
       || concat_ws(', ', CASE WHEN (a.body -> 'totals') IS DISTINCT FROM (c.body -> 'totals') THEN 'totals' END,
                          CASE WHEN (a.body -> 'schedule') IS DISTINCT FROM (c.body -> 'schedule') THEN 'schedule' END,
                          CASE WHEN (a.body -> 'payment_terms') IS DISTINCT FROM (c.body -> 'payment_terms') THEN 'payment terms' END,
                          CASE WHEN a.contracted_minor <> minor(c.body -> 'totals' -> 'gross') THEN 'contracted sum' END),
       a.journey_id
FROM billing_account a JOIN contract c ON c.id = a.id
WHERE (a.body -> 'totals') IS DISTINCT FROM (c.body -> 'totals') OR (a.body -> 'schedule') IS DISTINCT FROM (c.body -> 'schedule')
   OR (a.body -> 'payment_terms') IS DISTINCT FROM (c.body -> 'payment_terms') OR a.contracted_minor <> minor(c.body -> 'totals' -> 'gross')
UNION ALL
SELECT 'Order ' || o.number || ' has lines ' || x.lines || '; contract ' || c.number || ' has ' || g.lines, o.journey_id
FROM sales_order o JOIN ordered x ON x.id = o.id JOIN contract c ON c.id = o.contract_id JOIN agreed g ON g.id = c.id
WHERE x.lines <> g.lines
UNION ALL
SELECT 'Deal ' || d.number || ' was won with ' || (d.body -> 'outcome' -> 'gross' ->> 'amount') || '; contract ' || c.number || ' says '
       || (c.body -> 'totals' -> 'gross' ->> 'amount'), d.journey_id
FROM deal d JOIN contract c ON c.id = (d.body -> 'outcome' ->> 'contract_id')::UUID
WHERE (d.body -> 'outcome' -> 'gross') <> (c.body -> 'totals' -> 'gross') OR (d.body -> 'outcome' -> 'net') <> (c.body -> 'totals' -> 'net')
UNION ALL
SELECT upper(a.kind[1]) || a.kind[2:] || ' ' || a.number || ' is filed under another journey than contract ' || c.number, a.journey_id
FROM aggregate a JOIN contract c ON c.id = coalesce((a.body ->> 'contract_id'), CASE WHEN a.kind = 'billing account' THEN a.id::VARCHAR END)::UUID
WHERE a.journey_id <> c.journey_id
