from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from ccm_link import work
from ccm_link.billing import facts, rule_book
from ccm_link.billing.rows import Per, Program
from ccm_link.minutes import credentials, month_work, time_errors, time_programs
from ccm_link.minutes.contact import Contact, Counterpart, Method, Outcome
from ccm_link.minutes.credentials import Credential, Employer, NewCredential
from ccm_link.minutes.time_errors import CredentialReason

RULES = rule_book.read(rule_book.shipped()).on(date(2026, 11, 1))


def test_activities_are_those_of_the_tables_and_help_with_devices() -> None:
    counted = {name for one in RULES.of(Program) for name in one.row.activities}
    assert counted == set(work.Activity) - {work.Activity.DEVICE_SUPPORT}


@pytest.mark.parametrize(("year", "is_rpm_there"), [(2099, True), (2016, False), (2001, False)])
def test_work_is_written_down_for_programs_whether_or_not_the_year_has_a_table(
    year: int, is_rpm_there: bool
) -> None:
    found = time_programs.titles(datetime(year, 1, 1, tzinfo=UTC))
    assert "ccm" in found
    assert ("rpm" in found) is is_rpm_there


def test_programs_by_blocks_are_those_of_the_tables() -> None:
    blocks = [one.row.name for one in RULES.of(Program) if one.row.per is Per.BLOCK]
    assert blocks == list(month_work.BLOCK_PROGRAMS)


def test_contacts_are_in_the_words_of_billing_and_one_for_what_nobody_said() -> None:
    for ours, billed in (
        (Method, facts.Method),
        (Counterpart, facts.Counterpart),
        (Outcome, facts.Outcome),
    ):
        assert {one.value for one in ours} == {one.value for one in billed} | {"unknown"}


@pytest.mark.parametrize(
    ("method", "counterpart", "outcome"),
    [
        pytest.param("chart_work", "patient", "not_a_contact", id="chart with somebody"),
        pytest.param("phone", "nobody", "reached", id="call to nobody"),
        pytest.param("phone", "patient", "not_a_contact", id="call that is none"),
        pytest.param("letter", "patient", "voicemail", id="voicemail of a letter"),
        pytest.param("in_person", "patient", "no_answer", id="no answer in person"),
        pytest.param("unknown", "patient", "reached", id="half unknown"),
    ],
)
def test_contradictions_are_refused(method: str, counterpart: str, outcome: str) -> None:
    with pytest.raises(time_errors.BadContact):
        Contact.of(method, counterpart, outcome)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        # 24 for the prefix, 2 + 2 + 6 + 4 + 1 + 6 + 5 + 8 + 9 for the digits: 67, and 3 makes 70.
        pytest.param("1234567893", "1234567893", id="the standard's example"),
        pytest.param(" 1234 567-893 ", "1234567893", id="with blanks"),
    ],
)
def test_provider_number_is_taken_when_its_check_digit_is_right(typed: str, number: str) -> None:
    assert credentials.provider_number(typed) == number


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("1234567890", id="wrong check digit"),
        pytest.param("1234567983", id="two digits changed places"),
        pytest.param("123456789", id="nine digits"),
        pytest.param("12345678933", id="eleven digits"),
        pytest.param("3234567891", id="begins with 3"),
        pytest.param("1234567८93", id="digits of another script"),
        pytest.param("", id="nothing"),
    ],
)
def test_other_numbers_are_refused(typed: str) -> None:
    with pytest.raises(time_errors.BadProviderNumber):
        credentials.provider_number(typed)


def test_every_single_wrong_digit_is_found() -> None:
    right = "1234567893"
    for place in range(1, 10):
        for digit in "0123456789":
            if digit != right[place]:
                with pytest.raises(time_errors.BadProviderNumber):
                    credentials.provider_number(right[:place] + digit + right[place + 1 :])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param(
            {"billing_role": facts.StaffRole.QUALIFIED_PROFESSIONAL},
            CredentialReason.ROLE,
            id="nurse who bills as a physician",
        ),
        pytest.param(
            {"billing_role": facts.StaffRole.UNATTENDED}, CredentialReason.ROLE, id="no person"
        ),
        pytest.param({"may_bill": True}, CredentialReason.NUMBER, id="bills without a number"),
        pytest.param({"supervises_oneself": True}, CredentialReason.SUPERVISOR, id="oneself"),
    ],
)
def test_credentials_that_contradict_themselves_are_refused(
    changed: dict[str, Any], reason: CredentialReason
) -> None:
    staff_id = uuid4()
    columns: dict[str, Any] = {
        "practice_id": uuid4(),
        "staff_id": staff_id,
        "credential": Credential.RN,
        "billing_role": facts.StaffRole.CLINICAL_STAFF,
        "npi": None,
        "employer": Employer.OWN,
        "supervisor_staff_id": staff_id if changed.pop("supervises_oneself", False) else None,
        "may_bill": False,
        "exclusion_checked_on": None,
        "from_at": datetime(2026, 1, 1, tzinfo=UTC),
    } | changed
    with pytest.raises(time_errors.BadCredential) as raised:
        NewCredential(**columns)
    assert raised.value.reason is reason


@pytest.mark.parametrize("credential", Credential)
def test_every_credential_has_a_name(credential: Credential) -> None:
    assert credentials.NAMES[credential]
