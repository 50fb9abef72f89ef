-- Faults, each with the rules that must see it: changes to evidence that holds, taken back after each.
-- First the objects that they are done to.

CREATE MACRO one_lead() AS (SELECT min(journey_id) FROM lead WHERE status = 'converted');
CREATE MACRO one_deal() AS (SELECT min(id) FROM deal WHERE status = 'won');
CREATE MACRO one_quote() AS (SELECT min(id) FROM quote);
CREATE MACRO one_order() AS (SELECT min(id) FROM sales_order);
CREATE MACRO one_contract() AS (SELECT min(id) FROM contract);
CREATE MACRO one_account() AS (SELECT min(id) FROM billing_account);
CREATE MACRO one_invoice() AS (SELECT min(id) FROM invoice);
CREATE MACRO last_invoice() AS (SELECT max(number) FROM invoice);
CREATE MACRO one_payment() AS (SELECT min(id) FROM payment WHERE source = 'alipay');
CREATE MACRO one_settlement() AS (SELECT min(id) FROM said WHERE type = 'ltc.journey.settled.v1');
CREATE MACRO one_qualified() AS (SELECT min(id) FROM said WHERE type = 'ltc.lead.qualified.v1');
CREATE MACRO one_transaction() AS (SELECT min(transaction_id) FROM ledger_entry WHERE kind = 'issue' AND account = 'tax_payable');

-- fault: a request answered yes has no lead
-- red: D1
INSERT INTO history VALUES ('single', 'n', 'n', 'ok', gen_random_uuid());

-- fault: a request that was refused has a lead
-- red: D1
UPDATE history SET status = 'refused', journey_id = NULL WHERE key = 'H-3';

-- fault: a request had its effect twice
-- red: D1
UPDATE lead SET body = replace(body::VARCHAR, '"H-4"', '"H-3"')::JSON WHERE body::VARCHAR LIKE '%"H-4"%';
DELETE FROM history WHERE key = 'H-4';

-- fault: a published fact never reached its topic
-- red: D2, D4
DELETE FROM record WHERE id = one_settlement()::VARCHAR;

-- fault: a fact was altered on its way
-- red: D2, D3
UPDATE record SET hash = 'x' WHERE id = one_settlement()::VARCHAR;

-- fault: Kafka refuses a fact
-- red: D2
UPDATE said SET place = 'dead', error = 'too large' WHERE id = one_settlement();

-- fault: a forged record lies on a topic
-- red: D3
INSERT INTO record BY NAME
  SELECT * REPLACE (gen_random_uuid()::VARCHAR AS id, 'ltc.order.imagined.v1' AS type, 'new' AS subject, '1' AS version)
  FROM record WHERE topic = 'ltc.order.v1' LIMIT 1;

-- fault: a fact was said by a service that does not own its topic
-- red: D3
UPDATE record SET source = '/ltc/order-svc' WHERE id = one_settlement()::VARCHAR;

-- fault: a message is applied and still waits
-- red: D4
INSERT INTO parked BY NAME
  SELECT i.service , 1 AS id, i.consumer, i.event_id, r.topic, r.key, 'waiting' AS state, true AS has_raw, r.hash
  FROM inbox i JOIN record r ON r.id = i.event_id::VARCHAR WHERE i.consumer = 'deal-svc' LIMIT 1;

-- fault: a message was given up and nobody knows by whom
-- red: D4
-- says: its audit does not say who did that
INSERT INTO parked BY NAME
  SELECT i.service, 1 AS id, i.consumer, i.event_id, r.topic, r.key, 'skipped' AS state, true AS has_raw, r.hash
  FROM inbox i JOIN record r ON r.id = i.event_id::VARCHAR WHERE i.consumer = 'deal-svc' LIMIT 1;

-- fault: who proposed an edit has approved it
-- red: D4
-- says: carl approved what they had proposed
INSERT INTO parked BY NAME
  SELECT 'lead' AS service, 1 AS id, 'lead-svc' AS consumer, id::UUID AS event_id, topic, key, 'edited' AS state, true AS has_raw, hash
  FROM record WHERE id = one_settlement()::VARCHAR;
INSERT INTO edit BY NAME
  SELECT 'lead' AS service, 'lead-svc' AS consumer, topic, key, id::UUID AS event_id, id::UUID AS new_event_id, 'carl' AS proposed_by, 'carl' AS decided_by
  FROM record WHERE id = one_settlement()::VARCHAR;
INSERT INTO act BY NAME SELECT 'lead' AS service, 'edit' AS action, false AS by_rule, one_settlement() AS event_id;

