"""What clears the gates of billing: money that moves, and nothing else."""

from billing_svc.domain.account import CREDIT_DUE
from billing_svc.domain.invoice import PAYMENT
from billing_svc.domain.payment import UNAPPLIED
from chassis.clearing import Clearing

CLEARINGS = {
    PAYMENT: Clearing(("bookStatement", "creditInvoice")),
    UNAPPLIED: Clearing(("allocatePayment",)),
    CREDIT_DUE: Clearing(("creditExcess",)),
}
