"""This system's own database as the record: what is to be in it is there already. The default."""

from __future__ import annotations

from ccm_link.care_record.port import Found, Json, Match, SoughtPatient, Written


class EmbeddedRecord:
    """Has everything, for it was stored in the transaction in which it happened."""

    def find_patient(self, sought: SoughtPatient) -> Found:
        """Return the patient, who is known by the record number here; see :class:`port.CareRecord`."""
        return Found(Match.MATCHED, sought.value) if sought.value else Found(Match.UNKNOWN)

    def write(self, resource: Json, last: Written | None, *, overwrites: bool) -> Written:  # noqa: ARG002 - nothing to overwrite
        """Do nothing; see :class:`port.CareRecord`."""
        identifier = resource["identifier"][0]["value"]
        return last or Written(identifier, "1")
