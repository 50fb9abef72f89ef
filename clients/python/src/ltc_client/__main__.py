"""``ltc-client tail``: facts as they come, one a line."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from typing import Any

import ltc_client
from ltc_client import ClientError, Fact, InFile, Subscription, UnknownFact, as_cloudevent

BAD_INPUT = 2
REFUSED = 1


def main(arguments: list[str] | None = None) -> int:
    """The command. Secrets come from the environment, where other people's `ps` does not look."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        with _subscription(options) as facts:
            for n, fact in enumerate(facts, start=1):
                print(json.dumps(as_cloudevent(fact)) if options.json else _line(fact), flush=True)
                if n == options.count:
                    break
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ValueError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except ClientError as error:
        print(error, file=sys.stderr)
        return REFUSED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ltc-client", description="Hear the facts of lead to cash"
    )
    parser.add_argument("--version", action="version", version=ltc_client.__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    tail = commands.add_parser(
        "tail",
        help="print facts as they come",
        epilog="LTC_TOKEN holds the bearer token for the feed; LTC_KAFKA_USER and"
        " LTC_KAFKA_PASSWORD, where Kafka wants them, a principal and its password.",
    )
    tail.add_argument("--type", action="append", default=[], help="such as deal.*; repeatable")
    tail.add_argument("--door", choices=("feed", "stream", "kafka"), default="feed")
    tail.add_argument(
        "--url", default="http://127.0.0.1:8111", help="of the hub, for feed and stream"
    )
    tail.add_argument("--bootstrap", default="127.0.0.1:9092", help="of Kafka")
    tail.add_argument("--tls", action="store_true", help="to Kafka")
    tail.add_argument("--start", choices=("oldest", "latest"), default="latest")
    tail.add_argument("--checkpoint", help="a file; the next call goes on from here")
    tail.add_argument("--count", type=int, help="stop after so many")
    tail.add_argument("--json", action="store_true", help="whole CloudEvents")
    return parser


def _subscription(options: argparse.Namespace) -> Subscription:
    checkpoint = InFile(options.checkpoint) if options.checkpoint else None
    if options.door != "kafka":
        return ltc_client.feed(
            options.url,
            types=options.type,
            checkpoint=checkpoint,
            token=os.environ.get("LTC_TOKEN"),
            start=options.start,
            stream=options.door == "stream",
        )
    return ltc_client.kafka(
        options.bootstrap,
        types=options.type,
        checkpoint=checkpoint,
        start=options.start,
        **_connection(tls=options.tls),
    )


def _connection(*, tls: bool) -> dict[str, Any]:
    user = os.environ.get("LTC_KAFKA_USER")
    connection: dict[str, Any] = {}
    if user:
        connection |= {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": os.environ.get("LTC_KAFKA_PASSWORD", ""),
        }
    if tls:
        from aiokafka.helpers import create_ssl_context

        connection["ssl_context"] = create_ssl_context()
    if user or tls:
        layers = ("SASL_" if user else "") + ("SSL" if tls else "PLAINTEXT")
        connection["security_protocol"] = layers
    return connection


def _line(fact: Fact) -> str:
    number = fact.data.get("number", "")
    note = f"  ({fact.why})" if isinstance(fact, UnknownFact) else ""
    moment = fact.time.isoformat(timespec="milliseconds")
    return f"{moment} {fact.type} {fact.subject} {fact.sequence} {number}{note}"


if __name__ == "__main__":
    sys.exit(main())
