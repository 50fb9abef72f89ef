-- What the rules share: amounts, names, deliveries, and whether the platform is quiet.

CREATE MACRO minor(money) AS CAST(replace((money ->> 'amount'), '.', '') AS BIGINT);

CREATE MACRO money(minor, currency) AS
  CASE digits(currency)
    WHEN 0 THEN minor::VARCHAR
    ELSE CASE WHEN minor < 0 THEN '-' ELSE '' END
      || (abs(minor) // pow10(currency))::VARCHAR || '.'
      || lpad((abs(minor) % pow10(currency))::VARCHAR, digits(currency), '0')
  END || ' ' || currency;

-- Every aggregate of every service, whatever its table.
CREATE TABLE aggregate AS
  SELECT 'lead' AS service, 'lead' AS kind, id, number, journey_id, version, status, created_at, updated_at, body FROM lead
  UNION ALL SELECT 'deal', 'deal', id, number, journey_id, version, status, created_at, updated_at, body FROM deal
  UNION ALL SELECT 'quote', 'quote', id, number, journey_id, version, status, created_at, updated_at, body FROM quote
  UNION ALL SELECT 'contract', 'contract', id, number, journey_id, version, status, created_at, updated_at, body FROM contract
  UNION ALL SELECT 'order', 'order', id, number, journey_id, version, status, created_at, updated_at, body FROM sales_order
  UNION ALL SELECT 'billing', 'billing account', id, number, journey_id, version, status, created_at, updated_at, body FROM billing_account
  UNION ALL SELECT 'billing', 'invoice', id, number, journey_id, version, status, created_at, updated_at, body FROM invoice
  UNION ALL SELECT 'billing', 'payment', id, number, journey_id, version, status, created_at, updated_at, body FROM payment;

-- What people call the thing behind an id. A contract and its billing account share theirs.
CREATE TABLE named AS
  SELECT id::VARCHAR AS id, min(kind || ' ' || number) FILTER (kind <> 'billing account') AS name
  FROM aggregate GROUP BY 1 HAVING name IS NOT NULL;

-- The records of the topics, with an event's id even where the record names none.
CREATE TABLE on_topic AS
  SELECT topic, partition, "position", put_at, key, coalesce(TRY_CAST(id AS UUID), stray_id) AS event_id,
         TRY_CAST(id AS UUID) IS NULL AS stray, nullif(type, '') AS type, source, subject,
         TRY_CAST(version AS BIGINT) AS version, TRY_CAST(journey_id AS UUID) AS journey_id,
         TRY_CAST(causation_id AS UUID) AS causation_id, hash, early
  FROM record;

-- Topics that have let go of their oldest records, and until when nothing can be asked of them.
CREATE TABLE forgotten AS
  SELECT topic, max(since) + INTERVAL 1 MINUTE AS until FROM kept WHERE "first" > 0 GROUP BY topic;

-- An inbox keeps fourteen days; of older records nothing can be asked.
CREATE TABLE remembered AS SELECT started - INTERVAL 13 DAYS AS since FROM run;

-- One row for each event that the topics hold for a consumer, and what became of it there. It hears a type since the deploy that
-- brought it, and the minutes in which instances of the version before may still have passed it by.
CREATE TABLE delivery AS
  WITH once AS (
    SELECT event_id, topic, min(partition) AS partition, min("position") AS "position",
           min(key) AS key, min(type) AS type, min(version) AS version, min(journey_id) AS journey_id,
           bool_or(early) AS early, min(stray) AS stray, min(put_at) AS put_at
    FROM on_topic WHERE event_id IS NOT NULL GROUP BY event_id, topic
  ), ear AS (
    SELECT DISTINCT h.service, h.consumer, o.topic FROM heard h JOIN once o ON o.type = h.type
  )
  SELECT w.*, i.event_id IS NOT NULL AS applied, p.state AS parked,
         w."position" < coalesce(c."position", 0) AS passed
  FROM (
    SELECT h.service, h.consumer, o.* FROM heard h JOIN once o ON o.type = h.type AND o.put_at > h.since + INTERVAL 5 MINUTES
    UNION ALL
    SELECT e.service, e.consumer, o.* FROM ear e JOIN once o ON o.topic = e.topic AND o.type IS NULL
  ) w
  LEFT JOIN inbox i ON i.consumer = w.consumer AND i.event_id = w.event_id
  LEFT JOIN parked p ON p.consumer = w.consumer AND p.event_id = w.event_id
  LEFT JOIN committed c ON c.consumer = w.consumer AND c.topic = w.topic AND c.partition = w.partition
  WHERE w.put_at > (SELECT since FROM remembered);

-- What is still under way: a platform is quiet when there is nothing.
CREATE TABLE backlog AS
  SELECT service, 'unsent' AS what, count(*) AS n, min(created_at) AS since
  FROM said WHERE place = 'outbox' GROUP BY service
  UNION ALL
  SELECT service, 'unheard', count(*), min(put_at)
  FROM delivery WHERE NOT applied AND parked IS NULL AND NOT passed GROUP BY service
  UNION ALL
  SELECT service, CASE state WHEN 'dead' THEN 'dead' ELSE 'parked' END, count(*), min(parked_at)
  FROM parked WHERE state IN ('waiting', 'dead') GROUP BY service, 2;

CREATE TABLE quiet AS SELECT count(*) = 0 AS settled FROM backlog;
CREATE MACRO settled() AS (SELECT settled FROM quiet);

-- How far the lines of an order are, by one of its facts.
CREATE MACRO progress(payload) AS
  from_json((payload -> 'progress'), '[{"ordered":"BIGINT","shipped":"BIGINT","delivered":"BIGINT","cancelled":"BIGINT"}]');

-- Pieces of a billed line that were not cancelled.
CREATE MACRO kept(line) AS (line ->> 'ordered')::BIGINT - (line ->> 'cancelled')::BIGINT;

-- What credit notes have taken back.
CREATE TABLE credit_note AS
  SELECT i.id AS invoice_id, i.contract_id, i.currency, i.journey_id, (i.body ->> 'legal_entity') AS legal_entity, (n.value ->> 'number') AS number,
         (SELECT sum(minor(l.value -> 'net')) FROM json_each(n.value -> 'lines') l)::BIGINT AS net,
         (SELECT sum(minor(l.value -> 'tax')) FROM json_each(n.value -> 'lines') l)::BIGINT AS tax
  FROM invoice i, json_each(i.body -> 'credit_notes') n
  UNION ALL
  SELECT id, contract_id, currency, journey_id, (body ->> 'legal_entity'), (body ->> 'credit_note'),
         minor(body -> 'totals' -> 'net'), minor(body -> 'totals' -> 'tax')
  FROM invoice WHERE (body ->> 'credit_note') IS NOT NULL;

CREATE TABLE credited AS
  SELECT invoice_id, sum(net)::BIGINT AS net, sum(tax)::BIGINT AS tax, sum(net + tax)::BIGINT AS minor FROM credit_note GROUP BY invoice_id;

-- Which contract a ledger entry's document belongs to: its invoices, their credit notes, the contract itself.
CREATE TABLE paper AS
  SELECT number AS document, contract_id FROM invoice
  UNION ALL SELECT number, contract_id FROM credit_note
  UNION ALL SELECT number, id FROM billing_account;

-- The lines of each contract as billing counts them: what is kept after cancelling and forgiving, what was delivered.
CREATE TABLE billed_line AS
  WITH forgiven AS (
    SELECT a.id, (f.value ->> 'line_no')::INTEGER AS line_no, sum(minor(f.value -> 'net')) AS net, sum(minor(f.value -> 'tax')) AS tax
    FROM billing_account a, json_each(a.body -> 'forgiven') f GROUP BY 1, 2
  ), line AS (
    SELECT a.id, (l.value ->> 'line_no')::INTEGER AS line_no, (l.value ->> 'ordered')::BIGINT AS ordered, kept(l.value) AS kept,
           (l.value ->> 'delivered')::BIGINT AS delivered, minor(l.value -> 'net') AS net, minor(l.value -> 'tax') AS tax
    FROM billing_account a, json_each(a.body -> 'lines') l
  )
  SELECT l.id, l.line_no, greatest(0, l.net * l.kept // l.ordered - coalesce(f.net, 0))::BIGINT AS owed_net,
         greatest(0, l.tax * l.kept // l.ordered - coalesce(f.tax, 0))::BIGINT AS owed_tax,
         (l.net * l.delivered // l.ordered)::BIGINT AS delivered_net, f.id IS NOT NULL AS forgiven
  FROM line l LEFT JOIN forgiven f ON f.id = l.id AND f.line_no = l.line_no;
