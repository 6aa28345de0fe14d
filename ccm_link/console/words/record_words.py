"""How the console speaks of patients' records: labels, closed lists. Pure; no colour, no markup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

from ccm_link.departure import Closed, Kind
from ccm_link.registry import related_people
from ccm_link.registry.coverage import Kind as CoverageKind
from ccm_link.registry.patient_contacts import TelecomKind, UsedFor
from ccm_link.registry.patient_identifiers import Kind as IdentifierKind
from ingest.standing import Standing

FIELDS: Final = {
    "add-patient-display_name": "Whole name",
    "identity-display_name": "Whole name",
    "family_name": "Family name",
    "given_names": "Given names",
    "born_on": "Born on",
    "record_number": "Record number",
    "time_zone": "Time zone",
    "administrative_gender": "Gender on file",
    "birth_sex": "Sex at birth",
    "language": "Language",
    "standing": "How the patient stands",
    "since_on": "Since the day",
    "since_time": "Since the time",
    "transferred_to": "Who cares for the patient now",
    "identifier_kind": "What kind of number",
    "system": "System",
    "number": "Number",
    "coverage_kind": "Kind of coverage",
    "payer_name": "Payer",
    "payer_id": "Payer’s id in claims",
    "member_id": "Member id",
    "rank": "Billed in this place",
    "covered_from": "First day",
    "covered_until": "Last day",
    "telecom_kind": "Telephone or e-mail",
    "reached_at": "Number or address",
    "used_for": "Where it is",
    "preferred": "Preferred",
    "may_text": "Texts may be sent",
    "may_voicemail": "Messages may be left",
    "street": "Street and number",
    "city": "City",
    "state": "State",
    "postal_code": "Postal code",
    "country": "Country",
    "related_name": "Name",
    "relationship": "What they are to the patient",
    "related_phone": "Telephone",
    "given_on": "Since the day",
}

STANDINGS: Final[Mapping[str, str]] = {
    Standing.ACTIVE: "Active",
    Standing.INACTIVE: "Not active any more",
    Standing.TRANSFERRED: "Transferred",
    Standing.DECEASED: "Deceased",
}
GENDERS: Final[Mapping[str, str]] = {
    "female": "Female",
    "male": "Male",
    "other": "Other",
    "unknown": "Not known",
}
BIRTH_SEXES: Final[Mapping[str, str]] = {
    "F": "Female",
    "M": "Male",
    "OTH": "Other",
    "ASKU": "Asked, not told",
    "UNK": "Not known",
}
IDENTIFIERS: Final[Mapping[str, str]] = {
    IdentifierKind.MEDICARE: "Medicare (MBI)",
    IdentifierKind.MEDICAID: "Medicaid",
    IdentifierKind.MEDICAL_RECORD: "Record of another practice",
    IdentifierKind.OF_SYSTEM: "Id in another program",
    IdentifierKind.OTHER: "Other",
}
COVERAGES: Final[Mapping[str, str]] = {
    CoverageKind.MEDICARE_PART_B: "Medicare Part B",
    CoverageKind.MEDICARE_ADVANTAGE: "Medicare Advantage",
    CoverageKind.MEDICAID: "Medicaid",
    CoverageKind.MEDIGAP: "Medigap",
    CoverageKind.COMMERCIAL: "Commercial",
    CoverageKind.SELF_PAY: "The patient pays",
    CoverageKind.OTHER: "Other",
}
TELECOMS: Final[Mapping[str, str]] = {TelecomKind.PHONE: "Telephone", TelecomKind.EMAIL: "E-mail"}
USES: Final[Mapping[str, str]] = {
    UsedFor.HOME: "At home",
    UsedFor.WORK: "At work",
    UsedFor.MOBILE: "Mobile",
}
YES_OR_NO: Final[Mapping[str, str]] = {"no": "No", "yes": "Yes"}
RELATIONSHIPS: Final = related_people.RELATIONSHIPS


def closed(one: Closed, program: str) -> str:
    """Return what was closed with a standing, where ``program`` is the title of its program.

    Example: "Program: Chronic care management".
    """
    match one.kind:
        case Kind.ENROLMENT:
            return f"Program: {program}"
        case Kind.MONITORING:
            return f"Monitoring at home: {program}"
        case Kind.SCHEDULE:
            return f"What came again: {one.title}"
        case _:
            assert_never(one.kind)
