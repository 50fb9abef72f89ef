-- sentence: The ledger only grows: its guards are on, and no entry was changed or taken out.
-- kind: safety
-- severity: critical
-- Entries of one transaction are written by one: another writer's mark on a row means that it was changed later.
SELECT 'The guard ' || wanted.name || ' of ' || wanted.relation || ' is ' || CASE WHEN g.name IS NULL THEN 'missing' ELSE 'switched off' END AS what,
       NULL AS journey_id
FROM (VALUES ('ledger_entry', 'only_grow'), ('ledger_entry', 'add_up'), ('invoice', 'keep_what_was_issued')) AS wanted (relation, name)
LEFT JOIN guard g ON g.service = 'billing' AND g.relation = wanted.relation AND g.name = wanted.name
WHERE g.name IS NULL OR g.enabled NOT IN ('O', 'A')
UNION ALL
SELECT 'Ledger transaction ' || transaction_id || ' (' || min(kind) || ' ' || min(document) || ') was changed after it was entered', min(journey_id)
FROM ledger_entry GROUP BY transaction_id
HAVING count(DISTINCT written_by) > 1 OR count(DISTINCT posted_at) > 1 OR count(DISTINCT document) > 1
UNION ALL
SELECT 'Ledger transaction ' || transaction_id || ' (' || min(kind) || ' ' || min(document) || ') has lost entries: ' || count(*) || ' are there, the last is number '
       || max(line), min(journey_id)
FROM ledger_entry GROUP BY transaction_id HAVING count(*) <> max(line)
UNION ALL
SELECT 'Fact ' || s.type || ' of ' || (s.payload ->> 'number') || ' cites ledger transaction ' || (s.payload ->> 'ledger_transaction') || ', which is not there', s.journey_id
FROM said s ANTI JOIN ledger_entry e ON e.transaction_id::VARCHAR = (s.payload ->> 'ledger_transaction')
WHERE s.service = 'billing' AND (s.payload ->> 'ledger_transaction') IS NOT NULL
