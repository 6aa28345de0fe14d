"""An EHR as the record: resources are created once by their identifier, and changed only from the version we wrote.

Source: FHIR R4 (4.0.1), “RESTful API”: conditional create (3.1.0.8.1), update with ``If-Match`` (3.1.0.5), search.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from ccm_link.care_record import fhir_http, resources
from ccm_link.care_record.access_token import AccessToken
from ccm_link.care_record.fhir_http import Answer, HttpClient
from ccm_link.care_record.port import Failure, Found, Json, Match, NotTaken, SoughtPatient, Written
from ccm_link.care_record.settings import Connection
from ccm_link.fhir import conditional_create

# Source: FHIR R4, datatypes, id.
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_ETAG: Final = re.compile(r'W/"([^"\s]{1,64})"|"([^"\s]{1,64})"')


class FhirRecord:
    """One EHR."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._base_url = connection.base_url.rstrip("/")
        self._http = HttpClient(timeout_s=connection.timeout_s, ca_file=connection.ca_file)
        self._token = AccessToken(connection, self._http.post_form)

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def find_patient(self, sought: SoughtPatient) -> Found:
        """Look for a patient by identifier; see :class:`port.CareRecord`.

        One alone counts, and only with the same day of birth: a wrong number would lead to another person's record.

        Raises:
            NotTaken: The EHR could not be asked.
        """
        system = self._connection.identifier_system
        if not system or not sought.value:
            return Found(Match.UNKNOWN)
        query = {"identifier": f"{_escaped(system)}|{_escaped(sought.value)}", "_count": "3"}
        answer = self._ask("GET", "Patient", query=query)
        if answer.status != 200:
            raise fhir_http.not_taken(answer)
        found = [
            resource
            for entry in _list(answer.json().get("entry"))
            if isinstance(entry, dict)
            and isinstance(resource := entry.get("resource"), dict)
            and resource.get("resourceType") == "Patient"
        ]
        if not found:
            return Found(Match.UNKNOWN)
        if len(found) > 1:
            return Found(Match.AMBIGUOUS)
        (patient,) = found
        if patient.get("birthDate") != sought.born_on.isoformat():
            return Found(Match.DIFFERS)
        return Found(Match.MATCHED, _id_of(patient))

    def write(self, resource: Json, last: Written | None, *, overwrites: bool) -> Written:
        """Create or update a resource; see :class:`port.CareRecord`.

        1. What was never written is created unless there is one under its identifier: also after an answer got lost.
        2. One that is there, or that we wrote before, is replaced, if its version is the one that we know.
        3. Where it is another version, what it says decides: the same as ours is ours; anything else somebody changed.

        Raises:
            NotTaken: The EHR has it not, or nobody knows.
        """
        kind = resource["resourceType"]
        if last is None:
            last = self._create(kind, resource)
            if last.remote_version:
                return last
            current = self._read(kind, last.remote_id)
            last = _written(current)
            # It was there already: ours, whose answer got lost, or somebody else's of the same record, whose it stays.
            is_ours = resource["identifier"][0] in _list(current.get("identifier"))
            if not is_ours or resources.is_there(current, resource):
                return last
        try:
            return self._update(kind, resource, last)
        except NotTaken as error:
            if error.failure is not Failure.CHANGED_THERE:
                raise
        current = self._read(kind, last.remote_id)
        if resources.is_there(current, resource):
            return _written(current)
        if not overwrites:
            raise NotTaken(Failure.CHANGED_THERE)
        return self._update(kind, resource, _written(current))

    def _create(self, kind: str, resource: Json) -> Written:
        """Create a resource; without a version it was there already."""
        sought = conditional_create.criterion(resource)
        answer = self._ask("POST", kind, headers={"if-none-exist": sought}, body=resource)
        if answer.status == 412:
            raise NotTaken(Failure.TWICE_THERE)
        if answer.status not in {200, 201}:
            raise fhir_http.not_taken(answer)
        remote_id, version = _place(kind, answer)
        return Written(remote_id, version if answer.status == 201 else "")

    def _update(self, kind: str, resource: Json, last: Written) -> Written:
        body = {**resource, "id": last.remote_id}
        headers = {"if-match": f'W/"{last.remote_version}"'}
        answer = self._ask("PUT", f"{kind}/{last.remote_id}", headers=headers, body=body)
        if answer.status in {409, 412}:
            raise NotTaken(Failure.CHANGED_THERE)
        if answer.status in {404, 410}:
            raise NotTaken(Failure.GONE_THERE)
        if answer.status not in {200, 201}:
            raise fhir_http.not_taken(answer)
        _, version = _place(kind, answer, last.remote_id)
        return Written(last.remote_id, version)

    def _read(self, kind: str, remote_id: str) -> Json:
        answer = self._ask("GET", f"{kind}/{remote_id}")
        if answer.status in {404, 410}:
            raise NotTaken(Failure.GONE_THERE)
        if answer.status != 200:
            raise fhir_http.not_taken(answer)
        found = answer.json()
        if found.get("resourceType") != kind or found.get("id") != remote_id:
            raise NotTaken(Failure.BAD_ANSWER)
        return found

    def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        body: Json | None = None,
    ) -> Answer:
        for is_again in (False, True):
            shown = {"authorization": f"Bearer {self._token.current()}", **(headers or {})}
            answer = self._http.ask(
                method, f"{self._base_url}/{path}", headers=shown, query=query, body=body
            )
            if answer.status != 401 or is_again:
                break
            self._token.forget()
        return answer


def _place(kind: str, answer: Answer, known_id: str = "") -> tuple[str, str]:
    """Return id and version of what was written: from the headers, or from the resource that came back.

    Raises:
        NotTaken: Neither says it, or it is another id than ours.
    """
    remote_id, version = known_id, ""
    location = urlsplit(answer.headers.get("location", answer.headers.get("content-location", "")))
    parts = [part for part in location.path.split("/") if part]
    if kind in parts:
        after = parts[len(parts) - 1 - parts[::-1].index(kind) :]
        remote_id = after[1] if len(after) > 1 else remote_id
        version = after[3] if len(after) > 3 and after[2] == "_history" else version
    if tag := _ETAG.fullmatch(answer.headers.get("etag", "")):
        version = tag[1] or tag[2]
    if not remote_id or not version:
        written = _written(answer.json())
        remote_id, version = remote_id or written.remote_id, version or written.remote_version
    if not _ID.fullmatch(remote_id) or (known_id and remote_id != known_id):
        raise NotTaken(Failure.BAD_ANSWER)
    return remote_id, version


def _written(resource: Json) -> Written:
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    if not isinstance(version, str) or not _ID.fullmatch(version):
        raise NotTaken(Failure.BAD_ANSWER)
    return Written(_id_of(resource), version)


def _id_of(resource: Json) -> str:
    found = resource.get("id")
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise NotTaken(Failure.BAD_ANSWER)
    return found


def _list(one: object) -> list[object]:
    return one if isinstance(one, list) else []


def _escaped(text: str) -> str:
    r"""Return a text as it stands in a search. Source: FHIR R4, “Search”, escaping (3.1.1.4.0.2)."""
    return re.sub(r"([\\,$|])", r"\\\1", text)
