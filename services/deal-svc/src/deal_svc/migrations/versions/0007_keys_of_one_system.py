"""Keys of moved deals whose system has a colon in its name belong to that system alone."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(
        """UPDATE external_deal e SET key = named.key FROM (
            SELECT id, replace(replace(body->'origin'->>'source_system', '%', '%25'), ':', '%3a')
                || ':' || (body->'origin'->>'external_id') AS key
            FROM deal WHERE body->'origin'->>'source_system' ~ '[:%]') named
        WHERE named.id = e.deal_id AND e.key <> named.key
            AND NOT EXISTS (SELECT FROM external_deal o WHERE o.key = named.key)"""
    )
