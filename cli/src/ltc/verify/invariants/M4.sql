-- sentence: Every document's total is the sum of its lines and their tax, rounded by one rule.
-- kind: safety
-- severity: critical
-- The rule: tax of a line is net times rate, half a cent away from zero; the tax of a document is the sum of its lines'.
WITH line AS (
  SELECT 'invoice' AS kind, i.number, i.journey_id, (i.body -> 'totals') AS totals, l.value AS line, NULL AS rate
  FROM invoice i, json_each(i.body -> 'lines') l
  UNION ALL
  SELECT 'contract', c.number, c.journey_id, (c.body -> 'totals'), l.value, (l.value ->> 'tax_percent')
  FROM contract c, json_each(c.body -> 'lines') l
  UNION ALL
  SELECT 'quote', q.number || ' version ' || (v.value ->> 'version'), q.journey_id, (v.value -> 'totals'), l.value, (l.value ->> 'tax_percent')
  FROM quote q, json_each(q.body -> 'versions') v, json_each(v.value -> 'lines') l
  WHERE (v.value ->> 'status') <> 'voided'
), document AS (
  SELECT kind, number, journey_id, (totals -> 'gross' ->> 'currency') AS currency, minor(totals -> 'net') AS net, minor(totals -> 'tax') AS tax,
         minor(totals -> 'gross') AS gross, sum(minor(line -> 'net')) AS net_of_lines, sum(minor(line -> 'tax')) AS tax_of_lines,
         count(*) FILTER (rate IS NOT NULL
           AND minor(line -> 'tax') <> round(minor(line -> 'net') * rate::DECIMAL(9, 4) / 100, 0)) AS odd_taxes
  FROM line GROUP BY ALL
)
SELECT upper(kind[1]) || kind[2:] || ' ' || number || ' says net ' || money(net, currency) || ', tax ' || money(tax, currency) || ', gross '
       || money(gross, currency) || '; its lines add up to ' || money(net_of_lines::BIGINT, currency) || ' and ' || money(tax_of_lines::BIGINT, currency)
       AS what, journey_id
FROM document WHERE net <> net_of_lines OR tax <> tax_of_lines OR gross <> net + tax
UNION ALL
SELECT upper(kind[1]) || kind[2:] || ' ' || number || ' has ' || odd_taxes || ' lines whose tax is not their net times the rate', journey_id
FROM document WHERE odd_taxes > 0
UNION ALL
SELECT 'Invoice ' || number || ' stands in its row with ' || money(gross_minor, currency) || ' and in its document with '
       || money(minor(body -> 'totals' -> 'gross'), currency), journey_id
FROM invoice WHERE gross_minor <> minor(body -> 'totals' -> 'gross')
