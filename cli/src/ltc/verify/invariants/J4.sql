-- sentence: Every status was reached by allowed moves that facts tell of; approvals and signatures precede what needs them, and nobody approves their own request.
-- kind: safety
-- severity: serious
-- The allowed moves are the LIFECYCLE tables of the services' code. A few statuses may be passed without a fact of their own.
WITH RECURSIVE says (type, kind, status) AS (VALUES
  ('ltc.lead.captured.v1', 'lead', 'new'), ('ltc.lead.assigned.v1', 'lead', 'assigned'), ('ltc.lead.qualified.v1', 'lead', 'qualified'),
  ('ltc.lead.converted.v1', 'lead', 'converted'), ('ltc.lead.disqualified.v1', 'lead', 'disqualified'),
  ('ltc.lead.reopened.v1', 'lead', 'new'), ('ltc.lead.merged.v1', 'lead', 'merged'),
  ('ltc.deal.opened.v1', 'deal', 'open'), ('ltc.deal.won.v1', 'deal', 'won'), ('ltc.deal.lost.v1', 'deal', 'lost'),
  ('ltc.deal.reopened.v1', 'deal', 'open'),
  ('ltc.quote.drafted.v1', 'quote', 'draft'), ('ltc.quote.approval_requested.v1', 'quote', 'pending_approval'),
  ('ltc.quote.approved.v1', 'quote', 'approved'), ('ltc.quote.rejected.v1', 'quote', 'draft'), ('ltc.quote.sent.v1', 'quote', 'sent'),
  ('ltc.quote.accepted.v1', 'quote', 'accepted'), ('ltc.quote.declined.v1', 'quote', 'declined'),
  ('ltc.quote.expired.v1', 'quote', 'expired'), ('ltc.quote.superseded.v1', 'quote', 'superseded'),
  ('ltc.contract.drafted.v1', 'contract', 'draft'), ('ltc.contract.sent_for_signature.v1', 'contract', 'awaiting_signature'),
  ('ltc.contract.signed.v1', 'contract', 'signed'), ('ltc.contract.declined.v1', 'contract', 'declined'),
  ('ltc.contract.withdrawn.v1', 'contract', 'withdrawn'), ('ltc.contract.terminated.v1', 'contract', 'terminated'),
  ('ltc.order.placed.v1', 'order', 'acknowledged'), ('ltc.order.shipped.v1', 'order', ''), ('ltc.order.delivered.v1', 'order', ''),
  ('ltc.order.cancelled.v1', 'order', ''), ('ltc.order.fulfilled.v1', 'order', ''),
  ('ltc.invoice.issued.v1', 'invoice', 'issued'), ('ltc.invoice.paid.v1', 'invoice', 'paid'),
  ('ltc.payment.received.v1', 'payment', 'received'), ('ltc.payment.allocated.v1', 'payment', ''),
  ('ltc.journey.settled.v1', 'billing account', 'settled')
), allowed AS (
  SELECT CASE aggregate WHEN 'billing_account' THEN 'billing account' ELSE aggregate END AS kind, source, target FROM move
), silent (kind, status) AS (VALUES
  ('deal', 'on_hold'), ('quote', 'approved'), ('quote', 'voided'), ('contract', 'approved'), ('contract', 'completed'),
  ('invoice', 'draft'), ('invoice', 'issued'), ('invoice', 'partially_paid'), ('invoice', 'credited'), ('payment', 'received'),
  ('payment', 'partly_allocated'), ('payment', 'allocated'), ('payment', 'returned'), ('billing account', 'open')
), reach AS (
  SELECT kind, source, target FROM allowed
  UNION
  SELECT r.kind, r.source, a.target FROM reach r
  JOIN silent s ON s.kind = r.kind AND s.status = r.target JOIN allowed a ON a.kind = r.kind AND a.source = r.target
), told AS (
  SELECT y.kind, s.subject, s.version, s.type, s.journey_id, s.payload,
         CASE WHEN y.kind = 'quote' THEN s.subject || ' version ' || (s.payload ->> 'version') ELSE s.subject END AS object,
         CASE
           WHEN y.kind = 'payment' AND y.status = '' THEN
             CASE WHEN minor(s.payload -> 'unapplied') > 0 THEN 'partly_allocated' ELSE 'allocated' END
           WHEN y.kind = 'order' AND y.status = '' THEN
             CASE WHEN list_bool_and([x.cancelled = x.ordered FOR x IN progress(s.payload)]) THEN 'cancelled'
                  WHEN list_bool_and([x.delivered + x.cancelled = x.ordered FOR x IN progress(s.payload)]) THEN 'fulfilled'
                  WHEN list_bool_or([x.delivered > 0 FOR x IN progress(s.payload)]) THEN 'partially_fulfilled'
                  WHEN list_bool_or([x.shipped > 0 FOR x IN progress(s.payload)]) THEN 'in_progress'
                  ELSE 'acknowledged' END
           ELSE y.status END AS status
  FROM said s JOIN says y ON y.type = s.type
  UNION ALL
  SELECT 'lead', subject, version, type, journey_id, payload, subject, 'contacted' FROM said
  WHERE type = 'ltc.lead.gate_cleared.v1' AND (payload ->> 'gate') = 'first_contact'
), path AS (
  SELECT *, lag(status) OVER w AS before, row_number() OVER (PARTITION BY kind, object ORDER BY version DESC) AS from_end
  FROM told WINDOW w AS (PARTITION BY kind, object ORDER BY version)
), present AS (
  SELECT kind, id::VARCHAR AS object, number, status, journey_id FROM aggregate WHERE kind <> 'quote'
  UNION ALL
  SELECT 'quote', q.id::VARCHAR || ' version ' || (v.value ->> 'version'), q.number || ' version ' || (v.value ->> 'version'),
         (v.value ->> 'status'), q.journey_id
  FROM quote q, json_each(q.body -> 'versions') v
), asked AS (
  SELECT *, lag(type) OVER w AS before, lag(payload) OVER w AS request
  FROM said WHERE type IN ('ltc.quote.drafted.v1', 'ltc.quote.approval_requested.v1', 'ltc.quote.approved.v1', 'ltc.quote.rejected.v1', 'ltc.quote.sent.v1')
  WINDOW w AS (PARTITION BY subject, (payload ->> 'version') ORDER BY version)
), held AS (
  SELECT *, lag(type) OVER (PARTITION BY subject ORDER BY version) AS before
  FROM said WHERE type IN ('ltc.order.held.v1', 'ltc.order.released.v1', 'ltc.order.shipped.v1', 'ltc.order.delivered.v1')
)
SELECT upper(p.kind[1]) || p.kind[2:] || ' ' || coalesce(n.number, p.object) || ' went from ' || p.before || ' to ' || p.status
       || ' (' || p.type || ' number ' || p.version || '), which its lifecycle does not allow' AS what, p.journey_id
