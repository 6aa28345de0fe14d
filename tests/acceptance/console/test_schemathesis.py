"""The JSON API held against its own description: whatever is sent by whomever, it answers as it says it does.

Every operation gets drawn cases from every role and nobody, and from a care manager those at the edges of its
description too; all checks of Schemathesis look at each answer. Ids of the other practice are among what is
sent, and nothing of that practice may be in any answer. HOMEVITALS_API_EXAMPLES draws more than the suite has time for.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup

from ccm_link.console.rate_limits import RateLimits
from ccm_link.settings import CcmLinkSettings
from deploy import ports
from deploy.settings import SignerSettings
from deploy.signer import service as signer_service
from ingest import people, session_store
from ingest.people import HOME_ROLES, Role, SignedInBy
from tests import console_server
from tests.console_server import Console
from tests.made_up_practice import NOW, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

EXAMPLES = int(os.environ.get("HOMEVITALS_API_EXAMPLES", "4"))
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
COOKIE = "homevitals"
NOBODY = "nobody"
# What a good request may meet besides success: a wrong state, a rule beyond the fields, a missing right, a limit.
REFUSALS_OF_GOOD_REQUESTS = ["2xx", "401", "403", "404", "409", "422", "429"]
# These take back what the server sealed: no text that is drawn is one of those.
WITH_SEALED = ("/api/v1/patients/{patient_id}/readings", "/api/v1/readings/stream")
STREAM = "/api/v1/readings/stream"
# Whose bad requests are refused for being bad; the others' for who asks.
GO_FURTHER = {NOBODY, Role.CARE_MANAGER, Role.CLINICIAN}
# TRACE is refused before the application knows the address, so its refusal cannot say what the address allows.
UNEXPECTED_METHODS = ["get", "put", "post", "delete", "options", "patch"]
STAFF = {
    Role.CARE_MANAGER: "casey",
    Role.CLINICIAN: "dana",
    Role.OPERATOR: "ozzie",
    Role.PRACTICE_ADMINISTRATOR: "petra",
    Role.AUDITOR: "augustin",
}


@pytest.fixture
def signer_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("s")  # short: a unix socket's path is limited to 107 bytes
    told = SignerSettings(folder=folder / "signer", socket=folder / "s.sock")
    stop = threading.Event()
    thread = threading.Thread(target=signer_service.run, args=(told, stop))
    thread.start()
    assert ports.wait_until(told.socket.is_socket, timeout_s=30)
    yield told.socket
    stop.set()
    thread.join(20)


@pytest.fixture
def console(
    database, made_up: MadeUp, clock: Clock, signer_socket: Path, tmp_path: Path
) -> Iterator[Console]:
    """Serve a console on which gateways can enrol too."""
    authority_file = tmp_path / "authority.pem"
    authority_file.write_text("-----BEGIN CERTIFICATE-----\n", encoding="ascii")
    told = CcmLinkSettings(
        gateway_broker_host="broker.example.org",
        service_authority_file=authority_file,
        signer_socket=signer_socket,
    )
    with console_server.serve(database.conninfo, clock, told) as found:
        yield found


@pytest.fixture
def tokens(connect: Connect, made_up: MadeUp) -> dict[Role, str]:
    """Sign one person of every role in."""
    casey = made_up.staff["casey"]
    amalia = made_up.patients["amalia"]
    found = {}
    with connect("postgres") as connection, connection.cursor() as cur:
        for role in Role:
            person: dict[str, UUID] = {}
            if role in HOME_ROLES:
                person["person_id"] = people.add_home_person(
                    cur,
                    made_up.practice_id,
                    amalia,
                    role=role,
                    display_name="Amalia",
                    added_by=casey,
                    at=NOW,
                )
            else:
                person["staff_id"] = made_up.staff[STAFF[role]]
            found[role] = f"session of the {role}".replace(" ", "-")
            session_store.open_session(
                cur,
                made_up.practice_id,
                **person,
                token_sha256=hashlib.sha256(found[role].encode()).digest(),
                signed_in_by=SignedInBy.PASSWORD_AND_TOTP,
                at=NOW,
            )
    return found


@dataclass(frozen=True)
class Practices:
    """Ids by column that a request may name, and the words of the other practice that no answer may say."""

    own: dict[str, list[str]]
    foreign: dict[str, list[str]]
    foreign_words: frozenset[str]


@pytest.fixture
def practices(connect: Connect, made_up: MadeUp) -> Practices:
    """Collect ids and names from every table that has a practice."""
    found: dict[tuple[bool, str], set[str]] = {}
    with connect("postgres") as connection:
        columns = connection.execute(
            "select format('%I.%I', c.table_schema, c.table_name), c.column_name"
            " from information_schema.columns c"
            " join information_schema.columns p using (table_schema, table_name)"
            " join information_schema.tables t using (table_schema, table_name)"
            " where p.column_name = 'practice_id' and t.table_type = 'BASE TABLE' and (c.data_type = 'uuid'"
            " or c.column_name in ('name', 'display_name', 'record_number', 'label', 'gateway_id'))"
        ).fetchall()
        for table, column in columns:
            rows = connection.execute(
                f"select distinct practice_id = %s, {column}::text from {table}"
                f" where practice_id <> %s and {column} is not null",
                (made_up.practice_id, UUID(int=0)),
            )
            for is_own, text in rows:
                found.setdefault((is_own, column), set()).add(text)
    own, foreign = (
        {column: sorted(texts) for (is_own, column), texts in found.items() if is_own is whose}
        for whose in (True, False)
    )
    known = {text for texts in own.values() for text in texts}
    words = {text for texts in foreign.values() for text in texts if len(text) > 4}
    return Practices(own, foreign, frozenset(words - known))


class Inspection:
    """Sends cases as one person, or as nobody, and looks at the answers."""

    def __init__(self, console: Console, practices: Practices, who: str, token: str | None) -> None:
        self.console, self.practices, self.who = console, practices, who
        self.cookies = {} if token is None else {COOKIE: token}
        self.answered: Counter[int] = Counter()
        self.faults: dict[str, str] = {}
        self._whose = itertools.cycle(("own", "foreign", "as drawn"))

    def operations(self) -> list[Any]:
        """Return the operations of the API's own description; signing out comes last."""
        description = httpx.get(
            f"{self.console.address}/api/v1/openapi.json", cookies=self.cookies, headers=SAME_ORIGIN
        ).json()
        schema = schemathesis.openapi.from_dict(
            description,
            config=SchemathesisConfig.from_dict(
                {
                    "generation": {"deterministic": True, "with-security-parameters": False},
                    "checks": {
                        "positive_data_acceptance": {"expected-statuses": REFUSALS_OF_GOOD_REQUESTS}
                    },
                    "phases": {"coverage": {"unexpected-methods": UNEXPECTED_METHODS}},
                    "operations": [
                        {
                            "include-path": path,
                            "checks": {
                                "positive_data_acceptance": {
                                    "expected-statuses": [*REFUSALS_OF_GOOD_REQUESTS, "400"]
                                }
                            },
                        }
                        for path in WITH_SEALED
                    ],
                }
            ),
        )
        found = [result.ok() for result in schema.get_all_operations()]
        return sorted(found, key=lambda one: (one.path.endswith("/session"), one.method))

    def look_at(self, operation: Any) -> None:
        """Send everything to one operation."""
        # What is limited is tested elsewhere; here it would hide the rest.
        self.console.app.state.rate_limits = RateLimits()
        if self.who == Role.CARE_MANAGER:
            config = operation.schema.config.generation_for(operation=operation)
            for case in operation.schema.iter_coverage_cases(
                operation, generation_modes=list(GenerationMode), generation_config=config
            ):
                self.send(case)
        self._draw(operation, GenerationMode.POSITIVE)
        has_input = bool(operation.body or list(operation.iter_parameters()))
        if has_input and self.who in GO_FURTHER:
            self._draw(operation, GenerationMode.NEGATIVE)

    def _draw(self, operation: Any, mode: GenerationMode) -> None:
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode))
        def drawn(case: Case) -> None:
            self.send(case)

        drawn()

    def send(self, case: Case) -> None:
        """Send one case and note what is wrong with the answer."""
        self._put_ids(case)
        _bound(case)
        answer = case.call(base_url=self.console.address, cookies=self.cookies, headers=SAME_ORIGIN)
        self.answered[answer.status_code] += 1
        where = f"{self.who}: {case.operation.label}"
        told = f"{answer.headers} {answer.text}"
        if any(word in told for word in self.practices.foreign_words):
            self.faults[f"{where}: tells of another practice"] = told
        try:
            case.validate_response(
                answer, headers=SAME_ORIGIN, transport_kwargs={"cookies": self.cookies}
            )
        except FailureGroup as group:
            for failure in group.exceptions:
                self.faults.setdefault(f"{where}: {failure.title}", str(group))

    def _put_ids(self, case: Case) -> None:
        """Put ids that exist into good requests: drawn ones would all be unknown."""
        whose = next(self._whose)
        is_good = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
        if whose == "as drawn" or not is_good:
            return
        known = self.practices.own if whose == "own" else self.practices.foreign
        for container in (case.path_parameters, case.body):
            if isinstance(container, dict):
                for name in container.keys() & known.keys():
                    container[name] = known[name][self.answered.total() % len(known[name])]


