-- sentence: What is recognised as revenue was delivered and is no more than contracted; recognised and deferred make up what is billed, and a settled contract defers nothing.
-- kind: safety
-- severity: critical
WITH entry AS (
  SELECT d.contract_id, e.* FROM ledger_entry e LEFT JOIN paper d ON d.document = e.document
  WHERE e.account IN ('revenue', 'contract_liability')
), sums AS (
  SELECT contract_id, -coalesce(sum(minor) FILTER (account = 'revenue'), 0) AS revenue,
         -coalesce(sum(minor) FILTER (account = 'contract_liability'), 0) AS deferred
  FROM entry GROUP BY contract_id
), delivered AS (
  SELECT id, sum(delivered_net) AS net, bool_or(forgiven) AS forgiven FROM billed_line GROUP BY id
), document AS (
  SELECT i.contract_id, sum(minor(i.body -> 'totals' -> 'net')) - coalesce(sum(c.net), 0) AS net
  FROM invoice i LEFT JOIN credited c ON c.invoice_id = i.id GROUP BY i.contract_id
)
SELECT 'Contract ' || a.number || ' has recognised ' || money(coalesce(s.revenue, 0)::BIGINT, a.currency) || ' in the ledger, '
       || money(minor(a.body -> 'recognised'), a.currency) || ' in its account; delivered was ' || money(d.net::BIGINT, a.currency)
       || ' of ' || money(minor(a.body -> 'totals' -> 'net'), a.currency) AS what, a.journey_id
FROM billing_account a LEFT JOIN sums s ON s.contract_id = a.id JOIN delivered d ON d.id = a.id
WHERE coalesce(s.revenue, 0) <> minor(a.body -> 'recognised') OR minor(a.body -> 'recognised') > d.net
   OR (minor(a.body -> 'recognised') <> d.net AND NOT d.forgiven) OR d.net > minor(a.body -> 'totals' -> 'net')
UNION ALL
SELECT 'Contract ' || a.number || ' is settled and still defers ' || money(s.deferred::BIGINT, a.currency), a.journey_id
FROM billing_account a JOIN sums s ON s.contract_id = a.id WHERE a.status = 'settled' AND s.deferred <> 0
UNION ALL
SELECT 'Contract ' || a.number || ' has billed ' || money(coalesce(x.net, 0)::BIGINT, a.currency) || ' net, which is not recognised '
       || money(s.revenue::BIGINT, a.currency) || ' and deferred ' || money(s.deferred::BIGINT, a.currency), a.journey_id
FROM billing_account a JOIN sums s ON s.contract_id = a.id LEFT JOIN document x ON x.contract_id = a.id
WHERE coalesce(x.net, 0) <> s.revenue + s.deferred
UNION ALL
SELECT 'Revenue was taken back by entry ' || e.document || ' (' || e.kind || ' of ' || money(e.minor, e.currency) || '), which is no credit', e.journey_id
FROM ledger_entry e WHERE e.account = 'revenue' AND e.minor > 0 AND e.kind <> 'credit'
UNION ALL
SELECT 'Entry ' || document || ' (' || kind || ' of ' || money(minor, currency) || ' on ' || account || ') belongs to no contract', journey_id
FROM entry WHERE contract_id IS NULL
