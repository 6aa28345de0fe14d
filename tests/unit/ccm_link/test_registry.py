"""Numbers, telephones and what a patient may have to pay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccm_link.registry import cost_share, patient_contacts, patient_identifiers, registry_errors
from ccm_link.registry.coverage import Kind
from ccm_link.registry.patient_contacts import TelecomKind
from ccm_link.registry.patient_identifiers import MBI_SYSTEM
from ccm_link.registry.patient_identifiers import Kind as NumberKind


@pytest.mark.parametrize("value", ["1EG4-TE5-MK73", "1eg4te5mk73", "1EG4 TE5 MK73"])
def test_an_mbi_is_kept_without_what_the_card_adds(value: str) -> None:
    assert patient_identifiers.written(NumberKind.MEDICARE, "", value) == (
        MBI_SYSTEM,
        "1EG4TE5MK73",
    )


@pytest.mark.parametrize(
    ("kind", "system", "value"),
    [
        (NumberKind.MEDICARE, "", "0EG4TE5MK73"),  # position 1 is 1 to 9
        (NumberKind.MEDICARE, "", "1SG4TE5MK73"),  # no S, L, O, I, B, Z
        (NumberKind.MEDICARE, "", "1EG4TE5MK7"),
        (NumberKind.MEDICARE, "", "1EG4TE5MK733"),
        (NumberKind.MEDICARE, "", "1EG4TE5MK7٣"),
        (NumberKind.MEDICARE, "http://example.org", "1EG4TE5MK73"),
        (NumberKind.OTHER, "", "7"),
        (NumberKind.OTHER, MBI_SYSTEM, "7"),  # not checked as one: not kept as one
    ],
)
def test_what_cannot_be_a_number_is_refused(kind: NumberKind, system: str, value: str) -> None:
    with pytest.raises(registry_errors.BadIdentifier):
        patient_identifiers.written(kind, system, value)


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        (TelecomKind.PHONE, "(212) 555-0100", "+12125550100"),
        (TelecomKind.PHONE, "1.212.555.0100", "+12125550100"),
        (TelecomKind.PHONE, "+49 30 901820", "+4930901820"),
        (TelecomKind.PHONE, "112", None),
        (TelecomKind.PHONE, "0212 555 0100", None),
        (TelecomKind.PHONE, "+1 212 555 0100 ext 4", None),
        (TelecomKind.EMAIL, " ada@example.org ", "ada@example.org"),
        (TelecomKind.EMAIL, "ada@example", None),
        (TelecomKind.EMAIL, "ada@ex ample.org", None),
        (TelecomKind.EMAIL, "Ada <ada@example.org>", None),
    ],
)
def test_a_telephone_and_an_address_are_kept_in_one_form(
    kind: TelecomKind, typed: str, kept: str | None
) -> None:
    if kept is None:
        with pytest.raises(registry_errors.BadTelecom):
            patient_contacts.written(kind, typed)
    else:
        assert patient_contacts.written(kind, typed) == kept
        assert patient_contacts.written(kind, kept) == kept


@given(st.lists(st.sampled_from(Kind), unique=True))
def test_every_mix_of_coverages_has_its_sentence_whatever_the_order(kinds: list[Kind]) -> None:
    said = cost_share.sentence(kinds)
    assert said == cost_share.sentence(list(reversed(kinds)))
    assert said.endswith(".")
    if Kind.MEDICARE_PART_B in kinds:
        assert "Part B" in said


def test_part_b_alone_leaves_a_fifth_and_a_second_payer_takes_it() -> None:
    assert "20 %" in cost_share.sentence([Kind.MEDICARE_PART_B])
    assert "nothing" in cost_share.sentence([Kind.MEDICARE_PART_B, Kind.MEDIGAP])
    assert "nothing" in cost_share.sentence([Kind.MEDICAID, Kind.MEDICARE_PART_B])
    assert "No coverage is recorded" in cost_share.sentence([])
    assert "no Part B is recorded" in cost_share.sentence([Kind.MEDIGAP])
