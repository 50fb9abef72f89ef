-- sentence: No payment is applied beyond what was received and no invoice beyond its total; what was received is applied, given back, or waits.
-- kind: safety
-- severity: critical
WITH part AS (
  SELECT p.id AS payment_id, p.number AS payment, p.journey_id, (x.value ->> 'invoice_id')::UUID AS invoice_id, minor(x.value -> 'amount') AS minor,
         (x.value -> 'amount' ->> 'currency') AS currency
  FROM payment p, json_each(p.body -> 'allocations') x
), applied AS (
  SELECT payment_id, sum(minor) AS minor FROM part GROUP BY 1
), returned AS (
  SELECT p.id AS payment_id, sum(minor(r.value -> 'amount')) AS minor FROM payment p, json_each(p.body -> 'returns') r GROUP BY 1
), paid AS (
  SELECT i.id, i.number, i.journey_id, i.currency, i.status, i.gross_minor, i.outstanding_minor, minor(i.body -> 'paid') AS noted, coalesce(sum(x.minor), 0) AS minor
  FROM invoice i LEFT JOIN part x ON x.invoice_id = i.id GROUP BY ALL
)
SELECT 'Payment ' || p.number || ' received ' || money(p.amount_minor, p.currency) || ', applied ' || money(coalesce(a.minor, 0)::BIGINT, p.currency)
       || ', gave back ' || money(coalesce(r.minor, 0)::BIGINT, p.currency) || ', left ' || money(p.unapplied_minor, p.currency) AS what, p.journey_id
FROM payment p LEFT JOIN applied a ON a.payment_id = p.id LEFT JOIN returned r ON r.payment_id = p.id
WHERE coalesce(a.minor, 0) NOT BETWEEN 0 AND p.amount_minor OR p.unapplied_minor < 0
   OR p.amount_minor <> coalesce(a.minor, 0) + coalesce(r.minor, 0) + p.unapplied_minor
UNION ALL
SELECT 'Invoice ' || p.number || ' of ' || money(p.gross_minor, p.currency) || ' has ' || money(p.minor::BIGINT, p.currency) || ' applied and '
       || money(coalesce(c.minor, 0), p.currency) || ' credited, notes ' || money(p.noted, p.currency) || ' as paid and '
       || money(p.outstanding_minor, p.currency) || ' as outstanding', p.journey_id
FROM paid p LEFT JOIN credited c ON c.invoice_id = p.id
WHERE p.minor <> p.noted OR p.outstanding_minor < 0 OR p.outstanding_minor <> p.gross_minor - p.minor - coalesce(c.minor, 0)
UNION ALL
SELECT 'Payment ' || x.payment || ' is applied to an invoice that does not exist', x.journey_id FROM part x ANTI JOIN invoice i ON i.id = x.invoice_id
UNION ALL
SELECT 'Payment ' || x.payment || ' in ' || x.currency || ' is applied to invoice ' || i.number || ' in ' || i.currency, x.journey_id
FROM part x JOIN invoice i ON i.id = x.invoice_id WHERE i.currency <> x.currency
