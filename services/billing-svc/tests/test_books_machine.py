"""Whatever happens to an account, its invoices and payments, in whatever order: the books agree.

The same pure steps that the commands take, without a database: hundreds of histories a second.
"""

from __future__ import annotations

from uuid import UUID

from billing_builders import CONTRACT, NOW, a_signature
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from billing_svc.commands.invoice import opened
from billing_svc.domain import correction, ledger
from billing_svc.domain.account import Charge, Status
from billing_svc.domain.invoice import CreditNote, Invoice
from billing_svc.domain.ledger import Entries
from billing_svc.domain.payment import Payment, Return
from contracts.billing import InvoiceLine
from contracts.ids import ContractId, InvoiceId, PaymentId
from contracts.money import Money
from contracts.terms import Evidence, LineProgress, Totals

ZERO = Money(0, "CNY")
EVIDENCE = Evidence(by="bank", at=NOW, method="bank")
WHERE = UUID(int=9)


class Books(RuleBasedStateMachine):
    """One contract of three pieces, billed by delivery; any number of invoices and payments."""

    def __init__(self) -> None:
        super().__init__()
        self.account = opened(a_signature(), UUID(int=7))
        self.invoices: list[Invoice] = []
        self.payments: list[Payment] = []
        self.transactions: list[Entries] = []

    def _post(self, entries: Entries) -> None:
        if entries:
            self.transactions.append(entries)

    def _charge(self, lines: tuple[InvoiceLine, ...]) -> None:
        net = Money.total((x.net for x in lines), "CNY")
        tax = Money.total((x.tax for x in lines), "CNY")
        totals = Totals(net=net, tax=tax, gross=net + tax)
        n = len(self.invoices)
        invoice, fact = Invoice(
            id=UUID(int=100 + n),
            journey_id=self.account.journey_id,
            number=f"INV-{n}",
            contract_id=ContractId(CONTRACT),
            deal_id=self.account.deal_id,
            account=self.account.account,
            legal_entity="LTC",
            schedule_item=1,
            part=n,
            lines=lines,
            totals=totals,
            paid=ZERO,
            due_on=NOW.date(),
            issued_at=NOW,
        ).issue()
        self.invoices.append(invoice)
        self._post(ledger.issue(totals))
        charge = Charge(
            invoice_id=fact.invoice_id,
            number=fact.number,
            item=1,
            gross=totals.gross,
            outstanding=totals.gross,
            credited=ZERO,
        )
        self.account = self.account.charge(charge, at=NOW)

    def _keep(self, invoice: Invoice, credited: Money | None = None) -> None:
        n = next(n for n, known in enumerate(self.invoices) if known.id == invoice.id)
        self.invoices[n] = invoice
        self.account = self.account.note(
            InvoiceId(invoice.id), invoice.outstanding, at=NOW, credited=credited
        )

    @rule(delivered=st.integers(0, 3), cancelled=st.integers(0, 3))
    def progress(self, delivered: int, cancelled: int) -> None:
        [line] = self.account.lines
        delivered = max(delivered, line.delivered)
        cancelled = max(min(cancelled, 3 - delivered), line.cancelled)
        word = LineProgress(
            line_no=1, sku="HW", ordered=3, shipped=delivered, delivered=delivered,
            cancelled=cancelled,
        )  # fmt: skip
        if delivered + cancelled > 3:
            return
        done = delivered + cancelled == 3
        self.account, earned, parts = self.account.deliver([word], fulfilled=done, at=NOW)
        self._post(ledger.recognise(earned))
        if parts:
            self._charge(parts)

    @rule(minor=st.integers(1, 200_000))
    def receive(self, minor: int) -> None:
        n = len(self.payments)
        self.payments.append(
            Payment(
                id=UUID(int=500 + n),
                journey_id=self.account.journey_id,
                number=f"P-{n}",
                source="bank",
                bank_reference=f"B-{n}",
                amount=Money(minor, "CNY"),
                received_at=NOW,
            )
        )
        self._post(ledger.receive("bank", Money(minor, "CNY")))

    @precondition(lambda self: self.payments and self.invoices)
    @rule(data=st.data())
    def apply(self, data: st.DataObject) -> None:
        p = data.draw(st.integers(0, len(self.payments) - 1))
        payment, invoice = self.payments[p], data.draw(st.sampled_from(self.invoices))
        most = min(payment.unapplied, invoice.outstanding).minor
        if not most:
            return
        amount = Money(data.draw(st.integers(1, most)), "CNY")
        paid, _ = invoice.pay(amount, PaymentId(payment.id), by="bank", at=NOW, now=NOW)
        part = paid.allocation(amount)
        self.payments[p], _ = payment.allocate(
            (part,), transaction=WHERE, evidence=EVIDENCE, now=NOW
        )
        self._post(ledger.allocate(amount))
        self._keep(paid)

    @precondition(lambda self: any(p.invoices for p in self.payments))
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        p = data.draw(st.sampled_from([n for n, x in enumerate(self.payments) if x.invoices]))
        payment = self.payments[p]
        invoice_id = data.draw(st.sampled_from(payment.invoices))
        amount = Money(data.draw(st.integers(1, payment.applied_to(invoice_id).minor)), "CNY")
        invoice = next(i for i in self.invoices if i.id == invoice_id)
        invoice = invoice.unpay(amount, at=NOW, due_at=NOW)
        self.payments[p], _ = payment.take_back(
            (invoice.allocation(amount),), transaction=WHERE, reason="x", by="x", at=NOW
        )
        self._post(ledger.reverse(ledger.allocate(amount)))
        self._keep(invoice)

    @precondition(lambda self: any(not p.unapplied.is_zero for p in self.payments))
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        p = data.draw(
            st.sampled_from([n for n, x in enumerate(self.payments) if not x.unapplied.is_zero])
        )
        amount = Money(data.draw(st.integers(1, self.payments[p].unapplied.minor)), "CNY")
        back = Return(bank_reference="OUT", amount=amount, reason="x", at=NOW)
        self.payments[p], _ = self.payments[p].give_back(back, transaction=WHERE, by="x", now=NOW)
        self._post(ledger.reverse(ledger.receive("bank", amount)))

    @precondition(lambda self: any(not i.outstanding.is_zero for i in self.invoices))
    @rule(data=st.data())
    def credit(self, data: st.DataObject) -> None:
        invoice = data.draw(
            st.sampled_from([i for i in self.invoices if not i.outstanding.is_zero])
        )
        amount = Money(data.draw(st.integers(1, invoice.outstanding.minor)), "CNY")
        lines = correction.spread(invoice.standing, amount)
        gift = correction.beyond(lines, correction.over_of(self.account, self.invoices))
        self.account, reversal = self.account.forgive(gift)
        note = CreditNote(number="CN", lines=lines, reason="x", by="x", at=NOW)
        credited, _ = invoice.credit(note)
        self._post(ledger.credit(note.net, note.tax, reversal))
        self._keep(credited, note.net + note.tax)

    @rule()
    def settle(self) -> None:
        self.account, fact = self.account.settle(at=NOW)
        if fact is not None:
            assert (fact.invoiced, fact.credited, fact.paid) == (
                self.account.invoiced,
                self.account.credited,
                self.account.owed,
            )

    @invariant()
    def every_transaction_adds_up(self) -> None:
        """M1, M2."""
        assert all(len(t) >= 2 and not sum(e.amount.minor for e in t) for t in self.transactions)

    @invariant()
    def nothing_is_applied_beyond_what_there_is(self) -> None:
        """M6: received = allocated + returned + unapplied; per invoice paid + credited ≤ gross."""
        for payment in self.payments:
            parts = payment.allocated, payment.returned, payment.unapplied
            assert min(part.minor for part in parts) >= 0
            assert payment.allocated + payment.returned + payment.unapplied == payment.amount
        for invoice in self.invoices:
            applied = (p.applied_to(InvoiceId(invoice.id)) for p in self.payments)
            assert Money.total(applied, "CNY") == invoice.paid
            assert invoice.outstanding.minor >= 0
            standing = Money.total((x.net + x.tax for x in invoice.standing), "CNY")
            assert standing == invoice.totals.gross - invoice.credited

    @invariant()
    def the_ledger_says_what_the_documents_say(self) -> None:
        """M7 and its sisters: receivable, unapplied cash, bank, revenue, tax."""
        books: dict[str, int] = {}
        for entry in (e for t in self.transactions for e in t):
            books[entry.account] = books.get(entry.account, 0) + entry.amount.minor
        assert books.get(ledger.RECEIVABLE, 0) == sum(i.outstanding.minor for i in self.invoices)
        assert -books.get(ledger.UNAPPLIED, 0) == sum(p.unapplied.minor for p in self.payments)
        held = sum(p.amount.minor - p.returned.minor for p in self.payments)
        assert books.get(ledger.BANK, 0) == held
        assert -books.get(ledger.REVENUE, 0) == self.account.recognised.minor
        assert self.account.outstanding.minor == books.get(ledger.RECEIVABLE, 0)
        if self.account.status is Status.SETTLED:
            assert not books.get(ledger.LIABILITY, 0)

    @invariant()
    def never_more_is_invoiced_than_is_owed(self) -> None:
        """M3, M5: billed by delivery, so nothing is deferred and nothing owed beyond deliveries."""
        assert self.account.invoiced - self.account.credited <= self.account.owed
        assert self.account.recognised.minor >= 0


Books.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestBooks = Books.TestCase
