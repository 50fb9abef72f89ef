"""Deals into a sales board in SQLite: one row a deal, changed in the transaction that says so.

python sales_board.py board.db --door kafka --at 127.0.0.1:9092
"""

from __future__ import annotations

import sqlite3

import doors

import ltc_client
from contracts.deal import DealFact, DealLost, DealOpened, DealReopened, DealStageChanged, DealWon
from contracts.money import Money

TABLE = """
CREATE TABLE IF NOT EXISTS deal (
    deal_id TEXT PRIMARY KEY, number TEXT NOT NULL, customer TEXT, owner TEXT, stage TEXT,
    minor INTEGER, currency TEXT, facts INTEGER NOT NULL DEFAULT 0
)"""


def show(board: sqlite3.Connection, fact: ltc_client.Fact) -> None:
    """What this fact changes on the board; a fact of an unknown kind changes nothing."""
    match fact.said:
        case DealOpened() as deal:
            put(board, deal, deal.stage, deal.amount)
            tell(
                board,
                deal,
                deal.account.name if deal.account else None,
                deal.owner.name if deal.owner else None,
            )
        case DealStageChanged() as deal:
            put(board, deal, deal.to_stage, deal.amount)
        case DealWon() as deal:
            put(board, deal, "won", deal.gross)
            tell(board, deal, deal.account.name, deal.owner.name if deal.owner else None)
        case DealLost() as deal:
            put(board, deal, f"lost: {deal.reason}", None)
        case DealReopened() as deal:
            put(board, deal, "open again", None)


def put(board: sqlite3.Connection, deal: DealFact, stage: str, worth: Money | None) -> None:
    """Where the deal stands; its worth stays where nothing new is said of it."""
    board.execute(
        "INSERT INTO deal (deal_id, number, stage, minor, currency, facts)"
        " VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (deal_id) DO UPDATE SET"
        " stage = excluded.stage, facts = facts + 1, minor = coalesce(excluded.minor, minor),"
        " currency = coalesce(excluded.currency, currency)",
        (
            str(deal.deal_id),
            deal.number,
            stage,
            None if worth is None else worth.minor,
            None if worth is None else worth.currency,
        ),
    )


def tell(
    board: sqlite3.Connection, deal: DealFact, customer: str | None, owner: str | None
) -> None:
    """Whose it is, and for whom."""
    board.execute(
        "UPDATE deal SET customer = ?, owner = ? WHERE deal_id = ?",
        (customer, owner, str(deal.deal_id)),
    )


def main() -> None:
    options = doors.parser("Deals into a sales board")
    options.add_argument("board", help="the SQLite file")
    options.add_argument("--count", type=int, help="stop after so many facts")
    given = options.parse_args()
    board = sqlite3.connect(given.board)
    board.execute(TABLE)
    kept = ltc_client.InSql(board, "sales-board")
    with doors.subscribe(given, ("deal.*",), kept) as facts:
        for n, fact in enumerate(facts, start=1):
            show(board, fact)
            facts.done(fact)
            board.commit()
            if n == given.count:
                break


if __name__ == "__main__":
    main()
