"""What clears the gates of leads."""

from chassis.clearing import Clearing
from lead_svc.domain.lead import FIRST_CONTACT, QUALIFICATION

CLEARINGS = {
    QUALIFICATION: Clearing(("qualifyLead", "disqualifyLead")),
    FIRST_CONTACT: Clearing(("contactLead",)),
}
