-- sentence: The platform comes to rest: nothing unsent, unheard, parked, dead, or past its due time unnoticed.
-- kind: settled
-- severity: serious
-- needs: rest
SELECT CASE what
         WHEN 'unsent' THEN service || '-svc has ' || n || ' facts that are not in Kafka'
         WHEN 'unheard' THEN service || '-svc has not heard ' || n || ' events'
         WHEN 'parked' THEN service || '-svc has parked ' || n || ' messages'
         ELSE service || '-svc has given up on ' || n || ' messages: a person must retry or skip them (/ops/parked)'
       END || ', the oldest since ' || strftime(since, '%Y-%m-%d %H:%M:%S') AS what, NULL AS journey_id
FROM backlog
UNION ALL
SELECT 'Gate ' || g.name || ' of ' || g.number || ' was due ' || strftime(g.due_at, '%Y-%m-%d %H:%M:%S') || ' and nobody was told', g.journey_id
FROM gate g WHERE g.cleared_at IS NULL AND g.overdue_at IS NULL AND g.due_at < (SELECT started - INTERVAL 1 MINUTE FROM run)
