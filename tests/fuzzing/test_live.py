"""A whole installation under naughty requests: no failure, no parked key, no harmed record."""

from __future__ import annotations

import os
import time
from contextlib import closing

import pytest

from contracts.roles import ROLES
from ltc.settings import STAGES
from testkit.actors.all_actors import Actors
from testkit.installation.supervised import SupervisedInstallation, supervised_installation
from testkit.polling import eventually
from tests.fuzzing.asking import Fuzz, Known

MINUTES = float(os.environ.get("LTC_FUZZ_MINUTES", "20"))
EXAMPLES = int(os.environ.get("LTC_FUZZ_EXAMPLES", "10"))
"""Of requests an operation and round."""
LISTS = {
    "lead": {"lead_id": "/leads"},
    "deal": {"deal_id": "/deals"},
    "quote": {"quote_id": "/quotes"},
    "contract": {"contract_id": "/contracts"},
    "order": {"order_id": "/orders"},
    "billing": {"invoice_id": "/invoices"},
}
LEFT_OUT = ("/ops", "/policies")
"""Acts of on-call hold and skip what they name, and policies change what is accepted."""
REFUSED = """
SELECT topic, key, status, error_class, left(error, 300) FROM parked_key
WHERE error_class <> 'DependencyMissing'
"""

pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)


def fuzzed(house: SupervisedInstallation, stage: str, spared: str) -> Fuzz:
    """One round of requests to a service, at records that are there, except the spared one."""
    token = house.token("fuzz", "Fuzz", list(ROLES))
    with closing(Fuzz(stage, house.url(stage), token, {}, EXAMPLES, derandomize=False)) as fuzz:
        known: Known = {
            at: [
                row["id"] for row in fuzz.client.get(path).json()["items"]
                if row["journey_id"] != spared
            ]
            for at, path in LISTS.get(stage, {}).items()
        }  # fmt: skip
        fuzz.known = {at: ids for at, ids in known.items() if ids}
        fuzz.everything(leave_out=LEFT_OUT)
    return fuzz


@pytest.mark.timeout(60 * MINUTES + 900)
def test_fuzzing_of_a_running_installation_breaks_and_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("fuzz")
    with supervised_installation(home) as house, closing(Actors(house)) as cast:
        canary = cast.web.sends(cast.web.order("LIC-TEAM", paid="2712.00"))
        cast.oncall.sees_settled(canary["journey_id"])
        before = cast.rep.doors.get("lead", f"/leads/{canary['lead_id']}")
        faults: list[str] = []
        asked = accepted = 0
        until = time.monotonic() + 60 * MINUTES
        while True:
            for stage in (*STAGES, "hub", "console"):
                fuzz = fuzzed(house, stage, canary["journey_id"])
                faults += fuzz.faults
                asked, accepted = asked + fuzz.asked, accepted + fuzz.accepted
            if time.monotonic() > until or faults:
                break

        assert faults == [], "\n\n".join(faults)
        assert 0 < accepted < asked
        eventually(cast.oncall.troubles, lambda found: found == [], what="nothing parked for good")
        for stage in STAGES:
            assert [tuple(row) for row in house.rows(stage, REFUSED)] == []
        after = cast.web.sends(cast.web.order("LIC-TEAM", paid="2712.00"))
        cast.oncall.sees_settled(after["journey_id"])
        assert cast.rep.doors.get("lead", f"/leads/{canary['lead_id']}") == before
        checked = house.run("verify", "--wait", "60", "--json")
        assert checked.returncode == 0, checked.stdout[-4000:] + checked.stderr[-2000:]