-- fault: a message was edited and the audit says nothing
-- red: D4
-- says: as edited, and its audit does not say who did that
INSERT INTO parked BY NAME
  SELECT 'lead' AS service, 1 AS id, 'lead-svc' AS consumer, id::UUID AS event_id, topic, key, 'edited' AS state, true AS has_raw, hash
  FROM record WHERE id = one_settlement()::VARCHAR;
INSERT INTO edit BY NAME
  SELECT 'lead' AS service, 'lead-svc' AS consumer, topic, key, id::UUID AS event_id, id::UUID AS new_event_id, 'carl' AS proposed_by, 'dora' AS decided_by
  FROM record WHERE id = one_settlement()::VARCHAR;

-- fault: a dead letter has lost its bytes
-- red: D4
DELETE FROM inbox WHERE consumer = 'lead-svc' AND event_id = one_settlement();
INSERT INTO parked BY NAME
  SELECT 'lead' AS service, 1 AS id, 'lead-svc' AS consumer, id::UUID AS event_id, topic, key, 'skipped' AS state, false AS has_raw
  FROM record WHERE id = one_settlement()::VARCHAR;

-- fault: an effect came twice from one cause
-- red: D5
INSERT INTO said BY NAME
  SELECT * REPLACE (gen_random_uuid() AS id, 'outbox' AS place,
                    (SELECT max(version) + 1 FROM said s WHERE s.subject = one_deal()::VARCHAR) AS version)
  FROM said WHERE type = 'ltc.deal.won.v1' AND subject = one_deal()::VARCHAR;
UPDATE deal SET version = version + 1 WHERE id = one_deal();

-- fault: two facts changed places on their topic
-- red: D6
UPDATE record SET "position" = -"position" - 1 WHERE key = one_deal()::VARCHAR AND version::INTEGER <= 2;

-- fault: a service answered a later fact before an earlier one
-- red: D6
-- says: contract-svc answered number 1 of
INSERT INTO said BY NAME
  SELECT l.* REPLACE (gen_random_uuid() AS id, 'outbox' AS place, 'ltc.contract.noted.v1' AS type, c.id AS causation_id,
                      l.version + row_number() OVER (ORDER BY c.version DESC) AS version)
  FROM said l JOIN said c ON c.journey_id = l.journey_id AND c.topic = 'ltc.order.v1' AND c.type IN (SELECT type FROM heard WHERE consumer = 'contract-svc')
  WHERE l.subject = one_contract()::VARCHAR AND l.topic = 'ltc.contract.v1' AND l.version = (SELECT version FROM contract WHERE id = one_contract());
UPDATE contract SET version = (SELECT max(version) FROM said WHERE type = 'ltc.contract.noted.v1') WHERE id = one_contract();

-- fault: a consumer dropped a message in the middle
-- red: D4, D6, D7
DELETE FROM inbox WHERE consumer = 'deal-svc' AND event_id = one_qualified();

-- fault: a consumer dropped the last message of a key
-- red: D4, D7
DELETE FROM inbox WHERE consumer = 'contract-svc' AND event_id = one_settlement();

-- fault: a consumer dropped the last message of a key, of a type that it has long heard
-- red: D4, D7
UPDATE heard SET since = put_at - INTERVAL 6 MINUTES FROM record WHERE id = one_settlement()::VARCHAR AND heard.type = record.type AND consumer = 'contract-svc';
DELETE FROM inbox WHERE consumer = 'contract-svc' AND event_id = one_settlement();

-- fault: a message waits for ever
-- red: D8
DELETE FROM inbox WHERE consumer = 'lead-svc' AND event_id = one_settlement();
INSERT INTO parked BY NAME
  SELECT 'lead' AS service, 1 AS id, 'lead-svc' AS consumer, id::UUID AS event_id, topic, key, 'waiting' AS state, true AS has_raw, hash,
         put_at AS parked_at
  FROM record WHERE id = one_settlement()::VARCHAR;

-- fault: the console has filed a fact otherwise than it was said
-- red: D9
UPDATE journey_event SET content = 'x' WHERE event_id = one_settlement();

-- fault: the console has not filed a fact
-- red: D9
DELETE FROM journey_event WHERE event_id = one_settlement();

-- fault: a waiting lead has lost its gate
-- red: J1
DELETE FROM gate WHERE service = 'lead' AND cleared_at IS NULL;

-- fault: a gate names nobody
-- red: J1
UPDATE gate SET owner = '' WHERE service = 'lead' AND cleared_at IS NULL;

