"""The commands of ``ltc`` as a person types them, on an installation of their own."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from click.testing import Result
from joserfc import jwt
from typer.testing import CliRunner

from chassis.issuer import load_key
from local_infra.ports import free_port
from local_infra.processes import Child
from ltc import people
from ltc.main import app

SLEEP = ["sleep", "60"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty installation on ports that are free."""
    monkeypatch.setenv("LTC_HOME", str(tmp_path))
    monkeypatch.setenv("LTC_PG_PORT", str(free_port()))
    monkeypatch.setenv("LTC_KAFKA_PORT", str(free_port()))
    monkeypatch.delenv("LTC_POSTGRES_DSN", raising=False)
    monkeypatch.delenv("LTC_KAFKA_BOOTSTRAP", raising=False)
    return tmp_path


def ltc(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.mark.parametrize("words", [("dlq", "ls"), ("unsent", "ls"), ("stuck",)])
def test_ltc_on_call_with_wrong_ports_names_the_address_and_the_setting(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    base = free_port()
    monkeypatch.setenv("LTC_PORT_BASE", str(base))
    monkeypatch.setattr(people, "PATIENCE_S", 0)

    result = ltc(*words)

    assert result.exit_code == 1
    assert f"http://127.0.0.1:{base} does not answer" in result.stderr
    assert "LTC_PORT_BASE" in result.stderr


def test_ltc_up_with_a_taken_port_starts_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("LTC_PG_PORT", str(port))
        monkeypatch.setenv("LTC_PORT_BASE", str(free_port()))

        result = ltc("up", "--detach")

    assert result.exit_code == 4, result.stderr
    assert f"port {port} for PostgreSQL is taken by" in result.stderr
    assert not list((home / "run").glob("*.pid"))


def test_ltc_up_reports_an_unreachable_broker_as_a_missing_prerequisite(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("LTC_KAFKA_BOOTSTRAP", nobody)
    monkeypatch.setenv("LTC_POSTGRES_DSN", f"postgresql://postgres@127.0.0.1:{free_port()}/x")

    result = ltc("up", "--only", "lead")

    assert result.exit_code == 3
    assert not list((home / "run").glob("*.pid"))


@pytest.mark.parametrize("words", [["up", "--only", "payroll"], ["logs", "payroll"], ["fly"]])
def test_ltc_reports_an_unknown_name_as_a_usage_error(home: Path, words: list[str]) -> None:
    assert ltc(*words).exit_code == 2


def test_ltc_reports_an_invalid_port_as_a_usage_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTC_PORT_BASE", "eighty")

    result = ltc("status")

    assert result.exit_code == 2
    assert "LTC_PORT_BASE=eighty is no port" in result.stderr


def test_ltc_down_ends_the_processes_of_a_killed_supervisor(home: Path) -> None:
    child = Child("lead", home / "run", home / "logs")
    child.start(SLEEP)

    assert "lead" in ltc("down").output
    assert child.process() is None
    assert "nothing was running" in ltc("down").output


def test_ltc_status_shows_running_and_dead_processes(home: Path) -> None:
    started = Child("quote", home / "run", home / "logs").start(SLEEP)
    died = Child("order-2", home / "run", home / "logs")
    died.start(SLEEP).kill()

    views = {view["name"]: view for view in json.loads(ltc("status", "--json").output)}
    ltc("down")

    assert views["quote"]["pid"] == started.pid
    assert views["quote"]["state"] == "running"
    assert views["order-2"]["state"] == "stopped"
    assert views["order-2"]["port"] == 8205


def test_ltc_logs_show_each_line_with_its_process(home: Path) -> None:
    (home / "logs").mkdir()
    (home / "logs" / "lead.log").write_text("one\ntwo\nthree\n")

    assert ltc("logs", "lead", "-n", "2").output.split() == ["lead", "two", "lead", "three"]


def test_ltc_token_has_subject_and_roles_and_is_signed_by_the_installation(home: Path) -> None:
    signed = ltc("token", "--role", "finance", "--role", "ops", "--name", "Ada Li").output.strip()

    key = load_key(home / "issuer" / "key.json")
    claims = jwt.decode(signed, key, algorithms=["ES256"]).claims
    assert claims["sub"] == "ada.li"
    assert claims["roles"] == ["finance", "ops"]
    assert claims["iss"] == "http://127.0.0.1:8100"


def test_ltc_doctor_names_a_taken_port_and_fails(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("LTC_KAFKA_PORT", str(port))

        result = ltc("doctor", "--json")

    findings = {finding["name"]: finding for finding in json.loads(result.output)}
    assert result.exit_code == 3
    assert findings["python"]["ok"]
    assert not findings[f"port {port}"]["ok"]


def test_ltc_restart_needs_a_supervisor(home: Path) -> None:
    result = ltc("restart", "lead")

    assert result.exit_code == 5
    assert "`ltc up` first" in result.stderr


def test_ltc_reset_asks_first_and_deletes_data_and_secrets(home: Path) -> None:
    (home / "data").mkdir()
    (home / "link.secret").write_text("secret")

    assert ltc("reset").exit_code == 1
    assert (home / "data").exists()
    assert ltc("reset", "--yes").exit_code == 0
    assert not (home / "data").exists()
    assert not (home / "link.secret").exists()


@pytest.mark.parametrize(
    ("file", "mapping", "told"),
    [
        ("", "columns: {a: contact.name}", "is empty"),
        ('a\n"open\n', "columns: {a: contact.name}", "is no well-formed CSV"),
        ("b\n1\n", "columns: {a: contact.name}", "has no column a"),
        ("a\n1\n", "columns: [", "is neither YAML nor JSON"),
    ],
)
def test_ltc_import_names_an_unreadable_file_before_any_request(
    home: Path, file: str, mapping: str, told: str
) -> None:
    (home / "leads.csv").write_text(file)
    (home / "map.yaml").write_text(mapping)
    done = ltc("import", "leads", str(home / "leads.csv"), "--map", str(home / "map.yaml"))

    assert done.exit_code == 2
    assert told in done.stderr


def test_ltc_import_shows_the_readings_of_an_unclear_encoding(home: Path) -> None:
    (home / "leads.csv").write_bytes("Name\n김민준\n이서연\n".encode("euc_kr"))
    (home / "map.yaml").write_text("columns: {Name: contact.name}")
    words = ("import", "leads", str(home / "leads.csv"), "--map", str(home / "map.yaml"))
    unclear = ltc(*words)
    wrong = ltc(*words, "--encoding", "utf-8")
    sheet = ltc(*words, "--sheet", "Leads")

    assert [done.exit_code for done in (unclear, wrong, sheet)] == [2, 2, 2]
    assert "has no certain encoding" in unclear.stderr
    assert "--encoding cp949\n    김민준\n    이서연\n" in unclear.stderr
    assert "is not written in utf-8" in wrong.stderr
    assert "is no workbook, so that it has no sheet 'Leads'" in sheet.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dsn", "postgresql://x/{name}"), "add --running"),
        (("--running", "--dsn", "postgresql://x/y"), "must hold {name}"),
    ],
)
def test_ltc_demo_that_cannot_be_checked_does_not_start(
    home: Path, words: tuple[str, ...], said: str
) -> None:
    result = ltc("demo", *words)

    assert result.exit_code == 2
    assert said in result.stderr
    assert not list(home.iterdir())
