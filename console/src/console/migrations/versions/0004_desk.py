"""Sessions of browsers; and the newest facts are found without reading the rest."""

from alembic import op

from chassis.migrate import create_index

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        """CREATE TABLE browser_session (
            key bytea NOT NULL, sealed text NOT NULL, opened_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            CONSTRAINT pk_browser_session PRIMARY KEY (key))"""
    )
    # Facts are added in the order in which they are seen, so a page's bounds say enough, and adding
    # one costs nothing.
    create_index(
        "ix_journey_event_seen_at",
        "journey_event USING brin (seen_at) WITH (pages_per_range = 16, autosummarize = on)",
    )