-- fault: a journey has come to two ends
-- red: J1
INSERT INTO deal BY NAME
  SELECT * REPLACE (gen_random_uuid() AS id, 0 AS version, 'D-x' AS number, NULL::JSON AS body, (SELECT min(journey_id) FROM billing_account) AS journey_id)
  FROM deal WHERE status = 'lost';

-- fault: an order belongs to no contract
-- red: J2
UPDATE sales_order SET contract_id = gen_random_uuid() WHERE number = (SELECT min(number) FROM sales_order);

-- fault: a signed contract's deal is not won
-- red: J2, J4
UPDATE deal SET status = 'open' WHERE id = one_deal();

-- fault: billing has another sum than the contract
-- red: J3
UPDATE billing_account SET contracted_minor = contracted_minor + 1 WHERE id = one_account();

-- fault: the order has another quantity than the contract
-- red: J3
UPDATE sales_order SET body = regexp_replace(body::VARCHAR, '"ordered": ?1', '"ordered": 2')::JSON WHERE number = (SELECT min(number) FROM sales_order);

-- fault: a lead's status was changed without a fact
-- red: J4
UPDATE lead SET status = 'assigned' WHERE journey_id = one_lead();

-- fault: a deal took a way that its lifecycle does not have
-- red: J4
DELETE FROM move WHERE aggregate = 'deal' AND target = 'won';

-- fault: a contract was signed by one party alone
-- red: J4
UPDATE said SET payload = replace(payload::VARCHAR, '"company"', '"customer"')::JSON WHERE type = 'ltc.contract.party_signed.v1' AND subject = one_contract()::VARCHAR;

-- fault: whoever asked for an approval gave it
-- red: J4
-- says: was approved by rep, who had asked for it
INSERT INTO said BY NAME
  SELECT s.* REPLACE (gen_random_uuid() AS id, 'outbox' AS place, NULL AS causation_id, s.version + n AS version, t AS type,
                      json_object('number', 'Q', 'version', 2, 'version_hash', 'h', 'requested_by', 'rep', 'approved_by', 'rep') AS payload)
  FROM said s, (VALUES (1, 'ltc.quote.approval_requested.v1'), (2, 'ltc.quote.approved.v1')) new (n, t)
  WHERE s.subject = one_quote()::VARCHAR AND s.version = (SELECT version FROM quote WHERE id = one_quote());
UPDATE quote SET version = version + 2 WHERE id = one_quote();

-- fault: something else was approved than was asked for
-- red: J4
-- says: was approved as something else than was asked for
INSERT INTO said BY NAME
  SELECT s.* REPLACE (gen_random_uuid() AS id, 'outbox' AS place, NULL AS causation_id, s.version + n AS version, t AS type,
                      json_object('number', 'Q', 'version', 2, 'version_hash', n::VARCHAR, 'requested_by', 'rep', 'approved_by', 'boss') AS payload)
  FROM said s, (VALUES (1, 'ltc.quote.approval_requested.v1'), (2, 'ltc.quote.approved.v1')) new (n, t)
  WHERE s.subject = one_quote()::VARCHAR AND s.version = (SELECT version FROM quote WHERE id = one_quote());
UPDATE quote SET version = version + 2 WHERE id = one_quote();

-- fault: a quote was sent without the approval that was asked for
-- red: J4
-- says: was sent without the approval it needed
INSERT INTO said BY NAME
  SELECT s.* REPLACE (gen_random_uuid() AS id, 'outbox' AS place, NULL AS causation_id, s.version + n AS version, t AS type,
                      json_object('number', 'Q', 'version', 2, 'version_hash', 'h', 'requested_by', 'rep') AS payload)
  FROM said s, (VALUES (1, 'ltc.quote.approval_requested.v1'), (2, 'ltc.quote.sent.v1')) new (n, t)
  WHERE s.subject = one_quote()::VARCHAR AND s.version = (SELECT version FROM quote WHERE id = one_quote());
UPDATE quote SET version = version + 2 WHERE id = one_quote();

-- fault: goods moved while their order was held
-- red: J4
-- says: moved while it was held
INSERT INTO said BY NAME
  SELECT s.* REPLACE (gen_random_uuid() AS id, 'outbox' AS place, NULL AS causation_id, s.version + n AS version, t AS type)
  FROM said s, (VALUES (1, 'ltc.order.held.v1'), (2, 'ltc.order.shipped.v1')) new (n, t)
  WHERE s.subject = one_order()::VARCHAR AND s.version = (SELECT version FROM sales_order WHERE id = one_order());
