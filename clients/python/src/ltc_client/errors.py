"""What can go wrong for a subscriber. Every message is one sentence for whoever reads the log."""

from __future__ import annotations


class ClientError(Exception):
    """The base of all that this package raises on purpose."""


class PositionExpired(ClientError):
    """What followed the kept position is no longer there: facts were missed, or would be.

    Take the present state and go on from there; the message says how.
    """


class Superseded(ClientError):
    """Somebody else moved this subscription on, or an earlier transaction was rolled back: what
    was read since then must be read again, by a new subscription."""


class BadSignature(ClientError):
    """A webhook that was not signed with one of our secrets, or not now."""


class Refused(ClientError):
    """The platform said no: a token, a grant or a request that asking again does not mend."""


class BadCheckpoint(ClientError):
    """The kept position cannot be read, or belongs to somebody else."""


class MissingExtra(ClientError):
    """A door needs a library that was not installed with the package."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed: pip install 'ltc-client[{extra}]'")
