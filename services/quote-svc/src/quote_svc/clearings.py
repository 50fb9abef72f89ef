"""What clears the gates of quotes."""

from chassis.clearing import Clearing
from quote_svc.domain.quote import APPROVAL, CUSTOMER_ANSWER, PRICING, REVISION, SENDING

CLEARINGS = {
    PRICING: Clearing(("replaceLines",)),
    REVISION: Clearing(("replaceLines",)),
    APPROVAL: Clearing(("approveQuote", "rejectQuote")),
    SENDING: Clearing(("sendQuote",)),
    CUSTOMER_ANSWER: Clearing(("acceptOffer", "refuseOffer")),
}