UPDATE sales_order SET version = version + 2 WHERE id = one_order();

-- fault: a row stands at another number than its facts
-- red: J5
UPDATE deal SET version = version + 1 WHERE id = one_deal();

-- fault: a ledger transaction gives what another lacks
-- red: M1
UPDATE ledger_entry SET minor = minor + 1 WHERE account = 'tax_payable' AND transaction_id = one_transaction();
UPDATE ledger_entry SET minor = minor - 1 WHERE account = 'tax_payable' AND transaction_id = (SELECT max(transaction_id) FROM ledger_entry WHERE account = 'tax_payable' AND currency = 'CNY');

-- fault: an entry was altered
-- red: M1, M2
UPDATE ledger_entry SET minor = minor + 1 WHERE account = 'tax_payable' AND transaction_id = one_transaction();

-- fault: a balance is not the sum of its entries
-- red: M2
UPDATE billing_account SET invoiced_minor = invoiced_minor + 1 WHERE id = one_account();

-- fault: a settled contract was invoiced for what was cancelled
-- red: M3
UPDATE billing_account SET body = regexp_replace(body::VARCHAR, '"cancelled": ?0', '"cancelled": 1')::JSON WHERE id = one_account();

-- fault: an invoice's lines do not make its total
-- red: M4
UPDATE invoice SET body = regexp_replace(body::VARCHAR, '("lines": ?\[\{"net": ?\{"amount": ?)"[^"]+"', '\1"1.00"')::JSON WHERE id = one_invoice();

-- fault: revenue was recognised that nobody earned
-- red: M5
UPDATE billing_account SET body = regexp_replace(body::VARCHAR, '("recognised": ?\{"amount": ?)"[^"]+"', '\1"1.00"')::JSON WHERE id = one_account();

-- fault: a payment is applied beyond what was received
-- red: M6
UPDATE payment SET body = regexp_replace(body::VARCHAR, '("allocations": ?\[\{"amount": ?\{"amount": ?)"[^"]+"', '\1"9999.00"')::JSON WHERE id = one_payment();

-- fault: an invoice says that something is outstanding
-- red: M6, M7
UPDATE invoice SET outstanding_minor = 1 WHERE id = one_invoice();

-- fault: the bank knows nothing of a payment
-- red: M8
DELETE FROM statement WHERE reference = 'H-3';

-- fault: the bank moved another amount
-- red: M8
UPDATE statement SET minor = minor + 1 WHERE reference = 'H-3';

-- fault: the bank moved money that was never booked
-- red: M8
INSERT INTO statement BY NAME SELECT * REPLACE ('H-unknown' AS reference) FROM statement LIMIT 1;

-- fault: the bank took the money twice
-- red: M8
INSERT INTO statement FROM statement WHERE reference = 'H-3';

-- fault: the bank paid out captured money, and nobody booked that
-- red: M8
INSERT INTO statement BY NAME SELECT * REPLACE ('bank' AS source) FROM statement WHERE reference = 'H-3';

-- fault: the bank paid out another amount of captured money
-- red: M8
-- says: books 1060.00 CNY under reference H-3; the statement of bank says 1060.01 CNY
INSERT INTO statement BY NAME SELECT * REPLACE ('bank' AS source, minor + 1 AS minor) FROM statement WHERE reference = 'H-3';
UPDATE payment SET body = json_merge_patch(body, json_object('payouts', json_array(json_object('bank_reference', 'H-3', 'amount', json(body -> 'amount')))))
WHERE bank_reference = 'H-3';

-- fault: a payout of captured money is a second payment
-- red: M9
-- says: its payout as a second payment
UPDATE payment SET bank_reference = 'H-3', source = 'bank' WHERE bank_reference <> 'H-3' AND source = 'alipay' AND currency = 'CNY'
  AND id = (SELECT max(id) FROM payment WHERE bank_reference <> 'H-3' AND source = 'alipay');
DELETE FROM statement WHERE reference NOT IN (SELECT bank_reference FROM payment);

-- fault: a number is missing between invoices
-- red: M9
UPDATE ledger_entry SET document = left(document, -6) || '000099' WHERE document = last_invoice();
UPDATE invoice SET number = left(number, -6) || '000099' WHERE number = last_invoice();

-- fault: a series was forgotten
-- red: M9
-- says: is not known, though
DELETE FROM series WHERE series LIKE 'INV-%';

