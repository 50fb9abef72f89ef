"""The tables of billing-svc as first released: the ledger only grows, and always adds up."""

from alembic import op

from chassis.schema import aggregate_columns, create_number_sequence, create_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_v1(op.execute)
    create_number_sequence(op.execute, "P")
    op.execute(
        f"""CREATE TABLE billing_account ({aggregate_columns("billing_account")},
            status text NOT NULL, currency text NOT NULL, contracted_minor bigint NOT NULL,
            invoiced_minor bigint NOT NULL, credited_minor bigint NOT NULL,
            paid_minor bigint NOT NULL, next_due_at timestamptz)"""
    )
    op.execute(
        f"""CREATE TABLE invoice ({aggregate_columns("invoice")},
            status text NOT NULL, contract_id uuid NOT NULL, account_name text NOT NULL,
            currency text NOT NULL, gross_minor bigint NOT NULL,
            outstanding_minor bigint NOT NULL
                CONSTRAINT ck_invoice_outstanding CHECK (outstanding_minor >= 0),
            due_on date NOT NULL, overdue boolean NOT NULL)"""
    )
    op.execute(
        f"""CREATE TABLE payment ({aggregate_columns("payment")},
            status text NOT NULL, source text NOT NULL, bank_reference text NOT NULL,
            currency text NOT NULL, amount_minor bigint NOT NULL,
            unapplied_minor bigint NOT NULL
                CONSTRAINT ck_payment_unapplied CHECK (unapplied_minor BETWEEN 0 AND amount_minor),
            received_at timestamptz NOT NULL)"""
    )
    for table, columns in (
        ("billing_account", ("journey_id", "number", "status", "next_due_at")),
        ("invoice", ("journey_id", "number", "status", "contract_id", "due_on")),
        ("payment", ("journey_id", "number", "status", "received_at")),
    ):
        for column in columns:
            op.execute(f"CREATE INDEX ix_{table}_{column} ON {table} ({column})")
    op.execute(
        "CREATE INDEX ix_invoice_open ON invoice (outstanding_minor, currency, account_name)"
        " WHERE outstanding_minor > 0"
    )
    op.execute(
        """CREATE TABLE ledger_entry (
            transaction_id uuid NOT NULL, line integer NOT NULL, account text NOT NULL,
            currency text NOT NULL, minor bigint NOT NULL, kind text NOT NULL,
            journey_id uuid NOT NULL, document text NOT NULL, business_at timestamptz NOT NULL,
            posted_at timestamptz NOT NULL,
            CONSTRAINT pk_ledger_entry PRIMARY KEY (transaction_id, line))"""
    )
    op.execute("CREATE INDEX ix_ledger_entry_account ON ledger_entry (account)")
    op.execute("CREATE INDEX ix_ledger_entry_journey_id ON ledger_entry (journey_id)")
    op.execute(
        """CREATE FUNCTION only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the ledger is corrected by new entries, never changed'; END $$"""
    )
    op.execute(
        "CREATE TRIGGER only_grow BEFORE UPDATE OR DELETE ON ledger_entry"
        " FOR EACH ROW EXECUTE FUNCTION only_grow()"
    )
    op.execute(
        """CREATE FUNCTION add_up() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF EXISTS (
            SELECT 1 FROM ledger_entry e
            WHERE e.transaction_id IN (SELECT transaction_id FROM fresh)
            GROUP BY e.transaction_id, e.currency HAVING sum(e.minor) <> 0 OR count(*) < 2
          ) THEN RAISE EXCEPTION 'a ledger transaction does not add up'; END IF;
          RETURN NULL;
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER add_up AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS fresh"
        " FOR EACH STATEMENT EXECUTE FUNCTION add_up()"
    )
    op.execute(
        """CREATE FUNCTION keep_what_was_issued() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'DELETE' OR NEW.number IS DISTINCT FROM OLD.number
             OR NEW.gross_minor IS DISTINCT FROM OLD.gross_minor
             OR NEW.body->'lines' IS DISTINCT FROM OLD.body->'lines'
             OR NEW.body->'totals' IS DISTINCT FROM OLD.body->'totals' THEN
            RAISE EXCEPTION 'an issued invoice never changes';
          END IF;
          RETURN NEW;
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER keep_what_was_issued BEFORE UPDATE OR DELETE ON invoice"
        " FOR EACH ROW EXECUTE FUNCTION keep_what_was_issued()"
    )