def _bound(case: Case) -> None:
    """Let a stream end at once: whoever asks for an hour of it gets an hour."""
    if case.operation.path == STREAM and isinstance(case.query, dict):
        seconds = str(case.query.get("seconds", "3600"))
        if seconds.isdecimal() and 1 <= int(seconds) <= 3600:
            case.query["seconds"] = 1


@pytest.mark.timeout(600)
def test_every_answer_is_as_described_and_tells_nothing_of_another_practice(
    console: Console, practices: Practices, tokens: dict[Role, str]
) -> None:
    described = Inspection(console, practices, NOBODY, tokens[Role.CARE_MANAGER]).operations()
    assert len(practices.foreign_words) > 5
    faults: dict[str, str] = {}
    answered = {}
    for who in (NOBODY, *Role):
        inspection = Inspection(console, practices, who, tokens.get(who))
        for operation in described:
            inspection.look_at(operation)
        faults |= inspection.faults
        answered[who] = inspection.answered
    assert faults == {}, "\n".join(f"{where}\n{told}" for where, told in faults.items())
    # Good requests did get through, and everybody else was held up.
    assert answered[Role.CARE_MANAGER][200] > 0
    assert answered[Role.CARE_MANAGER][201] > 0
    for who in (NOBODY, Role.AUDITOR, Role.PATIENT):
        assert answered[who][200] + answered[who][201] == 0, who
