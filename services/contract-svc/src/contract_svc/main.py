"""contract-svc: what both sides sign."""

from __future__ import annotations

from chassis.runtime import Service
from contract_svc import __version__
from contract_svc.api import router
from contract_svc.clearings import CLEARINGS
from contract_svc.consumers import consumer
from contract_svc.storage import Contracts
from contract_svc.timers import timers

service = Service(
    name="contract-svc",
    version=__version__,
    router=router,
    consumer=consumer,
    repositories=(Contracts,),
    timers=timers,
    clearings=CLEARINGS,
    description="Drafts contracts from accepted offers, has them signed, follows their execution.",
)
