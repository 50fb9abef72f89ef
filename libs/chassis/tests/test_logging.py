"""Log lines: one JSON object each, with context, and without personal values."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError

from chassis import tracing
from chassis.logging import JsonFormatter, bind, describe, setup_logging
from chassis.trace_context import TraceContext

CONTEXT = TraceContext("00-" + "a1" * 16 + "-" + "b2" * 8 + "-00")
logger = logging.getLogger("test.logging")


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    asyncio = logging.getLogger("asyncio")  # tells of tasks that other tests left to the collector
    asyncio.disabled = True
    yield
    asyncio.disabled = False
    root.handlers[:] = handlers
    root.setLevel(level)


class Lines:
    """What was written to standard output, line by line."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def raw(self) -> list[str]:
        return self._capsys.readouterr().out.splitlines()

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.raw()]


def test_log_line_is_one_json_object_with_time_service_and_instance(
    capsys: pytest.CaptureFixture[str],
) -> None:
    setup_logging("test-svc", "INFO", instance="i-1")
    logger.info("%d things", 3)
    logger.debug("not at this level")

    [line] = Lines(capsys).read()
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "test.logging",
        "service": "test-svc",
        "instance": "i-1",
        "message": "3 things",
    }


def test_log_time_is_rfc_3339_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging("test-svc")
    logger.info("now")

    [line] = Lines(capsys).read()
    offset = datetime.fromisoformat(line["ts"]).utcoffset()
    assert offset is not None
    assert not offset


def test_log_lines_of_a_handler_name_its_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    setup_logging("test-svc")
    with tracing.process_span("t.v1", 3, 42, "k", "g", "t.made.v1", "e-1", "j-1", CONTEXT):
        logger.info("inside")
    logger.info("outside")

    inside, outside = Lines(capsys).read()
    wanted = {
        "trace_id": CONTEXT.trace_id,
        "span_id": CONTEXT.span_id,
        "journey_id": "j-1",
        "event_id": "e-1",
        "event_type": "t.made.v1",
        "aggregate_id": "k",
        "consumer": "g",
        "topic": "t.v1",
        "partition": 3,
        "offset": 42,
    }
    assert wanted.items() <= inside.items()
    assert not wanted.keys() & outside.keys()


def test_log_bound_fields_appear_only_inside_their_context(
    capsys: pytest.CaptureFixture[str],
) -> None:
    setup_logging("test-svc")
    with bind(journey_id="j-1", step=1), bind(step=2):
        logger.info("both")
    logger.info("none", extra={"own": "x", "service": "forged"})

    both, none = Lines(capsys).read()
    assert (both["journey_id"], both["step"]) == ("j-1", 2)
    assert "journey_id" not in none
    assert (none["own"], none["service"]) == ("x", "test-svc")


@pytest.mark.parametrize("as_json", [True, False])
def test_log_message_cannot_forge_a_second_line(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    setup_logging("test-svc", json=as_json)
    logger.info("seen %s", 'x\n{"level": "INFO"}\r\x1b[2J\u2028')

    [line] = Lines(capsys).raw()
    assert "\x1b" not in line


def test_log_exception_is_one_field_with_causes_and_stacks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    setup_logging("test-svc")
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise LookupError("second") from error
    except LookupError:
        logger.exception("it failed")

    [line] = Lines(capsys).read()
    story = line["exception"]
    assert story.startswith("LookupError: second\n")
    assert "caused by KeyError: 'first'" in story
    assert "test_logging.py" in story


class Person(BaseModel):
    age: int


def test_log_exception_contains_no_input_values() -> None:
    def invalid() -> Exception:
        try:
            Person.model_validate({"age": "ada@example.com"})
        except ValueError as error:
            return error
        raise AssertionError("it was valid")

    refused = IntegrityError(
        "INSERT INTO person VALUES ($1)",
        ("ada@example.com",),
        ValueError("duplicate key\nDETAIL:  Key (email)=(ada@example.com) already exists."),
    )

    assert describe(invalid()) == "ValidationError: /age: int_parsing"
    assert describe(refused) == "IntegrityError: ValueError: duplicate key"


@pytest.mark.parametrize("awkward", ["half \ud800", 2**70, object, b"\xff", float("nan")])
def test_log_line_survives_any_value(capsys: pytest.CaptureFixture[str], awkward: object) -> None:
    setup_logging("test-svc")
    logger.info("awkward", extra={"value": awkward})

    [line] = Lines(capsys).read()
    assert "value" in line


def test_log_message_survives_arguments_that_do_not_fit() -> None:
    record = logging.makeLogRecord({"msg": "%d", "args": ("not a number",)})

    line = json.loads(JsonFormatter("test-svc", "i-1").format(record))
    assert line["message"] == "%d (its arguments do not fit)"


def test_log_format_covers_libraries_and_drops_their_debug_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.addHandler(logging.StreamHandler())
    uvicorn.propagate = False
    uvicorn.setLevel(logging.NOTSET)  # whatever server another test has run in this process
    setup_logging("test-svc")
    uvicorn.info("started")
    logging.getLogger("uvicorn.access").info("GET / from an address")

    captured = capsys.readouterr()
    assert [json.loads(line)["message"] for line in captured.out.splitlines()] == ["started"]
    assert captured.err == ""
