-- sentence: Each stage hands over exactly once: a lead makes one deal, a won deal has one accepted quote and one signed contract, which has one order and one billing account, and nothing is without its origin.
-- kind: both
-- severity: critical
WITH version AS (
  SELECT q.id AS quote_id, q.number, q.journey_id, (v.value ->> 'version')::INTEGER AS version, (v.value ->> 'status') AS status
  FROM quote q, json_each(q.body -> 'versions') v
), accepted AS (
  SELECT * FROM version WHERE status = 'accepted'
), signed AS (
  SELECT * FROM contract WHERE signed_at IS NOT NULL
), quoted AS (
  SELECT a.*, (q.body ->> 'deal_id')::UUID AS deal_id FROM accepted a JOIN quote q ON q.id = a.quote_id
)
-- more than one: true at any moment
SELECT 'Lead ' || l.number || ' has ' || count(*) || ' deals: ' || string_agg(d.number, ', ') AS what, min(d.journey_id) AS journey_id
FROM deal d JOIN lead l ON l.id = (d.body ->> 'lead_id')::UUID GROUP BY l.number HAVING count(*) > 1
UNION ALL
SELECT 'Quote ' || number || ' has ' || count(*) || ' accepted versions', min(journey_id)
FROM accepted GROUP BY quote_id, number HAVING count(*) > 1
UNION ALL
SELECT 'Quote ' || (body ->> 'quote_number') || ' version ' || (body ->> 'quote_version') || ' has ' || count(*) || ' contracts: ' || string_agg(number, ', '),
       min(journey_id)
FROM contract GROUP BY quote_id, (body ->> 'quote_number'), (body ->> 'quote_version') HAVING count(*) > 1
UNION ALL
SELECT 'Deal ' || (body ->> 'deal_number') || ' has ' || count(*) || ' signed contracts: ' || string_agg(number, ', '), min(journey_id)
FROM signed GROUP BY deal_id, (body ->> 'deal_number') HAVING count(*) > 1
UNION ALL
SELECT 'Contract ' || (body ->> 'contract_number') || ' has ' || count(*) || ' orders: ' || string_agg(number, ', '), min(journey_id)
FROM sales_order GROUP BY contract_id, (body ->> 'contract_number') HAVING count(*) > 1
-- without origin: later stages were looked at first
UNION ALL
SELECT 'Billing account ' || a.number || ' is of no signed contract', a.journey_id FROM billing_account a ANTI JOIN signed c ON c.id = a.id
UNION ALL
SELECT 'Order ' || o.number || ' is of no signed contract', o.journey_id FROM sales_order o ANTI JOIN signed c ON c.id = o.contract_id
UNION ALL
SELECT 'Invoice ' || i.number || ' is of no billing account', i.journey_id FROM invoice i ANTI JOIN billing_account a ON a.id = i.contract_id
UNION ALL
SELECT 'Contract ' || c.number || ' is of no accepted quote', c.journey_id
FROM contract c ANTI JOIN accepted a ON a.quote_id = c.quote_id AND a.version = (c.body ->> 'quote_version')::INTEGER
UNION ALL
SELECT 'Quote ' || q.number || ' is of no deal', q.journey_id FROM quote q ANTI JOIN deal d ON d.id = (q.body ->> 'deal_id')::UUID
UNION ALL
SELECT 'Deal ' || d.number || ' names a lead that does not exist', d.journey_id
FROM deal d ANTI JOIN lead l ON l.id = (d.body ->> 'lead_id')::UUID WHERE (d.body ->> 'lead_id') IS NOT NULL
-- not handed over: must have happened once the platform is quiet
UNION ALL
SELECT 'Lead ' || l.number || ' is ' || l.status || ' and has no deal', l.journey_id
FROM lead l ANTI JOIN deal d ON (d.body ->> 'lead_id')::UUID = l.id WHERE l.status IN ('qualified', 'converted') AND settled()
UNION ALL
SELECT 'Deal ' || d.number || ' is won and has no accepted quote', d.journey_id
FROM deal d ANTI JOIN quoted q ON q.deal_id = d.id WHERE d.status = 'won' AND settled()
UNION ALL
SELECT 'Quote ' || a.number || ' version ' || a.version || ' is accepted and has no contract', a.journey_id
FROM accepted a ANTI JOIN contract c ON c.quote_id = a.quote_id AND (c.body ->> 'quote_version')::INTEGER = a.version WHERE settled()
UNION ALL
SELECT 'Contract ' || c.number || ' is signed and has no order', c.journey_id
FROM signed c ANTI JOIN sales_order o ON o.contract_id = c.id WHERE settled()
UNION ALL
SELECT 'Contract ' || c.number || ' is signed and has no billing account', c.journey_id
FROM signed c ANTI JOIN billing_account a ON a.id = c.id WHERE settled()
UNION ALL
SELECT 'Contract ' || c.number || ' is signed, but deal ' || (c.body ->> 'deal_number') || ' is ' || coalesce(d.status, 'missing'), c.journey_id
FROM signed c LEFT JOIN deal d ON d.id = c.deal_id WHERE d.status IS DISTINCT FROM 'won' AND settled()
