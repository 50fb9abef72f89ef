"""Sessions of browsers: the provider's token behind a cookie, sealed."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        """CREATE TABLE browser_session (
            key bytea NOT NULL, sealed text NOT NULL, opened_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            CONSTRAINT pk_browser_session PRIMARY KEY (key))"""
    )
