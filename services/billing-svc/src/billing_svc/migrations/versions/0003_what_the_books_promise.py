"""One invoice per item, one payment per line of a statement, sums within their wholes; the audit
only grows. Credit notes become sums, because an invoice may be credited in part."""

from alembic import op

from chassis.schema import keep_audit

revision = "0003"
down_revision = "0002"

BEFORE = "made before the first release, when nothing ran beside it"
exceptions = {
    "adding-not-nullable-field": BEFORE,
    "require-concurrent-index-creation": BEFORE,
    "require-concurrent-index-deletion": BEFORE,
    "constraint-missing-not-valid": BEFORE,
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "ALTER TABLE invoice ADD schedule_item integer, ADD part integer,"
        " ADD payment_reference text"
    )
    op.execute(
        "UPDATE invoice SET schedule_item = (body->>'schedule_item')::integer, part = n.part"
        " FROM (SELECT id, row_number() OVER (PARTITION BY contract_id,"
        " body->>'schedule_item' ORDER BY created_at, number) - 1 AS part FROM invoice) n"
        " WHERE n.id = invoice.id"
    )
    op.execute("ALTER TABLE invoice ALTER schedule_item SET NOT NULL, ALTER part SET NOT NULL")
    op.execute("CREATE UNIQUE INDEX uq_invoice_item ON invoice (contract_id, schedule_item, part)")
    op.execute("DROP INDEX ix_invoice_contract_id")
    op.execute(
        "CREATE INDEX ix_invoice_payment_reference ON invoice (payment_reference)"
        " WHERE outstanding_minor > 0 AND payment_reference IS NOT NULL"
    )
    op.execute("CREATE UNIQUE INDEX uq_payment_reference ON payment (bank_reference, source)")
    op.execute(
        "ALTER TABLE invoice ADD CONSTRAINT ck_invoice_within CHECK"
        " (outstanding_minor <= gross_minor)"
    )
    op.execute(
        "ALTER TABLE billing_account ADD CONSTRAINT ck_billing_account_within CHECK"
        " (credited_minor BETWEEN 0 AND invoiced_minor"
        " AND paid_minor BETWEEN 0 AND invoiced_minor - credited_minor)"
    )
    _carry_over()
    keep_audit(op.execute)


def _carry_over() -> None:
    """Bodies written before: a charge's credit was yes or no, a credit note only a number, and
    an invoice did not name its payments."""
    op.execute(
        """UPDATE billing_account SET body = jsonb_set(body, '{charges}', (
            SELECT jsonb_agg(c || jsonb_build_object('credited',
              CASE WHEN (c->>'credited')::boolean THEN c->'gross'
              ELSE jsonb_build_object('amount', '0', 'currency', currency) END) ORDER BY n)
            FROM jsonb_array_elements(body->'charges') WITH ORDINALITY e(c, n)))
        WHERE jsonb_array_length(body->'charges') > 0"""
    )
    op.execute(
        """UPDATE invoice SET body = body - 'credit_note' || jsonb_build_object('credit_notes',
            jsonb_build_array(jsonb_build_object('number', body->'credit_note',
              'lines', body->'lines', 'reason', '', 'by', '', 'at', updated_at)))
        WHERE body->>'credit_note' IS NOT NULL"""
    )
    op.execute(
        """UPDATE invoice SET body = body || jsonb_build_object('payments', p.ids)
        FROM (SELECT a->>'invoice_id' AS invoice_id, jsonb_agg(DISTINCT payment.id) AS ids
              FROM payment, jsonb_array_elements(body->'allocations') a GROUP BY 1) p
        WHERE p.invoice_id = invoice.id::text"""
    )
    op.execute("UPDATE invoice SET body = body || jsonb_build_object('part', part)")
