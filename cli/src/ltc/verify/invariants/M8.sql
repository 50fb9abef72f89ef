-- sentence: What the bank says it moved is what billing has booked, both ways, each once.
-- kind: both
-- severity: critical
-- needs: statement
-- The statement is read after the databases: what is booked must stand there. The other way takes until all is quiet.
WITH theirs AS (
  SELECT source, reference, currency, sum(CASE direction WHEN 'in' THEN minor ELSE -minor END) AS minor,
         count(*) FILTER (direction = 'in') AS captures, bool_or(direction = 'out') AS goes_back
  FROM statement GROUP BY source, reference, currency
), went_back AS (
  SELECT p.id, r.value ->> 'bank_reference' AS reference, minor(r.value -> 'amount') AS minor,
         CASE WHEN p.source = 'bank' THEN 0 ELSE coalesce(minor(r.value -> 'from_bank'), 0) END AS from_bank
  FROM payment p, json_each(p.body -> 'returns') r
), movement AS (
  -- A provider's money lies with the provider until it is paid out; what goes back leaves the place where it lies.
  SELECT id, source, bank_reference AS reference, amount_minor AS minor FROM payment
  UNION ALL SELECT p.id, p.source, p.bank_reference, r.from_bank - r.minor FROM payment p JOIN went_back r ON r.id = p.id
  UNION ALL SELECT p.id, 'bank', p.bank_reference, -r.from_bank FROM payment p JOIN went_back r ON r.id = p.id WHERE r.from_bank > 0
  UNION ALL SELECT p.id, 'bank', o.value ->> 'bank_reference', minor(o.value -> 'amount') FROM payment p, json_each(p.body -> 'payouts') o
), ours AS (
  SELECT p.number, p.journey_id, p.currency, m.source, m.reference, sum(m.minor)::BIGINT AS kept
  FROM movement m JOIN payment p ON p.id = m.id WHERE m.source IN (SELECT source FROM statement)
  GROUP BY p.id, p.number, p.journey_id, p.currency, m.source, m.reference
)
SELECT 'Payment ' || p.number || ' books ' || money(p.kept, p.currency) || ' under reference ' || p.reference
       || ', which is not on the statement of ' || p.source AS what, p.journey_id
FROM ours p ANTI JOIN theirs t ON t.source = p.source AND t.reference = p.reference
UNION ALL
SELECT 'Payment ' || p.number || ' books ' || money(p.kept, p.currency) || ' under reference ' || p.reference || '; the statement of '
       || p.source || ' says ' || money(t.minor::BIGINT, t.currency), p.journey_id
FROM ours p JOIN theirs t ON t.source = p.source AND t.reference = p.reference
WHERE t.currency <> p.currency OR (t.minor <> p.kept AND (NOT t.goes_back OR settled()))
UNION ALL
SELECT 'The statement of ' || t.source || ' has ' || money(t.minor::BIGINT, t.currency) || ' under reference ' || t.reference || ', which billing has not booked', NULL
FROM theirs t ANTI JOIN ours p ON p.source = t.source AND p.reference = t.reference
WHERE settled()
UNION ALL
SELECT 'The statement of ' || t.source || ' took reference ' || t.reference || ' ' || t.captures || ' times', NULL
FROM theirs t WHERE t.captures > 1
