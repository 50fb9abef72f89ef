"""Requests with naughty values to every operation of a service, and what may be answered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.schemas import APIOperation

from chassis import strict_json
from tests.fuzzing import forms
from tests.fuzzing.naughty import dump, spoiled, texts

LONG = {"streamEvents", "watchJourneys", "receiveTraces"}
"""Streams, which do not end, and protobuf."""
HAVE_FILES = {"importLeads", "bookStatementFile"}

Known = Mapping[str, Sequence[str]]
"""Ids of records, by the name of the parameter for them."""


class Fuzz:
    """Asks a service; keeps what was wrong."""

    def __init__(
        self,
        name: str,
        url: str,
        token: str,
        known: Known,
        examples: int,
        *,
        derandomize: bool = True,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self.name, self.known, self.examples = name, known, examples
        self.derandomize = derandomize
        self.client = httpx.Client(base_url=url, headers=headers, timeout=60)
        self.faults: list[str] = []
        self.asked = 0
        self.accepted = 0

    def close(self) -> None:
        self.client.close()

    def everything(self, only: Collection[str] = (), leave_out: tuple[str, ...] = ()) -> None:
        """Every operation, from its OpenAPI, but those at paths that begin with ``leave_out``."""
        document = self.client.get("/openapi.json").json()
        for path in document["paths"].values():
            for said in path.values():
                said.pop("security", None)
        schema = schemathesis.openapi.from_dict(document)
        for found in schema.get_all_operations():
            operation = found.ok()
            name = operation.definition.raw["operationId"]
            if (only and name not in only) or operation.path.startswith(leave_out):
                continue
            if name in HAVE_FILES:
                self.files(name)
            elif name not in LONG:
                self._operation(operation, name)

    def _operation(self, operation: APIOperation, name: str) -> None:
        @st.composite
        def requests(draw: st.DrawFn) -> tuple[str, dict[str, Any], Any]:
            case = draw(operation.as_strategy())
            places = {
                at: draw(st.sampled_from(self.known[at]) if at in self.known else _segment)
                for at in case.path_parameters
            }
            path = operation.path
            for at, value in places.items():
                path = path.replace(f"{{{at}}}", quote(value, safe=""))
            query = {at: draw(texts) for at in case.query if draw(st.booleans())}
            form = forms.FORMS[name]() if name in forms.FORMS else case.body
            if not isinstance(form, dict):
                return path, query, None
            return path, query, dump(draw(spoiled(form)), escaped=draw(st.booleans()))

        def ask(request: tuple[str, dict[str, Any], Any]) -> None:
            path, query, body = request
            headers = {"If-Match": '"v1"', "Idempotency-Key": uuid4().hex}
            headers |= {"Content-Type": "application/json"} if body is not None else {}
            params = {at: value.encode("utf-8", "replace").decode() for at, value in query.items()}
            self._ask(
                name, operation.method.upper(), path, params=params, content=body, headers=headers
            )

        self._each(requests(), ask)

    def files(self, name: str) -> None:
        """An import with naughty cells."""
        if name == "bookStatementFile":
            self._each(
                forms.statement_file(),
                lambda body: self._ask(
                    name, "POST", "/bank-statements/file", content=body,
                    headers={"Content-Type": "text/csv", "Idempotency-Key": uuid4().hex},
                ),
            )  # fmt: skip
            return
        self._each(
            st.tuples(forms.leads_file(), forms.mapping()),
            lambda both: self._ask(
                name, "POST", "/leads/imports",
                files={"file": ("leads.csv", both[0]), "mapping": ("map.yaml", both[1])},
                headers={"Idempotency-Key": uuid4().hex},
            ),
        )  # fmt: skip

    def _each(self, requests: st.SearchStrategy[Any], ask: Callable[[Any], None]) -> None:
        @given(requests)
        @settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            derandomize=self.derandomize,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def one(request: Any) -> None:
            ask(request)

        one()

    def _ask(self, name: str, method: str, path: str, **request: Any) -> None:
        try:
            answer = self.client.request(method, path, **request)
        except httpx.HTTPError as error:
            self.faults.append(f"{self.name} {name}: {error!r}: {_shown(path, request)}")
            return
        self.asked += 1
        self.accepted += answer.status_code < 300
        for fault in _faults_of(answer):
            self.faults.append(f"{self.name} {name}: {fault}: {_shown(path, request)}")


_segment = texts.map(lambda text: text.encode("utf-8", "replace").decode() or "-")


def _faults_of(answer: httpx.Response) -> Iterator[str]:
    if answer.status_code >= 500 and answer.status_code != 503:
        yield f"{answer.status_code} {answer.text[:300]}"
    kind = answer.headers.get("content-type", "")
    if answer.status_code >= 400 and "json" not in kind and "html" not in kind:
        yield f"{answer.status_code} without a problem: {kind}"
    if answer.content and kind.startswith(("application/json", "application/problem")):
        try:
            strict_json.read(answer.content)
        except strict_json.NotStrict as error:
            yield f"the answer is no strict JSON: {error}"


def _shown(path: str, request: Mapping[str, Any]) -> str:
    given_ = {at: value for at, value in request.items() if at != "headers"}
    return f"{path} {given_!r}"[:1500]
