"""Each statement about people, their credentials and their sessions runs with the rights of the role that needs it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from ingest import named_queries
from tests import scopes

pytestmark = pytest.mark.db

Runs = dict[str, tuple[str, dict[str, Any]]]

AT = datetime(2026, 3, 10, tzinfo=UTC)
ID, NEW_ID, BYTES, GATEWAY = uuid4(), uuid4(), b"\0", "gw-aaaa1111"
SOMEBODYS = {"practice_id": ID}
STAFF = {"staff_id": ID, **SOMEBODYS}
ACCOUNT = {"person_id": None, **STAFF}
ENDED = dict.fromkeys(
    ("staff_idle_since", "staff_created_since", "home_idle_since", "home_created_since"), AT
)
UNASKED = dict.fromkeys(
    ("family_name", "given_names", "administrative_gender", "birth_sex", "language")
)
OWNER, CONSOLE = "homevitals_owner", "homevitals_console"
ENTRANCE, SCHEDULER, ALERTS = "homevitals_entrance", "homevitals_scheduler", "homevitals_alerts"

# Statement → role, parameters. A practice with the id ID, a patient and a member of staff of it are there.
PEOPLE: Runs = {
    "add_practice": (
        OWNER,
        {"practice_id": NEW_ID, "slug": "another", "name": "n", "time_zone": "UTC"},
    ),
    "practice": (CONSOLE, SOMEBODYS),
    "practice_by_slug": (ENTRANCE, {"slug": "elm"}),
    "practices": (ENTRANCE, {}),
    "add_staff": (
        CONSOLE,
        {
            "sign_in_name": "s",
            "display_name": "d",
            "role": "auditor",
            "password_argon2": None,
            **SOMEBODYS,
        },
    ),
    "staff": (CONSOLE, SOMEBODYS),
    "change_role": (CONSOLE, {"role": "operator", "former_role": "auditor", **STAFF}),
    "disable_staff": (CONSOLE, {"at": AT, **STAFF}),
    "add_home_person": (
        CONSOLE,
        {
            "patient_id": ID,
            "role": "carer",
            "display_name": "d",
            "added_by": ID,
            "at": AT,
            **SOMEBODYS,
        },
    ),
    "home_people": (CONSOLE, {"patient_id": ID, **SOMEBODYS}),
    "home_person": (ENTRANCE, {"person_id": ID, **SOMEBODYS}),
    "disable_home_person": (CONSOLE, {"person_id": ID, "at": AT, **SOMEBODYS}),
    "add_patient": (
        CONSOLE,
        {
            "display_name": "d",
            "born_on": date(1950, 1, 2),
            "record_number": "r",
            "time_zone": "UTC",
            **UNASKED,
            **SOMEBODYS,
        },
    ),
    "patient": (CONSOLE, {"patient_id": ID, **SOMEBODYS}),
    "patients": (CONSOLE, {"standings": ["active"], **SOMEBODYS}),
    "add_peripheral": (
        CONSOLE,
        {"bluetooth_address": "AA:BB:CC:DD:EE:02", "profile_id": "x", **SOMEBODYS},
    ),
}
SESSION_STORE: Runs = {
    "one_sign_in_at_a_time": (ENTRANCE, {"account_id": ID}),
    "open_session": (
        ENTRANCE,
        {"token_sha256": BYTES, "at": AT, "signed_in_by": "password", **ACCOUNT},
    ),
    "end_oldest_sessions": (ENTRANCE, {"kept": 5, **ACCOUNT}),
    "use_session": (ENTRANCE, {"token_sha256": BYTES, "at": AT, **ENDED}),
    "look_at_session": (ENTRANCE, {"token_sha256": BYTES, **ENDED}),
    "prove_again": (
        ENTRANCE,
        {
            "token_sha256": BYTES,
            "new_token_sha256": BYTES,
            "signed_in_by": "password",
            "at": AT,
            **STAFF,
        },
    ),
    "close_session": (ENTRANCE, {"token_sha256": BYTES}),
    "end_sessions": (CONSOLE, {"kept_sha256": None, **ACCOUNT}),
    "delete_ended_sessions": (SCHEDULER, ENDED),
}
CREDENTIALS: Runs = {
    "find_staff": (ENTRANCE, {"slug": "elm", "sign_in_name": "s"}),
    "staff_account": (CONSOLE, STAFF),
    "find_linked_staff": (ENTRANCE, {"issuer": "i", "subject": "s", **SOMEBODYS}),
    "set_password": (ENTRANCE, {"password_argon2": "y", "former_argon2": "x", **STAFF}),
    "set_totp": (ENTRANCE, {"totp_sealed": BYTES, "step": 1, "at": AT, **STAFF}),
    "use_totp_step": (ENTRANCE, {"step": 1, **STAFF}),
    "reset_totp": (CONSOLE, STAFF),
    "link_identity": (ENTRANCE, {"issuer": "https://i", "subject": "s", **STAFF}),
    "set_identity_provider": (
        OWNER,
        {
            "issuer": "https://i",
            "client_id": "c",
            "second_factor_amr": ["mfa"],
            **SOMEBODYS,
        },
    ),
    "identity_provider": (ENTRANCE, {"slug": "elm"}),
}
OF_PATIENT = {"patient_id": ID, **SOMEBODYS}
STANDING: Runs = {
    "hold": (CONSOLE, OF_PATIENT),
    "record": (
        CONSOLE,
        {
            "standing": "transferred",
            "since_at": AT,
            "died_on": None,
            "died_at": None,
            "transferred_to": "t",
            "reason": "r",
            "recorded_by": "c",
            "at": AT,
            **OF_PATIENT,
        },
    ),
    "withdraw": (
        CONSOLE,
        {"standing_id": ID, "why": "w", "withdrawn_by": "c", "at": AT, **OF_PATIENT},
    ),
    "history": (CONSOLE, OF_PATIENT),
    "not_active": (ALERTS, {"patient_ids": [ID], **SOMEBODYS}),
    "measured_since": (CONSOLE, {"since": AT, "at": AT, **OF_PATIENT}),
    "not_active_of_practice": (CONSOLE, {"at": AT, **SOMEBODYS}),
}
PATIENT_IDENTITY: Runs = {
    "hold": (CONSOLE, OF_PATIENT),
    "correct": (
        CONSOLE,
        {
            "display_name": "d",
            "born_on": date(1950, 1, 2),
            "record_number": "2",
            "time_zone": "UTC",
            **UNASKED,
            **OF_PATIENT,
        },
    ),
    "keep_change": (
        CONSOLE,
        {
            "at": AT,
            "changed_by": "c",
            "reason": "r",
            "before": Jsonb({"record_number": "1"}),
            "after": Jsonb({"record_number": "2"}),
            **OF_PATIENT,
        },
    ),
    "history": (CONSOLE, OF_PATIENT),
}
FILES = {
    "people": PEOPLE,
    "session_store": SESSION_STORE,
    "credentials": CREDENTIALS,
    "standing": STANDING,
    "patient_identity": PATIENT_IDENTITY,
}


@pytest.mark.parametrize("file", FILES)
def test_every_statement_has_a_run_here_and_a_use_in_its_module(file: str) -> None:
    text = (resources.files("ingest") / f"{file}.py").read_text(encoding="utf-8")

    assert set(named_queries.load("ingest", file)) == set(FILES[file])
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(FILES[file])
    assert not re.search(r"\"(select|insert|update|delete|copy|with) ", text)


@pytest.mark.parametrize(
    ("file", "name"), [(file, name) for file, runs in FILES.items() for name in runs]
)
def test_statement_runs_with_the_rights_of_its_role(
    database: Any, owner: Any, file: str, name: str
) -> None:
    role, parameters = FILES[file][name]
    owner.execute("insert into ingest.practice values (%s, 'p', 'UTC', 'elm')", (ID,))
    owner.execute(
        "insert into ingest.peripheral values (%s, %s, 'AA:BB:CC:DD:EE:01', 'x')", (ID, ID)
    )
    owner.execute(
        "insert into ingest.patient values (%s, %s, 'd', '1950-01-02', '1', 'UTC')", (ID, ID)
    )
    owner.execute(
        "insert into ingest.staff values (%s, %s, 'casey', 'd', 'auditor', 'x')", (ID, ID)
    )

    with database.connect(role) as connection:
        # The entrance finds out whose a thing is, so it works for nobody.
        if role in {OWNER, CONSOLE, ALERTS}:
            scopes.work_for(connection, parameters.get("practice_id", ID))
        connection.execute(getattr(named_queries.load("ingest", file), name), parameters)
