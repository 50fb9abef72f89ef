"""Signed links: each opens one object for one purpose until it expires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from chassis.links import LinkExpired, LinkInvalid, open_link, sign_link

SECRET = SecretStr("a secret of the tests, long enough")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
THING = UUID("0190a000-0000-7000-8000-000000000001")


def a_link(purpose: str = "accept", secret: SecretStr = SECRET) -> str:
    return sign_link(secret, purpose, THING, NOW + timedelta(days=14))


def test_signed_link_opens_its_object() -> None:
    assert open_link(SECRET, "accept", a_link(), NOW) == THING


def test_signed_link_needs_no_url_escaping() -> None:
    links = [sign_link(SECRET, "accept", uuid4(), NOW) for _ in range(50)]
    assert all(link.replace("-", "").replace("_", "").isalnum() for link in links)


def test_signed_link_reports_its_expiry() -> None:
    with pytest.raises(LinkExpired) as refusal:
        open_link(SECRET, "accept", a_link(), NOW + timedelta(days=14, seconds=1))
    assert refusal.value.status == 410


def test_signed_link_is_refused_for_another_purpose() -> None:
    with pytest.raises(LinkInvalid) as refusal:
        open_link(SECRET, "sign", a_link("accept"), NOW)
    assert refusal.value.status == 404


def test_signed_link_with_another_secret_is_refused() -> None:
    with pytest.raises(LinkInvalid):
        open_link(SECRET, "accept", a_link(secret=SecretStr("somebody else's")), NOW)


def test_signed_link_with_any_changed_character_is_refused() -> None:
    good = a_link()
    for place, letter in enumerate(good[:-1]):  # the last one carries two bits of padding
        changed = good[:place] + ("A" if letter != "A" else "B") + good[place + 1 :]
        with pytest.raises(LinkInvalid):
            open_link(SECRET, "accept", changed, NOW)


@pytest.mark.parametrize("token", ["", "a", "abc", "é", "%00", "A" * 51, "A" * 10_000])
def test_signed_link_parser_refuses_arbitrary_text(token: str) -> None:
    with pytest.raises(LinkInvalid):
        open_link(SECRET, "accept", token, NOW)


def test_signed_link_with_a_truncated_signature_is_refused() -> None:
    for kept in range(len(a_link())):
        with pytest.raises(LinkInvalid):
            open_link(SECRET, "accept", a_link()[:kept], NOW)


def test_signed_links_are_disabled_without_a_secret() -> None:
    with pytest.raises(LinkInvalid, match="LTC_LINK_SECRET"):
        a_link(secret=SecretStr(""))
    with pytest.raises(LinkInvalid):
        open_link(SecretStr(""), "accept", a_link(), NOW)
