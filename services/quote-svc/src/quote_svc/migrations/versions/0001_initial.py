"""The tables of quote-svc as first released, with the standard price books."""

from alembic import op

from chassis.schema import aggregate_columns, create_number_sequence, create_v1

revision = "0001"
down_revision = None

CNY = (
    ("SVC-ONBOARD", "上线服务 · Onboarding service", "service", 1_000_00, 6),
    ("SVC-TRAINING", "培训一天 · Training day", "service", 3_000_00, 6),
    ("SVC-SUPPORT", "年度支持 · Annual support", "service", 12_000_00, 6),
    ("LIC-TEAM", "团队版许可证 · Team licence", "digital", 2_400_00, 13),
    ("LIC-ENTERPRISE", "企业版许可证 · Enterprise licence", "digital", 48_000_00, 13),
    ("HW-GATEWAY", "边缘网关 · Edge gateway", "goods", 5_600_00, 13),
    ("HW-SENSOR", "传感器 · Sensor", "goods", 320_00, 13),
    ("HW-RACK", "机柜 · Rack", "goods", 8_800_00, 13),
)
USD = (
    ("GTX Basic", 550_00),
    ("GTX Pro", 4_821_00),
    ("GTX Plus Basic", 1_096_00),
    ("GTX Plus Pro", 5_482_00),
    ("MG Special", 55_00),
    ("MG Advanced", 3_393_00),
    ("GTK 500", 26_768_00),
)


def upgrade() -> None:
    create_v1(op.execute)
    create_number_sequence(op.execute, "Q")
    op.execute(
        f"""CREATE TABLE quote ({aggregate_columns("quote")},
            status text NOT NULL, deal_number text NOT NULL, account_name text NOT NULL,
            valid_until timestamptz)"""
    )
    for column in ("journey_id", "number", "status", "deal_number", "valid_until"):
        op.execute(f"CREATE INDEX ix_quote_{column} ON quote ({column})")
    op.execute(
        """CREATE TABLE price (
            book text NOT NULL, currency text NOT NULL, sku text NOT NULL, name text NOT NULL,
            kind text NOT NULL, minor bigint NOT NULL, tax_percent numeric(5, 2) NOT NULL,
            tiers jsonb NOT NULL, CONSTRAINT pk_price PRIMARY KEY (book, currency, sku))"""
    )
    op.execute("COMMENT ON TABLE price IS 'seed'")
    for sku, name, kind, minor, tax in CNY:
        op.execute(
            f"INSERT INTO price VALUES ('standard', 'CNY', '{sku}', '{name}', '{kind}', {minor},"
            f" {tax}, '[]')"
        )
    for sku, minor in USD:
        op.execute(
            f"INSERT INTO price VALUES ('standard', 'USD', '{sku}', '{sku}', 'goods', {minor}, 0,"
            " '[]')"
        )
