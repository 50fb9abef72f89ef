-- sentence: What the ledger says customers owe is what is outstanding on their invoices, as a whole and invoice by invoice.
-- kind: safety
-- severity: critical
WITH ledger AS (
  SELECT currency, sum(minor) AS minor FROM ledger_entry WHERE account = 'receivable' GROUP BY currency
), open AS (
  SELECT currency, sum(outstanding_minor) AS minor FROM invoice GROUP BY currency
)
SELECT 'Receivables are ' || money(coalesce(l.minor, 0)::BIGINT, currency) || ' in the ledger and ' || money(coalesce(o.minor, 0)::BIGINT, currency)
       || ' on open invoices' AS what, NULL AS journey_id
FROM ledger l FULL JOIN open o USING (currency) WHERE coalesce(l.minor, 0) <> coalesce(o.minor, 0)
UNION ALL
SELECT 'Invoice ' || i.number || ' of ' || money(i.gross_minor, i.currency) || ' was entered in the ledger as ' || money(coalesce(sum(e.minor), 0)::BIGINT, i.currency),
       i.journey_id
FROM invoice i LEFT JOIN ledger_entry e ON e.account = 'receivable' AND e.kind = 'issue' AND e.document = i.number
GROUP BY i.number, i.gross_minor, i.currency, i.journey_id HAVING coalesce(sum(e.minor), 0) <> i.gross_minor
