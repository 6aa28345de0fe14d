"""Claims as a draft of X12 837P: the implementation guide 005010X222A1, marked as test data. Pure.

A draft is for the practice's billing software or clearing house to look at; the interchange says T, test. Every patient
is the insured person, and the practice bills for its own practitioners.

Source: ASC X12N 005010X222A1, by loop: 1000A/B submitter and receiver, 2000A/2010AA billing provider, 2000B and 2010BA
subscriber, 2010BB payer, 2300 claim, 2310B rendering provider, 2400 service line. The tests check each file with a
validator that others wrote for the guide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ccm_link import claim_errors
from ccm_link.claim_files.contents import Biller, FileClaim, FileLine
from ccm_link.claim_files.segments import (
    COMPONENT,
    REPETITION,
    amount,
    enclosed,
    segment,
    text,
)

GUIDE: Final = "005010X222A1"
_TRANSACTION: Final = 1
# SBR09, claim filing indicator, by kind of coverage. Source: code source of element 1032 in the guide.
_FILING: Final[Mapping[str, str]] = {
    "medicare_part_b": "MB",
    "medicare_advantage": "16",
    "medicaid": "MC",
    "commercial": "CI",
}
_FILING_UNKNOWN: Final = "ZZ"
_GENDERS: Final[Mapping[str | None, str]] = {"male": "M", "female": "F"}
_FIRST, _REPLACEMENT = "1", "7"  # CLM05-3, frequency of a claim
_MOST_DIAGNOSES: Final = 12
_NAME, _GIVEN, _STREET, _CITY, _MEMBER, _PAYER_NAME = 60, 35, 55, 30, 80, 60


@dataclass(frozen=True, slots=True)
class Route:
    """From whom to whom the file goes, as both agreed on it; up to 15 letters and digits each."""

    submitter_id: str
    receiver_id: str
    receiver_name: str


def cannot_be_written(biller: Biller, claim: FileClaim, route: Route, at: datetime) -> list[str]:
    """Return which parts of a claim hold what X12 cannot; [] where it can be written."""
    parts: tuple[tuple[str, Callable[[], Iterable[str]]], ...] = (
        ("the practice's name or address", lambda: _billing_provider(biller)),
        ("the patient's name, address or payer", lambda: _subscriber(claim, 2)),
        ("the practitioner's name", lambda: _claim(biller, claim)),
        ("submitter or receiver", lambda: _header(biller, route, 1, at)),
    )
    found = []
    for words, segments in parts:
        try:
            list(segments())
        except claim_errors.NotInX12:
            found.append(f"letters that X12 can hold in {words}")
    return found


def write(
    biller: Biller, claims: Sequence[FileClaim], route: Route, control_number: int, at: datetime
) -> str:
    """Return a whole interchange.

    Args:
        biller: complete, see `contents.missing`.
        claims: complete, at least one.
        route: from whom to whom.
        control_number: of the interchange, from 1; never used twice for the same receiver.
        at: when it is written, aware; the file says it in UTC.

    Raises:
        claim_errors.NotInX12: Something holds what X12 cannot.
    """
    number = control_number % 1_000_000_000
    inner, _ = enclosed(_TRANSACTION, _transaction(biller, claims, route, number, at))
    group = str(number)
    return "\n".join(
        (
            _interchange(route, number, at),
            segment(
                "GS", "HC", route.submitter_id, route.receiver_id, f"{at:%Y%m%d}", f"{at:%H%M}", group, "X", GUIDE
            ),
            *inner,
            segment("GE", "1", group),
            segment("IEA", "1", f"{number:09}"),
            "",
        )
    )  # fmt: skip


def _interchange(route: Route, number: int, at: datetime) -> str:
    """Return ISA, the one segment whose elements have a fixed width."""
    return segment(
        "ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{text(route.submitter_id, 15):15}",
        "ZZ", f"{text(route.receiver_id, 15):15}", f"{at:%y%m%d}", f"{at:%H%M}", REPETITION, "00501",
        f"{number:09}", "0", "T", COMPONENT,
    )  # fmt: skip


def _transaction(
    biller: Biller, claims: Sequence[FileClaim], route: Route, number: int, at: datetime
) -> Iterator[str]:
    yield from _header(biller, route, number, at)
    yield segment("HL", "1", "", "20", "1")
    yield from _billing_provider(biller)
    for level, claim in enumerate(claims, 2):
        yield from _subscriber(claim, level)
        yield from _claim(biller, claim)
        for line in claim.lines:
            yield from _line(claim, line)


def _header(biller: Biller, route: Route, number: int, at: datetime) -> Iterator[str]:
    yield segment("ST", "837", f"{_TRANSACTION:04}", GUIDE)
    yield segment("BHT", "0019", "00", str(number), f"{at:%Y%m%d}", f"{at:%H%M}", "CH")
    yield segment("NM1", "41", "2", text(biller.legal_name or "", _NAME), "", "", "", "", "46",
                  text(route.submitter_id, 15))  # fmt: skip
    yield segment(
        "PER", "IC", text(biller.contact_name or "", _NAME), "TE", biller.contact_phone or ""
    )
    yield segment("NM1", "40", "2", text(route.receiver_name, _NAME), "", "", "", "", "46",
                  text(route.receiver_id, 15))  # fmt: skip


def _billing_provider(biller: Biller) -> Iterator[str]:
    at = biller.address
    yield segment(
        "NM1",
        "85",
        "2",
        text(biller.legal_name or "", _NAME),
        "",
        "",
        "",
        "",
        "XX",
        biller.npi or "",
    )
    yield segment("N3", text(at.street or "", _STREET))
    yield segment("N4", text(at.city or "", _CITY), at.state or "", at.zip_code or "")
    yield segment("REF", "EI", biller.tax_number or "")


def _subscriber(claim: FileClaim, level: int) -> Iterator[str]:
    one, home = claim.insured, claim.insured.address
    yield segment("HL", str(level), "1", "22", "0")
    filing = _FILING.get(one.kind or "", _FILING_UNKNOWN)
    yield segment("SBR", "P", "18", "", "", "", "", "", "", filing)
    yield segment("NM1", "IL", "1", text(one.family_name or "", _NAME), text(one.given_names or "", _GIVEN),
                  "", "", "", "MI", text(one.member_id or "", _MEMBER))  # fmt: skip
    yield segment("N3", text(home.street or "", _STREET))
    zip_code = (home.zip_code or "").replace("-", "")
    yield segment("N4", text(home.city or "", _CITY), text(home.state or "", 2), text(zip_code, 15))
    yield segment("DMG", "D8", f"{one.born_on:%Y%m%d}", _GENDERS.get(one.gender, "U"))
    yield segment("NM1", "PR", "2", text(one.payer_name or "", _PAYER_NAME), "", "", "", "", "PI",
                  text(one.payer_id or "", _MEMBER))  # fmt: skip


def _claim(biller: Biller, claim: FileClaim) -> Iterator[str]:
    frequency = _REPLACEMENT if claim.is_corrected else _FIRST
    total = sum(line.charge_cents or 0 for line in claim.lines)
    yield segment("CLM", control_number(claim), amount(total), "", "",
                  (biller.place_of_service or "", "B", frequency), "Y", "A", "Y", "Y")  # fmt: skip
    if claim.corrects:
        yield segment("REF", "F8", text(claim.corrects, 50))
    yield segment("HI", *(
        ("ABF" if place else "ABK", code.replace(".", ""))
        for place, code in enumerate(claim.diagnoses[:_MOST_DIAGNOSES])
    ))  # fmt: skip
    by = claim.practitioner
    yield segment("NM1", "82", "1", text(by.family_name or "", _NAME), text(by.given_names or "", _GIVEN),
                  "", "", "", "XX", by.npi or "")  # fmt: skip


def control_number(claim: FileClaim) -> str:
    """Return what the payer gives back with its answer: CLM01, at most 20 characters."""
    return f"HV{claim.number}"


def _line(claim: FileClaim, line: FileLine) -> Iterator[str]:
    yield segment("LX", str(line.number))
    yield segment("SV1", ("HC", line.code), amount(line.charge_cents or 0), "UN", str(line.units), "", "",
                  tuple(str(place) for place in line.pointers))  # fmt: skip
    yield segment("DTP", "472", "D8", f"{line.service_on:%Y%m%d}")
    yield segment("REF", "6R", f"{control_number(claim)}-{line.number}")
