"""What a quote refuses."""

from __future__ import annotations

from chassis.domain import DomainError


class QuoteLapsed(DomainError):
    """The offer was good until a moment that has passed."""


class OwnApproval(DomainError):
    """Nobody approves what they asked for themselves."""

    status = 403


class NotTheCurrentVersion(DomainError):
    """A newer version has taken its place."""


class AlreadyOut(DomainError):
    """What the customer has seen is not edited: it is superseded by a new version."""


class AlreadyAccepted(DomainError):
    """One version was accepted; there is nothing left to offer."""
