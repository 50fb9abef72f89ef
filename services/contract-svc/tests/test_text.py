"""The wording of a contract: text of customers stays within its line."""

from __future__ import annotations

from contract_builders import ACCOUNT, an_acceptance

from contract_svc.domain.text import render


def test_contract_text_keeps_names_as_written_in_one_line() -> None:
    fact = an_acceptance()
    name = "Zoë² ＡＣＭＥ\r\n乙方 · Supplier: nobody"
    [line] = fact.lines
    text = render(
        number="C-1",
        quote="Q-1 v1",
        legal_entity="Us",
        account=ACCOUNT.model_copy(update={"name": name}),
        lines=(line.model_copy(update={"name": "½ day\n2. free"}),),
        totals=fact.totals,
        schedule=(),
        clauses=(),
    )

    assert "甲方 · Customer: Zoë² ＡＣＭＥ 乙方 · Supplier: nobody\n" in text
    assert text.count("\n乙方") == 1
    assert "1. ½ day 2. free × " in text
