"""An endpoint's receiver may ask to be left alone for a while."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER TABLE endpoint ADD COLUMN quiet_until timestamptz")
