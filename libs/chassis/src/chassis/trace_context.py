"""The W3C trace context as a fact carries it: two strings, taken apart by hand on the hot path."""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import getrandbits

from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from contracts.envelope import TRACEPARENT, TRACESTATE

LENGTH = 55
"""Characters of ``00-<32 hex>-<16 hex>-<2 hex>``."""
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
ODD = frozenset("13579bdf")
"""The last digit of a sampled traceparent."""


@dataclass(slots=True, frozen=True)
class TraceContext:
    """Where in which trace something happened, as headers tell it."""

    traceparent: str
    tracestate: str | None = None

    @property
    def sampled(self) -> bool:
        """Whether spans are made for this trace."""
        return len(self.traceparent) == LENGTH and self.traceparent[54] in ODD

    @property
    def well_formed(self) -> bool:
        """Whether it may be handed on as it is."""
        return TRACEPARENT.fullmatch(self.traceparent) is not None

    @property
    def trace_id(self) -> str:
        """The trace's 32 hexadecimal digits."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """The span's 16 hexadecimal digits."""
        return self.traceparent[36:52]

    def span_context(self) -> SpanContext | None:
        """As OpenTelemetry's own, from another process; none when it is malformed."""
        text = self.traceparent
        try:
            context = SpanContext(
                int(text[3:35], 16),
                int(text[36:52], 16),
                is_remote=True,
                trace_flags=TraceFlags(int(text[53:55], 16)),
                trace_state=TraceState.from_header([self.tracestate]) if self.tracestate else None,
            )
        except ValueError:
            return None
        return context if context.is_valid else None


def from_header(traceparent: str, tracestate: str | None = None) -> TraceContext | None:
    """What a stranger's header says; none when it is malformed. Later versions read as ours."""
    if TRACEPARENT.fullmatch(traceparent) is None:
        return None
    if tracestate is not None and TRACESTATE.fullmatch(tracestate) is None:
        tracestate = None
    return TraceContext("00" + traceparent[2:LENGTH], tracestate)


def unsampled_root() -> TraceContext:
    """A trace that nobody records, whose id still joins logs and refusals."""
    return TraceContext(f"00-{new_trace_id():032x}-{getrandbits(64) or 1:016x}-00")


def new_trace_id() -> int:
    """A trace's id: 32 bits of seconds, then 96 random bits, of which samplers read the last 64.

    Spans and events are stored under it: of random ids each would go to another page of an index.
    """
    return int(time.time()) << 96 | getrandbits(96)