FROM path p LEFT JOIN present n ON n.kind = p.kind AND n.object = p.object
WHERE p.before IS NOT NULL AND p.before <> p.status
  AND NOT EXISTS (FROM reach r WHERE r.kind = p.kind AND r.source = p.before AND r.target = p.status)
UNION ALL
SELECT upper(n.kind[1]) || n.kind[2:] || ' ' || n.number || ' is ' || n.status || '; by its facts it is ' || p.status, n.journey_id
FROM present n JOIN path p ON p.kind = n.kind AND p.object = n.object AND p.from_end = 1
WHERE n.status <> p.status AND NOT (n.status = 'voided' AND p.status = 'superseded')
  AND NOT EXISTS (FROM reach r JOIN silent s ON s.kind = r.kind AND s.status = r.target
                  WHERE r.kind = n.kind AND r.source = p.status AND r.target = n.status)
UNION ALL
SELECT 'Quote ' || (payload ->> 'number') || ' version ' || (payload ->> 'version') || ' was sent without the approval it needed', journey_id
FROM asked WHERE type = 'ltc.quote.sent.v1' AND before IN ('ltc.quote.approval_requested.v1', 'ltc.quote.rejected.v1')
UNION ALL
SELECT 'Quote ' || (payload ->> 'number') || ' version ' || (payload ->> 'version') || ' was approved '
       || CASE WHEN (payload ->> 'approved_by') = (request ->> 'requested_by') THEN 'by ' || (payload ->> 'approved_by') || ', who had asked for it'
               ELSE 'as something else than was asked for' END, journey_id
FROM asked WHERE type = 'ltc.quote.approved.v1' AND before = 'ltc.quote.approval_requested.v1'
  AND ((payload ->> 'approved_by') = (request ->> 'requested_by') OR (payload ->> 'version_hash') <> (request ->> 'version_hash'))
UNION ALL
SELECT 'Contract ' || (s.payload ->> 'number') || ' counts as signed without the signatures of both parties under its text', s.journey_id
FROM said s LEFT JOIN said p ON p.subject = s.subject AND p.type = 'ltc.contract.party_signed.v1' AND p.version < s.version
  AND (p.payload ->> 'text_hash') = (s.payload ->> 'text_hash')
WHERE s.type = 'ltc.contract.signed.v1'
GROUP BY s.id, (s.payload ->> 'number'), s.journey_id HAVING count(DISTINCT (p.payload ->> 'party')) < 2
UNION ALL
SELECT 'Order ' || (payload ->> 'number') || ' moved while it was held: ' || type || ' number ' || version, journey_id
FROM held WHERE type IN ('ltc.order.shipped.v1', 'ltc.order.delivered.v1') AND before = 'ltc.order.held.v1'
