"""Accounts with a prepayment on which nothing was decided and published.

The version before publishes no decision: its new rows get the column's default, and are decided by
a timer of this version. Rows that are here already count as decided, except open ones with a
prepayment.
"""

from alembic import op

from chassis.migrate import create_index

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE billing_account ADD prepayment_undecided boolean DEFAULT false")
    op.execute("ALTER TABLE billing_account ALTER prepayment_undecided SET DEFAULT true")
    op.execute(
        "UPDATE billing_account SET prepayment_undecided = true"
        " WHERE status = 'open' AND body->>'prepayment' IS NOT NULL"
    )
    create_index(
        "ix_billing_account_undecided", "billing_account (created_at) WHERE prepayment_undecided"
    )
