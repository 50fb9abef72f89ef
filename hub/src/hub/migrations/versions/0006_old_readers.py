"""Who reads old versions at the feed."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        """CREATE TABLE old_reader (
            subscriber text, type text, pattern text, last_at timestamptz NOT NULL,
            CONSTRAINT pk_old_reader PRIMARY KEY (subscriber, type))"""
    )
