-- sentence: Nothing is invoiced or received twice, and document numbers have no gap and no double.
-- kind: safety
-- severity: critical
WITH document AS (
  SELECT 'INV-' || (body ->> 'legal_entity') || '-' || split_part(number, '-', 2) AS series, split_part(number, '-', 3)::BIGINT AS n, number, journey_id FROM invoice
  UNION ALL
  SELECT 'CN-' || legal_entity || '-' || split_part(number, '-', 2), split_part(number, '-', 3)::BIGINT, number, journey_id FROM credit_note
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
SELECT 'Series ' || c.series || ' is not known, though ' || c.highest || ' is given: it would begin at 1 again', NULL
FROM counted c ANTI JOIN series s ON s.series = c.series
UNION ALL
SELECT 'Item ' || item || ' of the schedule of contract ' || number || ' is ' || money(amount, currency) || ', invoiced are '
       || money(invoiced::BIGINT, currency) || ': ' || documents, journey_id
FROM (
  SELECT a.number, a.currency, a.journey_id, (s.value ->> 'n') AS item, minor(s.value -> 'amount') AS amount,
         sum(i.gross_minor) - coalesce(sum(c.minor), 0) AS invoiced, string_agg(i.number, ', ') AS documents
  FROM billing_account a, json_each(a.body -> 'schedule') s
  JOIN invoice i ON i.contract_id = a.id AND (i.body ->> 'schedule_item') = (s.value ->> 'n') LEFT JOIN credited c ON c.invoice_id = i.id
  GROUP BY a.id, a.number, a.currency, a.journey_id, item, amount
) WHERE invoiced > amount
UNION ALL
SELECT 'Reference ' || bank_reference || ' of ' || source || ' is booked by ' || count(*) || ' payments: ' || string_agg(number, ', '), min(journey_id)
FROM payment GROUP BY source, bank_reference HAVING count(*) > 1
UNION ALL
SELECT 'Reference ' || b.bank_reference || ' of ' || p.source || ' is booked by ' || p.number || ', and its payout as a second payment: ' || b.number, b.journey_id
FROM payment b JOIN payment p ON p.bank_reference = b.bank_reference AND p.currency = b.currency AND p.source NOT IN ('bank', 'imported')
WHERE b.source = 'bank'
