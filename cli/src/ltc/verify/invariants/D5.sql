-- sentence: Nothing is done twice: one cause has each effect once, and one business object is made once.
-- kind: safety
-- severity: critical
-- Also for a repeated event with a new id: the business key tells that it is the same thing again.
WITH made AS (
  SELECT type, journey_id, CASE type
    WHEN 'ltc.lead.captured.v1' THEN (payload ->> 'lead_id')
    WHEN 'ltc.deal.opened.v1' THEN coalesce((payload ->> 'lead_id'), (payload ->> 'deal_id'))
    WHEN 'ltc.deal.won.v1' THEN (payload ->> 'deal_id')
    WHEN 'ltc.quote.accepted.v1' THEN (payload ->> 'quote_id')
    WHEN 'ltc.contract.drafted.v1' THEN (payload ->> 'quote_id') || ' version ' || (payload ->> 'quote_version')
    WHEN 'ltc.contract.signed.v1' THEN (payload ->> 'contract_id')
    WHEN 'ltc.order.placed.v1' THEN (payload ->> 'contract_id')
    WHEN 'ltc.order.fulfilled.v1' THEN (payload ->> 'order_id')
    WHEN 'ltc.invoice.issued.v1' THEN (payload ->> 'legal_entity') || ' ' || (payload ->> 'number')
    WHEN 'ltc.payment.received.v1' THEN (payload ->> 'source') || ' ' || (payload ->> 'bank_reference')
  END AS object FROM said
)
SELECT m.type || ' was said ' || count(*) || ' times of ' || coalesce(min(n.name), m.object) AS what, min(m.journey_id) AS journey_id
FROM made m LEFT JOIN named n ON n.id = m.object
WHERE m.object IS NOT NULL GROUP BY m.type, m.object HAVING count(*) > 1
UNION ALL
SELECT 'Event ' || causation_id || ' made ' || service || '-svc say the same ' || type || ' ' || count(*) || ' times of '
       || coalesce(min(n.name), subject), min(journey_id)
FROM said s LEFT JOIN named n ON n.id = s.subject
WHERE causation_id IS NOT NULL GROUP BY service, causation_id, type, subject, hash HAVING count(*) > 1
UNION ALL
SELECT 'Event ' || id || ' (' || min(type) || ') stands ' || count(*) || ' times in the books of ' || string_agg(DISTINCT service, ', '),
       min(journey_id)
FROM said GROUP BY id HAVING count(*) > 1
