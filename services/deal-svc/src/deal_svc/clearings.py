"""What clears the gates of deals."""

from chassis.clearing import Clearing
from deal_svc.domain.deal import NEEDS, PROPOSAL, RESUMPTION

CLEARINGS = {
    NEEDS: Clearing(("recordNeeds",)),
    PROPOSAL: Clearing(("requestProposal",)),
    RESUMPTION: Clearing(("resumeDeal",)),
}
