-- sentence: Nothing is invoiced or received twice, and document numbers have no gap and no double.
-- kind: safety
-- severity: critical
WITH document AS (
  SELECT 'INV-' || (body ->> 'legal_entity') || '-' || split_part(number, '-', 2) AS series, split_part(number, '-', 3)::BIGINT AS n, number, journey_id FROM invoice
  UNION ALL
  SELECT 'CN-' || (body ->> 'legal_entity') || '-' || split_part((body ->> 'credit_note'), '-', 2), split_part((body ->> 'credit_note'), '-', 3)::BIGINT,
         (body ->> 'credit_note'), journey_id
  FROM invoice WHERE (body ->> 'credit_note') IS NOT NULL
), counted AS (
  SELECT series, count(*) AS n, count(DISTINCT n) AS different, min(n) AS lowest, max(n) AS highest FROM document GROUP BY series
)
SELECT 'Number ' || number || ' is given ' || count(*) || ' times' AS what, min(journey_id) AS journey_id
FROM document GROUP BY series, number HAVING count(*) > 1
UNION ALL
SELECT 'Series ' || series || ' has ' || different || ' numbers between ' || lowest || ' and ' || highest || CASE WHEN lowest > 1 THEN ', and does not begin at 1' ELSE '' END, NULL
FROM counted WHERE lowest <> 1 OR highest <> different
UNION ALL
SELECT 'Series ' || s.series || ' goes on at ' || s.next_value || ', but its last number is ' || coalesce(c.highest, 0), NULL
FROM series s LEFT JOIN counted c ON c.series = s.series
WHERE s.service = 'billing' AND (s.series LIKE 'INV-%' OR s.series LIKE 'CN-%') AND s.next_value <> coalesce(c.highest, 0) + 1
UNION ALL
SELECT 'Contract ' || a.number || ' is invoiced ' || count(*) || ' times for item ' || (i.body ->> 'schedule_item') || ' of its schedule: ' || string_agg(i.number, ', '),
       min(i.journey_id)
FROM invoice i JOIN billing_account a ON a.id = i.contract_id
WHERE i.status <> 'credited' AND NOT (json_array_length(a.body -> 'schedule') = 1 AND (a.body -> 'schedule' -> 0 ->> 'due') = 'on_delivery')
GROUP BY a.number, (i.body ->> 'schedule_item') HAVING count(*) > 1
UNION ALL
SELECT 'Reference ' || bank_reference || ' of ' || source || ' is booked by ' || count(*) || ' payments: ' || string_agg(number, ', '), min(journey_id)
FROM payment GROUP BY source, bank_reference HAVING count(*) > 1
