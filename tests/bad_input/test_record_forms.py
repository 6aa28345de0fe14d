"""What may not be posted to a patient's record, form by form: refused in our words, and nothing is stored."""

from __future__ import annotations

from html import unescape

import httpx
import pytest

from tests.console_bodies_record import BODIES
from tests.made_up_practice import Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

RECORD = "POST /patients/{patient_id}/record"
# Route, what is changed of a right form, status, words.
FORMS = {
    "a name of nothing": ("POST /patients", {"display_name": " "}, "Fill this in."),
    "a name that reads otherwise": ("POST /patients", {"display_name": "A\u202eB"}, "invisible"),
    "a name of 4 kB": ("POST /patients", {"display_name": "x" * 4000}, "At most 200"),
    "born in 1066": ("POST /patients", {"born_on": "1066-10-14"}, "Write a date like"),
    "born on no day": ("POST /patients", {"born_on": "1950-02-30"}, "Write a date"),
    "no such zone": ("POST /patients", {"time_zone": "../etc/passwd"}, "no such time zone"),
    "no such gender": ("POST /patients", {"administrative_gender": "F"}, "Choose one"),
    "no such language": ("POST /patients", {"language": "Spanish"}, "BCP 47"),
    "a field of nobody": ("POST /patients", {"patient_id": "7"}, "no such field"),
    "two lines": ("POST /patients", {"record_number": "a\nb"}, "one line"),
    "a version that is none": (f"{RECORD}/identity", {"based_on": "-1"}, "whole number"),
    "a reason of nothing": (f"{RECORD}/identity", {"reason": ""}, "Fill this in."),
    "a standing of nobody": (f"{RECORD}/standing", {"standing": "gone"}, "Choose one"),
    "transferred to nobody": (f"{RECORD}/standing", {"standing": "transferred"}, "Say who cares"),
    "inactive to somebody": (f"{RECORD}/standing", {"transferred_to": "Elm"}, "Say who cares"),
    "a time of no day": (f"{RECORD}/standing", {"since_time": "10:00"}, "Say the day"),
    "no MBI": (f"{RECORD}/identifiers", {"number": "1EG4-TE5-MK7"}, "as on the card"),
    "a number of no system": (f"{RECORD}/identifiers", {"identifier_kind": "U"}, "its system"),
    "a rank beyond": (f"{RECORD}/coverage", {"rank": "10"}, "from 1 to 9"),
    "other digits": (f"{RECORD}/coverage", {"rank": "١"}, "from 1 to 9"),
    "a payer without a name": (f"{RECORD}/coverage", {"payer_name": ""}, "has a name"),
    "ends before it begins": (f"{RECORD}/coverage", {"covered_until": "2025-12-31"}, "last day"),
    "no telephone": (f"{RECORD}/telecoms", {"reached_at": "'; drop table"}, "telephone number"),
    "a text to an e-mail": (
        f"{RECORD}/telecoms",
        {"telecom_kind": "email", "reached_at": "a@b.org", "may_text": "yes"},
        "telephone number",
    ),
    "no country": (f"{RECORD}/address", {"country": "USA"}, "two capital letters"),
    "a street in two lines": (f"{RECORD}/address", {"street": "1\n2"}, "one line"),
    "no relative": (f"{RECORD}/related", {"relationship": "DOG"}, "Choose one"),
    "a carer's number": (f"{RECORD}/related", {"related_phone": "112"}, "telephone number"),
}


def test_each_form_of_the_record_refuses_what_cannot_be(
    casey: httpx.Client, made_up: MadeUp, connect: Connect, subtests: pytest.Subtests
) -> None:
    def state() -> list[tuple[int, ...]]:
        with connect("postgres") as connection:
            return connection.execute(
                "select (select count(*) from ingest.patient), (select count(*) from ingest.patient_standing),"
                " (select count(*) from ingest.patient_change), (select count(*) from ccm.coverage),"
                " (select count(*) from ccm.patient_identifier), (select count(*) from ccm.telecom),"
                " (select count(*) from ccm.postal_address), (select count(*) from ccm.related_person)"
            ).fetchall()

    before = state()
    for case, (route, changed, words) in FORMS.items():
        with subtests.test(case):
            address = route.removeprefix("POST ").format(patient_id=made_up.patients["noor"])
            answer = casey.post(address, data=BODIES[route] | changed)
            assert answer.status_code == 422
            assert words in unescape(answer.text)
    assert state() == before
