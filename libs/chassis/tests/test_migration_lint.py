"""The migration linter: each rule refuses one migration, and expanding migrations pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from chassis.migration_lint import lint_file

REFUSED = {
    "a column dropped": ("ban-drop-column", "ALTER TABLE deal DROP COLUMN note"),
    "a column renamed": ("renaming-column", "ALTER TABLE deal RENAME COLUMN note TO remark"),
    "a table dropped": ("ban-drop-table", "DROP TABLE deal"),
    "a table renamed": ("renaming-table", "ALTER TABLE deal RENAME TO chance"),
    "a type changed": ("changing-column-type", "ALTER TABLE deal ALTER note TYPE jsonb"),
    "a column that must be filled": (
        "adding-required-field",
        "ALTER TABLE deal ADD note text NOT NULL",
    ),
    "a column made to be filled": (
        "adding-not-nullable-field",
        "ALTER TABLE deal ALTER note SET NOT NULL",
    ),
    "a column no longer filled": ("ban-drop-not-null", "ALTER TABLE deal ALTER note DROP NOT NULL"),
    "a default computed by row": (
        "adding-field-with-default",
        "ALTER TABLE deal ADD code uuid DEFAULT gen_random_uuid()",
    ),
    "a serial column": (
        "adding-serial-primary-key-field",
        "ALTER TABLE deal ADD n bigserial PRIMARY KEY",
    ),
    "an index that locks": (
        "require-concurrent-index-creation",
        "CREATE INDEX ix_deal_note ON deal (note)",
    ),
    "an index dropped with a lock": (
        "require-concurrent-index-deletion",
        "DROP INDEX ix_deal_note",
    ),
    "a concurrent index inside a transaction": (
        "ban-concurrent-index-creation-in-transaction",
        "CREATE INDEX CONCURRENTLY ix_deal_note ON deal (note)",
    ),
    "a check over all rows": (
        "constraint-missing-not-valid",
        "ALTER TABLE deal ADD CONSTRAINT ck CHECK (length(note) < 9)",
    ),
    "a foreign key over all rows": (
        "adding-foreign-key-constraint",
        "ALTER TABLE deal ADD CONSTRAINT fk FOREIGN KEY (note) REFERENCES other (id)",
    ),
    "a unique constraint that locks": (
        "disallowed-unique-constraint",
        "ALTER TABLE deal ADD CONSTRAINT uq UNIQUE (note)",
    ),
    "a domain's new check": (
        "ban-alter-domain-with-add-constraint",
        "ALTER DOMAIN word ADD CONSTRAINT ck CHECK (value <> '')",
    ),
    "a truncate that spreads": ("ban-truncate-cascade", "TRUNCATE deal CASCADE"),
    "a database dropped": ("ban-drop-database", "DROP DATABASE deal"),
    "no SQL": ("syntax-error", "ALTER TABLE deal ADD ADD"),
}
EXPANDS = {
    "a column": "ALTER TABLE deal ADD note text",
    "a column with a constant default": "ALTER TABLE deal ADD note text NOT NULL DEFAULT ''",
    "a table with its index": "CREATE TABLE other (id uuid); CREATE INDEX ix ON other (id)",
    "a check for new rows": "ALTER TABLE deal ADD CONSTRAINT ck CHECK (note <> '') NOT VALID",
    "a constraint's validation": "ALTER TABLE deal VALIDATE CONSTRAINT ck",
}


def migration(folder: Path, sql: str, head: str = "", body: str = "") -> Path:
    versions = folder / "deal_svc" / "migrations" / "versions"
    versions.mkdir(parents=True)
    file = versions / "0009_note.py"
    file.write_text(
        "from alembic import op\n"
        f"revision = '0009'\n{head}\ndef upgrade() -> None:\n    "
        + (body or f'op.execute("""{sql}""")\n'),
        encoding="utf-8",
    )
    return file


@pytest.mark.parametrize(("rule", "sql"), REFUSED.values(), ids=REFUSED)
def test_migration_lint_refuses_locking_or_breaking_statements(
    tmp_path: Path, rule: str, sql: str
) -> None:
    assert rule in {finding.rule for finding in lint_file(migration(tmp_path, sql))}


@pytest.mark.parametrize("sql", EXPANDS.values(), ids=EXPANDS)
def test_migration_lint_accepts_expanding_statements(tmp_path: Path, sql: str) -> None:
    assert lint_file(migration(tmp_path, sql)) == []


def test_migration_lint_accepts_the_chassis_create_index(tmp_path: Path) -> None:
    body = "from chassis.migrate import create_index\n    create_index('ix', 'deal (note)')\n"

    assert lint_file(migration(tmp_path, "", body=body)) == []


REASON = "exceptions = {'ban-drop-column': 'nobody has read it since version 1.4'}"


def test_migration_lint_accepts_a_contracting_step_with_reason_and_oldest_user(
    tmp_path: Path,
) -> None:
    head = f"{REASON}\noldest_user = '0007'"

    assert lint_file(migration(tmp_path, REFUSED["a column dropped"][1], head)) == []


ODD = {
    "no word on who is left behind": (REASON, "contract-without-oldest-user"),
    "no reason": (
        "oldest_user = '0007'\nexceptions = {'ban-drop-column': 'ok'}",
        "exception-without-reason",
    ),
    "an exception from a rule that is kept": (
        f"oldest_user = '0007'\n{REASON[:-1]}, 'ban-drop-table': 'was here for long enough now'}}",
        "needless-exception",
    ),
    "another file's revision": (f"{REASON}\noldest_user = '0007'\nrevision = '8'", "file-name"),
}


@pytest.mark.parametrize(("head", "rule"), ODD.values(), ids=ODD)
def test_migration_lint_refuses_an_inexact_exception(tmp_path: Path, head: str, rule: str) -> None:
    found = lint_file(migration(tmp_path, REFUSED["a column dropped"][1], head))

    assert [finding.rule for finding in found] == [rule]
