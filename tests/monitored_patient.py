"""A patient of the made-up practice who is in remote monitoring, with all that a claim asks for but its episode."""

from __future__ import annotations

from uuid import UUID

from tests.made_up_practice import Connect, MadeUp


def prepare(connect: Connect, made_up: MadeUp) -> UUID:
    """Take Amalia into remote monitoring from August 2026, with a practitioner and an order; return who she is."""
    patient_id, practice_id = made_up.patients["amalia"], made_up.practice_id
    dana = made_up.staff["dana"]
    with connect("postgres") as connection:
        (enrolment_id,) = connection.execute(
            "insert into ccm.enrolment (practice_id, patient_id, program, state, opened_at, consent_documented_at)"
            " values (%s, %s, 'rpm', 'active', '2026-08-01', '2026-08-01') returning enrolment_id",
            (practice_id, patient_id),
        ).fetchone() or (None,)
        connection.execute(
            "insert into ccm.consent (practice_id, enrolment_id, patient_id, practitioner_id, method, elements,"
            " given_by, taken_by, documented_at, recorded_at) values (%s, %s, %s, %s, 'not_recorded', '{}',"
            " 'not_recorded', 'x', '2026-08-01', '2026-08-01')",
            (practice_id, enrolment_id, patient_id, dana),
        )
        connection.execute(
            "insert into ccm.enrolment_practitioner (practice_id, enrolment_id, patient_id, staff_id, from_at, set_by)"
            " values (%s, %s, %s, %s, '2026-08-01', 'x')",
            (practice_id, enrolment_id, patient_id, dana),
        )
        for requirement in ("order", "medical_device", "established_patient", "set_up_record"):
            connection.execute(
                "insert into ccm.attestation (practice_id, patient_id, requirement, is_met, basis, from_on,"
                " attested_by, attested_at) values (%s, %s, %s, true, 'x', '2026-08-01', 'x', '2026-08-01')",
                (practice_id, patient_id, requirement),
            )
    return patient_id
