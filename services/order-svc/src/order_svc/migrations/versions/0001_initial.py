"""The tables of order-svc as first released."""

from alembic import op

from chassis.schema import aggregate_columns, create_number_sequence, create_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_v1(op.execute)
    create_number_sequence(op.execute, "O")
    op.execute(
        f"""CREATE TABLE sales_order ({aggregate_columns("sales_order")},
            status text NOT NULL, held text,
            contract_id uuid NOT NULL CONSTRAINT uq_sales_order_contract_id UNIQUE,
            account_name text NOT NULL, awaits_erp boolean NOT NULL, promised_on date NOT NULL)"""
    )
    for column in ("journey_id", "number", "status", "awaits_erp"):
        op.execute(f"CREATE INDEX ix_sales_order_{column} ON sales_order ({column})")
