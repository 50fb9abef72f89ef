"""How promising a lead is: points with reasons, so that nobody has to believe a number."""

from __future__ import annotations

from pydantic import BaseModel

CHANNEL_POINTS = {"website": 15, "referral": 20, "exhibition": 15, "email": 10, "ads": 5}
PUBLIC_PROVIDERS = frozenset(
    {"gmail.com", "outlook.com", "hotmail.com", "qq.com", "163.com", "126.com", "yahoo.com"}
)


class Score(BaseModel, frozen=True):
    """0 to 100 points, and what each came from."""

    points: int
    reasons: tuple[str, ...]


def score(
    *,
    channel: str,
    need: str | None,
    email: str | None,
    phone: str | None,
    company: str | None,
    has_budget: bool,
    has_order: bool,
) -> Score:
    """Add up what is known. Every point has its reason."""
    found: list[tuple[int, str]] = []
    if has_order:
        found.append((60, "placed an order"))
    if need:
        found.append((25, "states a need"))
    if has_budget:
        found.append((20, "states a budget"))
    if company:
        found.append((10, "names a company"))
    if email and email.rpartition("@")[2] not in PUBLIC_PROVIDERS:
        found.append((10, "writes from a business address"))
    if phone:
        found.append((10, "can be called"))
    points = CHANNEL_POINTS.get(channel, 0)
    if points:
        found.append((points, f"came by {channel}"))
    return Score(
        points=min(100, sum(p for p, _ in found)),
        reasons=tuple(f"+{p} {reason}" for p, reason in found),
    )
