"""Which door an example uses, from its command line: the loop is the same behind each."""

from __future__ import annotations

import argparse
import os
import sys

import ltc_client


def parser(about: str) -> argparse.ArgumentParser:
    """The options that all examples share."""
    options = argparse.ArgumentParser(description=about)
    options.add_argument("--door", choices=("feed", "stream", "kafka", "webhook"), default="feed")
    options.add_argument("--at", required=True, help="the hub's address, Kafka's, or our port")
    return options


def setting(name: str, what: str) -> str:
    """Out of the environment; without it the program ends with one sentence."""
    return os.environ.get(name) or sys.exit(f"set {name}: {what}")


def subscribe(
    options: argparse.Namespace, types: tuple[str, ...], checkpoint: ltc_client.Checkpoint
) -> ltc_client.Subscription:
    """LTC_TOKEN holds the token for the feed, LTC_WEBHOOK_SECRET the endpoint's secrets."""
    if options.door == "kafka":
        return ltc_client.kafka(options.at, types=types, checkpoint=checkpoint)
    if options.door == "webhook":
        secrets = setting("LTC_WEBHOOK_SECRET", "the endpoint's secret, whsec_…").split()
        port = int(options.at)
        return ltc_client.webhook(*secrets, types=types, checkpoint=checkpoint, port=port)
    return ltc_client.feed(
        options.at,
        types=types,
        checkpoint=checkpoint,
        token=os.environ.get("LTC_TOKEN"),
        stream=options.door == "stream",
    )
