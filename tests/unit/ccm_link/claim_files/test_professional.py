"""The draft of X12 837P: held against a validator that others wrote for the guide, and against what X12 cannot hold."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from pyx12.params import params
from pyx12.x12n_document import x12n_document

from ccm_link import claim_errors
from ccm_link.claim_files import contents, professional, segments
from ccm_link.claim_files.contents import Format
from ccm_link.claim_files.professional import Route
from tests.made_up_claims import BILLER, CLAIM

AT = datetime(2026, 12, 1, 14, 5, tzinfo=UTC)
ROUTE = Route("HV0001", "CLEARING1", "A Clearing House")


def written(*claims: contents.FileClaim, number: int = 7) -> str:
    return professional.write(BILLER, claims or (CLAIM,), ROUTE, number, AT)


def complaints(text: str) -> str:
    """Return what pyx12 has to say of a file, as the acknowledgement that it would send back."""
    answer = io.StringIO()
    is_fine = x12n_document(params(), io.StringIO(text), answer, None, None)
    return "" if is_fine else answer.getvalue()


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param((CLAIM,), id="one"),
        pytest.param((CLAIM, replace(CLAIM, number=4712), CLAIM), id="several"),
        pytest.param((replace(CLAIM, is_corrected=True, corrects="ICN-99"),), id="correction"),
        pytest.param((replace(CLAIM, diagnoses=("I10",) * 12),), id="twelve diagnoses"),
    ],
)
def test_a_validator_finds_nothing_to_complain_about(
    claims: tuple[contents.FileClaim, ...],
) -> None:
    assert complaints(written(*claims)) == ""


def test_the_validator_would_notice() -> None:
    broken = written().replace("*1*22*0~", "*1*22*9~")
    assert broken != written()
    assert complaints(broken) != ""


def test_a_file_says_that_it_is_a_test_and_counts_itself_right() -> None:
    parts = [one.split("*") for one in written(CLAIM, CLAIM).removesuffix("~").split("~\n")]
    by_name = {one[0]: one for one in parts}
    assert by_name["ISA"][15] == "T"
    assert len(written().split("~")[0]) == 105, "ISA has a fixed width"
    inside = [one[0] for one in parts[parts.index(by_name["ST"]) :]]
    assert int(by_name["SE"][1]) == inside.index("SE") + 1
    assert by_name["ISA"][13] == "000000007" == by_name["IEA"][2]
    assert by_name["GS"][6] == "7" == by_name["GE"][2]
    assert sum(one[0] == "CLM" for one in parts) == 2


def test_amounts_units_and_pointers_are_those_of_the_claim() -> None:
    text = written()
    assert "CLM*HV4711*188.39***11:B:1*Y*A*Y*Y~" in text
    assert "HI*ABK:I10*ABF:E119~" in text
    assert "SV1*HC:99490*66.13*UN*1***1:2~\nDTP*472*D8*20261119~\nREF*6R*HV4711-1~" in text
    assert "SV1*HC:99439*122.26*UN*2***1:2~" in text


def test_marks_are_dropped_and_what_has_no_plain_letter_is_refused() -> None:
    assert segments.text("  Zoë  D’Souza-Müller ", 60) == "ZOE D'SOUZA-MULLER"
    for words in ("نور", "A*B", "A~B", "A:B", "A^B", "Þórdís", "", "  ", "x" * 61, "a\nb\0"):
        with pytest.raises(claim_errors.NotInX12):
            segments.text(words, 60)
    insured = replace(CLAIM.insured, family_name="Þórdís")
    lacks = professional.cannot_be_written(BILLER, replace(CLAIM, insured=insured), ROUTE, AT)
    assert lacks == ["letters that X12 can hold in the patient's name, address or payer"]
    assert professional.cannot_be_written(BILLER, CLAIM, ROUTE, AT) == []


def test_what_is_missing_is_named() -> None:
    assert contents.missing(BILLER, CLAIM, Format.X12) == []
    insured = replace(CLAIM.insured, member_id=None, payer_id=None)
    lines = (replace(CLAIM.lines[0], charge_cents=None),)
    bare = replace(CLAIM, insured=insured, lines=lines, is_corrected=True)
    lacks = contents.missing(replace(BILLER, npi=None), bare, Format.X12)
    assert lacks == [
        "the practice's NPI",
        "the patient's member number at the payer",
        "the payer's number",
        f"a charge for 99490 on {date(2026, 11, 19)}",
        "the payer's number of the claim that is corrected",
    ]
    assert contents.missing(replace(BILLER, npi=None), bare, Format.CSV) == []
