"""What clears the gates of contracts. Execution ends by facts of the order alone."""

from chassis.clearing import Clearing
from contract_svc.domain.contract import COMPANY, CUSTOMER, TERMINATION

CLEARINGS = {
    f"signature:{CUSTOMER}": Clearing(("signByLink", "refuseByLink")),
    f"signature:{COMPANY}": Clearing(("signForCompany",)),
    TERMINATION: Clearing(("refuseTermination",)),
}