-- fault: a series was set forward
-- red: M9
UPDATE series SET next_value = next_value + 1 WHERE service = 'billing' AND series LIKE 'INV-%';

-- fault: the ledger's guard was switched off
-- red: M10
UPDATE guard SET enabled = 'D' WHERE name = 'only_grow';

-- fault: an entry was written again later
-- red: M10
UPDATE ledger_entry SET written_by = '1' WHERE transaction_id = one_transaction() AND line = 1;

-- fault: a ledger transaction was taken out
-- red: M10, M2, M7
DELETE FROM ledger_entry WHERE transaction_id = (SELECT min(transaction_id) FROM ledger_entry WHERE kind = 'allocate');

-- fault: the feed lost a fact that the hub had
-- red: S1
-- says: The feed has not got ltc.lead.qualified.v1
DELETE FROM feed WHERE event_id = one_qualified();

-- fault: the hub never heard a fact, and passed it
-- red: D4, D6, D7, S1
-- says: The hub has never heard ltc.lead.qualified.v1
DELETE FROM feed WHERE event_id = one_qualified();
DELETE FROM inbox WHERE consumer = 'hub' AND event_id = one_qualified();

-- fault: the hub set a fact aside that its service had said
-- red: S1
-- says: The hub has set aside ltc.lead.qualified.v1
DELETE FROM feed WHERE event_id = one_qualified();
DELETE FROM inbox WHERE consumer = 'hub' AND event_id = one_qualified();
INSERT INTO parked BY NAME
  SELECT 'hub' AS service, 1 AS id, 'hub' AS consumer, id::UUID AS event_id, topic, key, type, 'skipped' AS state, true AS has_raw, hash
  FROM record WHERE id = one_qualified()::VARCHAR;
INSERT INTO act BY NAME SELECT 'hub' AS service, 'skip' AS action, true AS by_rule, one_qualified() AS event_id;

-- fault: the console set a fact aside that it had taken in
-- red: D9
DELETE FROM journey_event WHERE event_id = one_qualified();
INSERT INTO parked BY NAME
  SELECT 'console' AS service, 1 AS id, 'console' AS consumer, id::UUID AS event_id, topic, key, type, 'skipped' AS state, true AS has_raw, hash
  FROM record WHERE id = one_qualified()::VARCHAR;
INSERT INTO act BY NAME SELECT 'console' AS service, 'skip' AS action, true AS by_rule, one_qualified() AS event_id;

-- fault: the feed has a fact twice
-- red: S1
-- says:  2 times
INSERT INTO feed FROM feed WHERE event_id = one_settlement();

-- fault: the feed has a fact otherwise than it was said
-- red: S1
-- says: otherwise than it was said
UPDATE feed SET hash = 'x' WHERE event_id = one_settlement();

-- fault: the feed has an object's facts in another order
-- red: S2
UPDATE feed SET "position" = -"position" WHERE subject = one_deal() AND stage = 'deal' AND sequence <= 2;

-- fault: the hub's state of a deal is older than its facts
-- red: S3
UPDATE state SET sequence = sequence - 1 WHERE aggregate_id = one_deal();

-- fault: the hub has no state of a deal
-- red: S3
-- says: is missing
DELETE FROM state WHERE aggregate_id = one_deal();

-- fault: the hub has a state of something that nobody told of
-- red: S3
-- says: has never had a fact of it
INSERT INTO state BY NAME SELECT * REPLACE (gen_random_uuid() AS aggregate_id) FROM state WHERE aggregate_id = one_deal();

-- fault: the hub folds no more
-- red: S3
-- says: of its feed into no state
UPDATE feed SET seen_at = seen_at - INTERVAL 1 HOUR;
UPDATE fold SET "position" = "position" - 1;

-- fault: a webhook was never dealt out
-- red: S4
-- says: nothing is known of its delivery
DELETE FROM posting WHERE event_id = one_settlement();

-- fault: a webhook is said to be delivered, and nobody accepted it
-- red: S4
-- says: without an attempt that was accepted
UPDATE attempt SET outcome = 'rejected' WHERE event_id = one_settlement();

-- fault: a webhook was given up untried
-- red: S4
-- says: is said to be given up without an attempt
UPDATE posting SET state = 'given_up' WHERE event_id = one_settlement();
DELETE FROM attempt WHERE event_id = one_settlement();

-- fault: webhooks wait for a turn that never comes
-- red: S4
-- says: wait for their turn
UPDATE posting SET state = 'pending', turn = false, ended_at = NULL WHERE event_id = one_settlement();
