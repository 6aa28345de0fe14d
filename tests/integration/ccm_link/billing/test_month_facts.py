"""A patient's month through the real database: minutes, days, two programs, a midnight, a clock change.

And, one by one, what the only open timer of this kind gets wrong (read at commit 3d1e568 of its repository): each of it
is a way in which a month would be billed that should not be.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ccm_link.billing.fates import Fate
from ccm_link.billing.proposal import Why
from ccm_link.claim import claim_proposals, month_facts, month_proposals, site_tables
from ccm_link.claim.month_proposals import WorkedOut
from ccm_link.month import Month
from tests.billing_practice import BillingPractice, add_patient

pytestmark = pytest.mark.db

NEW_YORK = ZoneInfo("America/New_York")
NOVEMBER = Month(2026, 11)
CLOSED = datetime(2026, 12, 2, 12, tzinfo=UTC)


def local(day: int, hour: int, minute: int = 0, second: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=NEW_YORK).astimezone(UTC)


def found(practice: BillingPractice, month: Month = NOVEMBER, at: datetime = CLOSED) -> WorkedOut:
    with practice.console.transaction():
        one = month_proposals.of_patient(
            practice.console.cursor(),
            practice.practice_id,
            practice.patient_id,
            month,
            site_tables.load(""),
            at,
        )
    assert one is not None
    return one


def units(
    practice: BillingPractice, month: Month = NOVEMBER, at: datetime = CLOSED
) -> dict[str, int]:
    return {line.code: line.count for line in found(practice, month, at).proposal.proposed}


def fates(practice: BillingPractice) -> dict[Fate, int]:
    return {one.fate: one.seconds for one in found(practice).proposal.set_aside}


def test_a_worked_example_from_the_store_to_the_units(billing: BillingPractice) -> None:
    billing.enrol("ccm")
    billing.enrol("rpm")
    billing.monitor(date(2026, 10, 20))
    # The clocks go back on 1 November: from 1:30 to 1:40 by their face, 70 minutes.
    billing.work("ccm", datetime(2026, 11, 1, 5, 30, tzinfo=UTC), 70 * 60)
    # From 23:50 on the 30th to 0:10: ten minutes are November's.
    billing.work("ccm", local(30, 23, 50), 20 * 60)
    billing.call("rpm", local(10, 9), 12 * 60 + 30)
    billing.work("rpm", local(11, 9), 7 * 60 + 29, activity="reading_review")
    billing.measure(date(2026, 10, 20), days=16)
    # Twice on a day is one day; what nobody's device sent, or has no time, is none.
    billing.measure(date(2026, 10, 20), hour=20)
    billing.measure(date(2026, 11, 10), origin="import")
    billing.measure(date(2026, 11, 11), time_quality="unknown")
    billing.measure(date(2026, 11, 12), result="not_measurable")
    billing.measure(date(2026, 11, 13), result="control_solution")
    one = found(billing)
    assert one.proposal.counted["ccm"].seconds == 80 * 60
    assert one.proposal.counted["rpm"].seconds == 19 * 60 + 59
    # 80 minutes: the first 20 and two further 20, the cap; a second short of 20 is 99470, not 99457; 16 days are 99454.
    assert {line.code: line.count for line in one.proposal.proposed} == {
        "99490": 1,
        "99439": 2,
        "99470": 1,
        "99454": 1,
    }
    (missing,) = [each for each in one.proposal.missing if each.code == "99457"]
    assert missing.words == "1 s missing when the period ended on 30 November"
    block = one.proposal.blocks[0]
    assert (block.block.first_on, block.block.last_on) == (date(2026, 10, 20), date(2026, 11, 18))
    assert [len(day.reading_ids) for day in block.days] == [2, *([1] * 15)]
    assert block.not_counted == {"imported": 1}
    assert one.proposal.undated_readings == 1
    assert found(billing, Month(2026, 12)).proposal.counted["ccm"].seconds == 10 * 60


def test_a_set_up_is_proposed_once_in_an_episode_and_asked_about_where_nobody_knows(
    billing: BillingPractice,
) -> None:
    billing.enrol("rpm")
    billing.monitor(date(2026, 10, 20), billed=None)
    billing.measure(date(2026, 10, 20), days=3)
    one = found(billing)
    assert [line.code for line in one.proposal.held] == ["99453"]
    assert Why.SET_UP in {hold.why for hold in one.proposal.holds}
    # A month later it belongs to the block before, whose days are looked at again: one reading of each is enough. The
    # block that runs then ends in a year without a table, and is no reason to say nothing of the month.
    billing.measure(date(2026, 11, 20), days=3)
    december = found(billing, Month(2026, 12), datetime(2027, 1, 2, tzinfo=UTC)).proposal
    assert not {line.code for line in (*december.held, *december.proposed)} & {"99453"}


def test_a_set_up_that_a_later_month_billed_is_not_billed_again(billing: BillingPractice) -> None:
    billing.enrol("rpm")
    billing.monitor(date(2026, 10, 1), billed=False)
    billing.measure(date(2026, 11, 1), days=3)
    november = found(billing)
    assert "99453" in {line.code for line in november.proposal.proposed}
    cur, practice_id = billing.console.cursor(), billing.practice_id
    with billing.console.transaction():
        claim_proposals.propose(cur, practice_id, NOVEMBER, [november], CLOSED)
    billing.owner.execute(
        "update ccm.claim set state = 'attested', tables = 'x', tables_sha256 = ''"
    )
    billing.owner.commit()
    assert "99453" in units(billing), "its own month still says so"
    # Readings of October come late.
    billing.measure(date(2026, 10, 2), days=3)
    assert units(billing, Month(2026, 10)) == {"99445": 1}


def test_what_is_not_recorded_stays_unknown(billing: BillingPractice) -> None:
    one = found(billing)
    assert one.known.diagnoses is None
    assert one.known.programs == ()
    assert (one.known.site, one.known.prefers_personal, one.payer) == ("office", False, None)
    billing.diagnose("I10", "E11.9")
    billing.insert(
        "ccm.coverage",
        patient_id=billing.patient_id,
        kind="commercial",
        payer_name="Elm & Oak Health, Inc.",
        payer_id="99999",
        rank=1,
        covered_from=date(2026, 1, 1),
        recorded_by="x",
        recorded_at=CLOSED,
    )
    billing.owner.commit()
    assert found(billing).known.diagnoses == ("E11.9", "I10")
    assert found(billing).payer == "Elm & Oak Health, Inc.", (
        "as the file of its own rules is called"
    )


def test_death_a_stay_and_another_patient_take_seconds_away(billing: BillingPractice) -> None:
    billing.enrol("ccm")
    with billing.owner.cursor() as cur:
        other = add_patient(cur, billing.practice_id, "Adler, Finn")
    billing.work("ccm", local(5, 9), 30 * 60)
    billing.work("ccm", local(5, 9, 20), 20 * 60, patient_id=other, entered="external", reason="x")
    billing.work("ccm", local(6, 9), 10 * 60)
    billing.work("ccm", local(20, 9), 10 * 60)
    billing.insert(
        "ccm.stay",
        patient_id=billing.patient_id,
        kind="inpatient",
        facility="x",
        source="x",
        admitted_at=local(6, 9, 5),
        discharged_at=local(7, 9),
        recorded_by=billing.nurse,
        recorded_at=local(7, 9),
        discharge_recorded_by=billing.nurse,
        discharge_recorded_at=local(7, 9),
        contact_due_at=local(9, 9),
    )
    billing.insert(
        "ingest.patient_standing",
        patient_id=billing.patient_id,
        standing="deceased",
        since_at=local(20, 9, 4),
        died_on=date(2026, 11, 20),
        died_at=local(20, 9, 4),
        reason="x",
        recorded_by="x",
        recorded_at=local(21, 9),
    )
    billing.owner.commit()
    one = found(billing)
    assert one.known.died_at == local(20, 9, 4)
    assert fates(billing) == {
        Fate.TWO_PATIENTS: 10 * 60,
        Fate.INPATIENT: 5 * 60,
        Fate.AFTER_DEATH: 6 * 60,
    }
    assert one.proposal.counted["ccm"].seconds == (20 + 5 + 4) * 60


def test_everybody_who_can_have_something_to_bill_is_asked_about(billing: BillingPractice) -> None:
    with billing.owner.cursor() as cur:
        others = [add_patient(cur, billing.practice_id, name) for name in "ABCD"]
    billing.owner.commit()
    enrolled, worked_for, monitored, nobody = others
    billing.enrol("ccm", patient_id=enrolled)
    billing.work(None, local(5, 9), 60, patient_id=worked_for)
    billing.monitor(date(2026, 11, 30), patient_id=monitored)
    billing.enrol("ccm", patient_id=nobody, at=local(2, 9, month=12))
    with billing.console.transaction():
        cur = billing.console.cursor()
        asked = month_facts.patients_of_month(cur, billing.practice_id, NOVEMBER)
        every = month_facts.of_patients(cur, billing.practice_id, None, NOVEMBER)
    assert set(asked) == set(every) == {enrolled, worked_for, monitored}


# What the only open timer gets wrong.


def test_nothing_is_rounded_up(billing: BillingPractice) -> None:
    billing.enrol("ccm")
    billing.work("ccm", local(5, 9), 19 * 60 + 59)
    assert units(billing) == {}
    assert found(billing).proposal.missing[0].seconds == 1


def test_further_units_have_their_cap(billing: BillingPractice) -> None:
    billing.enrol("ccm")
    for day in range(2, 7):
        billing.work("ccm", local(day, 9), 40 * 60)
    assert units(billing) == {"99490": 1, "99439": 2}


def test_the_month_is_the_practices_not_that_of_utc(billing: BillingPractice) -> None:
    billing.enrol("ccm")
    billing.work("ccm", local(31, 22, month=10), 20 * 60)  # 1 November in UTC
    assert units(billing) == {}
    assert units(billing, Month(2026, 10)) == {"99490": 1}


def test_a_voided_entry_counts_no_more_and_parallel_ones_count_once(
    billing: BillingPractice,
) -> None:
    billing.enrol("ccm")
    billing.work("ccm", local(5, 9), 15 * 60)
    slip = billing.work("ccm", local(6, 9), 15 * 60)
    billing.work("ccm", local(5, 9, 5), 15 * 60, staff_id=billing.doctor)
    assert found(billing).proposal.counted["ccm"].seconds == 35 * 60
    billing.void(slip)
    assert found(billing).proposal.counted["ccm"].seconds == 20 * 60
    assert fates(billing) == {Fate.VOIDED: 15 * 60, Fate.COUNTED_ALREADY: 10 * 60}


def test_no_second_is_dropped_from_a_span_over_midnight(billing: BillingPractice) -> None:
    billing.enrol("ccm")
    billing.work("ccm", local(5, 20), 8 * 3600)
    assert found(billing).proposal.counted["ccm"].seconds == 8 * 3600


@pytest.mark.parametrize(
    ("changed", "fate"),
    [
        pytest.param({"billing_role": "non_clinical"}, Fate.NOT_CLINICAL, id="front desk"),
        pytest.param({"billing_role": "unattended"}, Fate.NOT_CLINICAL, id="a program alone"),
        pytest.param({"billing_role": "unknown"}, Fate.UNKNOWN_ROLE, id="nobody knows who"),
        pytest.param({"activity": "device_support"}, Fate.OTHER_WORK, id="help with a device"),
        pytest.param({"needs_approval": True}, Fate.NOT_APPROVED, id="not approved"),
    ],
)
def test_whose_work_and_which_matters(
    billing: BillingPractice, changed: dict[str, object], fate: Fate
) -> None:
    billing.enrol("ccm")
    billing.work("ccm", local(5, 9), 20 * 60, **changed)
    assert fates(billing) == {fate: 20 * 60}
    assert units(billing) == {}


def test_without_consent_plan_or_program_nothing_is_proposed(billing: BillingPractice) -> None:
    billing.work("ccm", local(2, 9), 20 * 60)
    assert fates(billing) == {Fate.NOT_ENROLLED: 20 * 60}
    billing.enrol("ccm", at=local(3, 9))
    billing.work("ccm", local(4, 9), 20 * 60)
    assert units(billing) == {"99490": 1}
    billing.insert(
        "ccm.attestation",
        patient_id=billing.patient_id,
        requirement="two_conditions",
        is_met=False,
        basis="x",
        from_on=date(2026, 11, 1),
        attested_by="x",
        attested_at=local(5, 9),
    )
    billing.owner.commit()
    assert units(billing) == {}
    (hold,) = [one for one in found(billing).proposal.holds if one.why is Why.REQUIREMENT]
    assert hold.stops


def test_a_second_goes_to_one_program_at_most(billing: BillingPractice) -> None:
    billing.enrol("ccm")
    billing.enrol("rpm")
    billing.work("ccm", local(5, 9), 20 * 60)
    billing.call("rpm", local(5, 9, 10), 20 * 60, staff_id=billing.doctor)
    assert fates(billing) == {Fate.TWO_PROGRAMS: 10 * 60}
    assert units(billing) == {"99470": 1}


def test_a_second_of_the_month_before_goes_to_one_program_at_most(billing: BillingPractice) -> None:
    # The block runs from 20 October to 18 November: what was interpreted in October is November's, what else was done
    # then is October's, and one second is not both's.
    billing.enrol("ccm")
    billing.enrol("data_review")
    billing.monitor(date(2026, 10, 20))
    own = {"billing_role": "qualified_professional", "activity": "reading_review"}
    at = local(25, 9, month=10)
    billing.work("data_review", at, 40 * 60, staff_id=billing.doctor, **own)
    billing.work("ccm", at, 20 * 60)
    other = local(26, 9, month=10)
    billing.work("data_review", other, 600, staff_id=billing.doctor, **own)
    with billing.owner.cursor() as cur:
        finn = add_patient(cur, billing.practice_id, "Adler, Finn")
    billing.work(
        None, other, 60, patient_id=finn, staff_id=billing.doctor, entered="external", reason="x"
    )
    assert found(billing).proposal.counted["data_review"].seconds == 20 * 60 + 540
    assert "ccm" not in found(billing, Month(2026, 10)).proposal.counted


def test_nothing_counts_that_lies_ahead(billing: BillingPractice) -> None:
    billing.enrol("ccm")
    billing.work("ccm", local(5, 9), 20 * 60)
    assert units(billing, at=local(5, 9, 10)) == {}
    assert units(billing, at=local(5, 9) + timedelta(minutes=20)) == {"99490": 1}


def test_what_the_practice_vouches_for_holds_for_patients_of_whom_nothing_else_is_known(
    billing: BillingPractice,
) -> None:
    with billing.owner.cursor() as cur:
        other = add_patient(cur, billing.practice_id, "Adler, Finn")
    billing.enrol("ccm", patient_id=other)
    billing.insert(
        "ccm.attestation",
        requirement="certified_record",
        is_met=True,
        basis="x",
        from_on=date(2026, 1, 1),
        attested_by="x",
        attested_at=local(1, 9),
    )
    billing.owner.commit()
    with billing.console.transaction():
        cur = billing.console.cursor()
        known = month_facts.of_patients(cur, billing.practice_id, [other], NOVEMBER)[other]
    assert known.programs[0].attested["certified_record"] is True


def test_time_in_which_a_patient_was_not_active_does_not_count(billing: BillingPractice) -> None:
    billing.enrol("ccm")
    for day in (5, 10, 15):
        billing.work("ccm", local(day, 9), 10 * 60)
    for standing, day in (("inactive", 8), ("active", 12)):
        billing.insert(
            "ingest.patient_standing",
            patient_id=billing.patient_id,
            standing=standing,
            since_at=local(day, 0),
            reason="x",
            recorded_by="x",
            recorded_at=local(day, 1),
        )
    billing.owner.commit()
    assert fates(billing) == {Fate.NOT_ENROLLED: 10 * 60}
    assert units(billing) == {"99490": 1}
