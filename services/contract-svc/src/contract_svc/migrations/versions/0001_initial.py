"""The tables of contract-svc as first released, with the standard clauses."""

from alembic import op

from chassis.schema import aggregate_columns, create_number_sequence, create_v1

revision = "0001"
down_revision = None

CLAUSES = (
    (
        "delivery",
        "交付",
        "Delivery",
        "乙方按约定日期交付;分批交付视为部分履行。",
        "The supplier delivers by the dates agreed; delivery in parts is partial performance.",
    ),
    (
        "payment",
        "付款",
        "Payment",
        "甲方按付款计划付款;逾期按法定利率计息。",
        "The customer pays by the schedule; late payment bears interest at the legal rate.",
    ),
    (
        "liability",
        "责任",
        "Liability",
        "除故意或重大过失外,赔偿以合同总额为限。",
        "Except for intent or gross negligence, damages are limited to the contract total.",
    ),
    (
        "law",
        "适用法律",
        "Governing law",
        "本合同适用供方所在地法律,由当地法院管辖。",
        "The law and courts of the supplier's seat govern this contract.",
    ),
)


def upgrade() -> None:
    create_v1(op.execute)
    create_number_sequence(op.execute, "C")
    op.execute(
        f"""CREATE TABLE contract ({aggregate_columns("contract")},
            status text NOT NULL, deal_id uuid NOT NULL, quote_id uuid NOT NULL,
            account_name text NOT NULL, text_hash text NOT NULL, signed_at timestamptz)"""
    )
    for column in ("journey_id", "number", "status", "deal_id", "quote_id", "signed_at"):
        op.execute(f"CREATE INDEX ix_contract_{column} ON contract ({column})")
    op.execute(
        """CREATE TABLE contract_text (
            contract_id uuid CONSTRAINT pk_contract_text PRIMARY KEY, text text NOT NULL,
            text_hash text NOT NULL, written_at timestamptz NOT NULL)"""
    )
    op.execute(
        """CREATE FUNCTION keep_as_written() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the text of a contract never changes'; END $$"""
    )
    op.execute(
        "CREATE TRIGGER keep_as_written BEFORE UPDATE OR DELETE ON contract_text"
        " FOR EACH ROW EXECUTE FUNCTION keep_as_written()"
    )
    op.execute(
        """CREATE FUNCTION keep_what_was_signed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF OLD.signed_at IS NOT NULL AND (NEW.text_hash IS DISTINCT FROM OLD.text_hash
             OR NEW.body->'totals' IS DISTINCT FROM OLD.body->'totals'
             OR NEW.body->'lines' IS DISTINCT FROM OLD.body->'lines'
             OR NEW.body->'signatures' IS DISTINCT FROM OLD.body->'signatures') THEN
            RAISE EXCEPTION 'a signed contract never changes';
          END IF;
          RETURN NEW;
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER keep_what_was_signed BEFORE UPDATE ON contract"
        " FOR EACH ROW EXECUTE FUNCTION keep_what_was_signed()"
    )
    op.execute(
        """CREATE TABLE clause (
            clause_id text NOT NULL, version integer NOT NULL, title_zh text NOT NULL,
            title_en text NOT NULL, text_zh text NOT NULL, text_en text NOT NULL,
            CONSTRAINT pk_clause PRIMARY KEY (clause_id, version))"""
    )
    op.execute("COMMENT ON TABLE clause IS 'seed'")
    for clause_id, *words in CLAUSES:
        values = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
        op.execute(f"INSERT INTO clause VALUES ('{clause_id}', 1, {values})")
