-- sentence: What the bank says it moved is what billing has booked, both ways, each once.
-- kind: both
-- severity: critical
-- needs: statement
-- The statement is read after the databases: what is booked must stand there. The other way takes until all is quiet.
WITH theirs AS (
  SELECT source, reference, currency, sum(CASE direction WHEN 'in' THEN minor ELSE -minor END) AS minor,
         count(*) FILTER (direction = 'in') AS captures, bool_or(direction = 'out') AS goes_back
  FROM statement GROUP BY source, reference, currency
), ours AS (
  SELECT p.*, p.amount_minor - coalesce(r.minor, 0) AS kept
  FROM payment p
  LEFT JOIN (SELECT p.id, sum(minor(r.value -> 'amount'))::BIGINT AS minor FROM payment p, json_each(p.body -> 'returns') r GROUP BY 1) r ON r.id = p.id
  WHERE p.source IN (SELECT source FROM statement)
)
SELECT 'Payment ' || p.number || ' books ' || money(p.amount_minor, p.currency) || ' under reference ' || p.bank_reference
       || ', which is not on the statement of ' || p.source AS what, p.journey_id
FROM ours p ANTI JOIN theirs t ON t.source = p.source AND t.reference = p.bank_reference
UNION ALL
SELECT 'Payment ' || p.number || ' books ' || money(p.kept, p.currency) || ' under reference ' || p.bank_reference || '; the statement of '
       || p.source || ' says ' || money(t.minor::BIGINT, t.currency), p.journey_id
FROM ours p JOIN theirs t ON t.source = p.source AND t.reference = p.bank_reference
WHERE t.currency <> p.currency OR (t.minor <> p.kept AND (NOT t.goes_back OR settled()))
UNION ALL
SELECT 'The statement of ' || t.source || ' has ' || money(t.minor::BIGINT, t.currency) || ' under reference ' || t.reference || ', which billing has not booked', NULL
FROM theirs t ANTI JOIN payment p ON p.source = t.source AND p.bank_reference = t.reference
WHERE settled()
UNION ALL
SELECT 'The statement of ' || t.source || ' took reference ' || t.reference || ' ' || t.captures || ' times', NULL
FROM theirs t WHERE t.captures > 1
