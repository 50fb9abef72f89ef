-- sentence: Every ledger transaction adds up to zero in each currency and has at least two entries.
-- kind: safety
-- severity: critical
SELECT 'Ledger transaction ' || transaction_id || ' (' || min(kind) || ' ' || min(document) || ') '
       || CASE WHEN count(*) < 2 THEN 'has only one entry, of ' ELSE 'is out by ' END || money(sum(minor)::BIGINT, currency) AS what,
       min(journey_id) AS journey_id
FROM ledger_entry GROUP BY transaction_id, currency HAVING sum(minor) <> 0 OR count(*) < 2
