"""The FHIR API as clients use it: pages, times, codes, versions, walls, refusals; every answer against its profiles."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fhirclient.models.observation import Observation
from fhirclient.server import FHIRServer

from ccm_link.fhir import resource_json
from ccm_link.fhir.server_types import TYPES, Form
from ccm_link.program import care_team
from ingest import corrections, tenancy
from ingest import store as readings_store
from ingest.corrections import Cause, Correction
from ingest.rows import StoredReading
from tests import fhir_profiles
from tests.made_up_practice import NOW, ZONE, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
SignIn = Callable[[str], httpx.Client]
Json = dict[str, Any]

BASE = "/fhir/R4"
FHIR_JSON = "application/fhir+json"


def got(client: httpx.Client, path: str, **query: Any) -> Json:
    answer = client.get(f"{BASE}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == FHIR_JSON
    found: Json = resource_json.read(answer.content)
    return found


def found(client: httpx.Client, path: str, **query: Any) -> list[Json]:
    """Return what a search finds on its first page."""
    return [one["resource"] for one in got(client, path, **query).get("entry", [])]


def refused(answer: httpx.Response, status: int) -> str:
    """Hold an answer to what a refusal is like; return what it says."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == FHIR_JSON
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert issue["severity"] == "error"
    return f"{issue['code']}: {issue['details']['text']} {issue['diagnostics']}"


def pages(client: httpx.Client, path: str, **query: Any) -> Iterator[list[Json]]:
    """Yield the pages of a search, each as its own link leads to it."""
    bundle = got(client, path, **query)
    while True:
        yield [one["resource"] for one in bundle.get("entry", [])]
        links = {one["relation"]: one["url"] for one in bundle["link"]}
        if "next" not in links:
            return
        parts = urlsplit(links["next"])
        answer = client.get(f"{parts.path}?{parts.query}")
        assert answer.status_code == 200, answer.text
        bundle = resource_json.read(answer.content)


def ids(resources: list[Json]) -> list[str]:
    return [one["id"] for one in resources]


@pytest.fixture
def amalia(made_up: MadeUp) -> str:
    return str(made_up.patients["amalia"])


@pytest.fixture
def everything(casey: httpx.Client, amalia: str) -> list[Json]:
    """Return all of Amalia's observations, the newest first."""
    return [one for page in pages(casey, "Observation", patient=amalia, _count=500) for one in page]


# Pages


def test_pages_of_any_size_come_to_the_same_in_both_directions(
    casey: httpx.Client, amalia: str, everything: list[Json]
) -> None:
    whole = ids(everything)
    assert len(whole) > 200
    assert len(set(whole)) == len(whole)
    for count in (7, 50):
        walked = list(pages(casey, "Observation", patient=amalia, _count=count))
        assert all(len(page) <= count for page in walked)
        assert [one for page in walked for one in ids(page)] == whole
    upwards = pages(casey, "Observation", patient=amalia, _count=90, _sort="date")
    times = [one.get("effectiveDateTime") for page in upwards for one in page]
    assert sorted(filter(None, times)) == list(filter(None, times))
    assert len(times) == len(whole)


def test_pages_of_what_a_code_finds_lack_nothing(
    casey: httpx.Client, amalia: str, everything: list[Json]
) -> None:
    pulses = [one["id"] for one in everything if one["id"].endswith(".pulse")]
    assert pulses
    walked = pages(casey, "Observation", patient=amalia, code="http://loinc.org|8867-4", _count=20)
    assert [one for page in walked for one in ids(page)] == pulses


def test_patients_come_page_by_page(casey: httpx.Client, made_up: MadeUp) -> None:
    walked = [ids(page) for page in pages(casey, "Patient", _count=1)]
    assert walked == [[one] for one in sorted(map(str, made_up.patients.values()))]


def test_a_cursor_stands_alone_and_for_its_type_and_practice(
    casey: httpx.Client, sign_in: SignIn, amalia: str, clock: Clock
) -> None:
    bundle = got(casey, "Observation", patient=amalia, _count=1)
    (address,) = (one["url"] for one in bundle["link"] if one["relation"] == "next")
    cursor = httpx.URL(address).params["_cursor"]
    assert amalia not in cursor  # whom a search was about stands in no address that follows
    for kind, query in (
        ("Observation", {"_cursor": cursor, "patient": amalia}),
        ("Patient", {"_cursor": cursor}),
        ("Observation", {"_cursor": f"{cursor[:-2]}AA"}),
    ):
        refused(casey.get(f"{BASE}/{kind}", params=query), 400)
    refused(sign_in("fremd@another").get(f"{BASE}/Observation", params={"_cursor": cursor}), 400)
    clock.now += timedelta(hours=2)
    assert casey.get(f"{BASE}/Observation", params={"_cursor": cursor}).status_code in (400, 401)


# Times


def test_a_date_means_all_of_it_in_the_patients_zone(
    casey: httpx.Client, amalia: str, everything: list[Json]
) -> None:
    dated = [one for one in everything if "effectiveDateTime" in one]
    day = day_of(dated[0])
    same_day = [one["id"] for one in dated if day_of(one) == day]
    assert ids(found(casey, "Observation", patient=amalia, date=str(day))) == same_day


PREFIXES = {
    "": True,
    "eq": True,
    "ge": True,
    "le": True,
    "gt": False,
    "lt": False,
    "sa": False,
    "eb": False,
}


def test_at_the_very_second_a_prefix_says_whether_it_counts(
    casey: httpx.Client, amalia: str, everything: list[Json], subtests: pytest.Subtests
) -> None:
    (one, *_) = (each for each in everything if "effectiveDateTime" in each)
    at = datetime.fromisoformat(one["effectiveDateTime"]).strftime("%Y-%m-%dT%H:%M:%SZ")
    for prefix, holds in PREFIXES.items():
        with subtests.test(prefix):
            query = {"patient": amalia, "date": f"{prefix}{at}", "_count": "500"}
            assert (one["id"] in ids(found(casey, "Observation", **query))) is holds


def test_from_and_until_are_two_dates(
    casey: httpx.Client, amalia: str, everything: list[Json]
) -> None:
    query = [
        ("patient", amalia),
        ("date", "ge2026-11-10"),
        ("date", "lt2026-11-11"),
        ("_count", "500"),
    ]
    answer = casey.get(f"{BASE}/Observation", params=query)
    assert answer.status_code == 200, answer.text
    inside = [one["resource"]["id"] for one in answer.json()["entry"]]
    assert inside
    assert inside == [one["id"] for one in everything if day_of(one) == date(2026, 11, 10)]


def day_of(resource: Json) -> date | None:
    """Return the day at home on which something was measured."""
    at = resource.get("effectiveDateTime")
    return None if at is None else datetime.fromisoformat(at).astimezone(ZONE).date()


def test_what_has_no_known_time_is_in_no_span_of_time(casey: httpx.Client, made_up: MadeUp) -> None:
    undated = []
    for patient_id in map(str, made_up.patients.values()):
        whole = found(casey, "Observation", patient=patient_id, _count=500)
        undated += [one for one in whole if "_effectiveDateTime" in one]
        by_time = found(casey, "Observation", patient=patient_id, date="ge1990", _count=500)
        assert not [one for one in by_time if "_effectiveDateTime" in one]
    assert undated
    assert all("effectiveDateTime" not in one and "issued" in one for one in undated)


# Codes


def test_categories_and_codes_tell_apart_what_was_measured(
    casey: httpx.Client, made_up: MadeUp, amalia: str
) -> None:
    bertram = str(made_up.patients["bertram"])

    def codes(**query: str) -> set[str]:
        return {
            one["code"]["coding"][0]["code"]
            for one in found(casey, "Observation", **query, _count="500")
        }

    assert codes(patient=amalia, category="vital-signs") == {"85354-9", "8867-4"}
    assert codes(subject=f"Patient/{amalia}", code="85354-9") == {"85354-9"}
    assert codes(patient=bertram, code="41653-7,14743-9") == {"41653-7"}
    assert codes(patient=bertram, category="laboratory") == set()
    assert codes(patient=amalia, code="urn:iso:std:iso:11073:10101|149546") == {"8867-4"}
    assert codes(patient=amalia, code="urn:iso:std:iso:11073:10101|8867-4") == set()


def test_the_weeks_average_is_made_when_it_is_asked_for(casey: httpx.Client, amalia: str) -> None:
    (average,) = found(casey, "Observation", patient=amalia, code="96607-7", date="le2026-11-11")
    assert average["id"].endswith("2026-11-11")
    assert average["effectivePeriod"] == {
        "start": "2026-11-05T05:00:00Z",
        "end": "2026-11-12T05:00:00Z",
    }
    protocol = casey.get(
        f"/api/v1/patients/{amalia}/statistics/blood-pressure", params={"last_day": "2026-11-11"}
    ).json()["protocol"]["average"]
    (systolic, _) = average["component"]
    if protocol["systolic_mmhg"] is None:
        assert "dataAbsentReason" in systolic
    else:
        assert abs(float(systolic["valueQuantity"]["value"]) - protocol["systolic_mmhg"]) <= 0.05
    assert got(casey, f"Observation/{average['id']}")["id"] == average["id"]


# Versions


def corrected(connect: Connect, practice_id: uuid.UUID, reading_id: str) -> StoredReading:
    """Put another version in the place of a reading, as a newer device profile does; return it."""
    with connect("homevitals_ingest") as connection, connection.cursor() as cur:
        tenancy.enter(cur, tenancy.Scope((practice_id,)))
        former = readings_store.reading(cur, practice_id, uuid.UUID(reading_id))
        assert former is not None
        new = former._replace(
            reading_id=uuid.uuid4(),
            version=2,
            systolic_mmhg=140.0,
            stored_at=NOW,
            profile_version=2,
        )
        correction = Correction(practice_id, uuid.uuid4(), NOW, Cause.PROFILE, "test", "d")
        assert corrections.replace(cur, correction, [(former, new)]) == 1
    return new


def test_a_version_that_was_replaced_is_entered_in_error_and_found_only_where_it_is_asked_for(
    casey: httpx.Client, connect: Connect, made_up: MadeUp, amalia: str, everything: list[Json]
) -> None:
    old_id = next(one["id"] for one in everything if one["code"]["coding"][0]["code"] == "85354-9")
    before = got(casey, f"Observation/{old_id}")
    new = corrected(connect, made_up.practice_id, old_id)
    old = got(casey, f"Observation/{old_id}")
    assert (before["status"], old["status"]) == ("final", "entered-in-error")
    assert before["meta"]["versionId"] != old["meta"]["versionId"]
    later = got(casey, f"Observation/{new.reading_id}")
    assert later["status"] == "amended"
    assert f"Observation/{old_id}" in str(later["extension"])
    counts = ids(found(casey, "Observation", patient=amalia, _count=500))
    assert str(new.reading_id) in counts
    assert old_id not in counts
    day = NOW.date().isoformat()
    changed = found(casey, "Observation", patient=amalia, _lastUpdated=f"ge{day}", _count=500)
    assert {old_id, str(new.reading_id)} <= set(ids(changed))
    in_error = found(casey, "Observation", patient=amalia, status="entered-in-error")
    assert ids(in_error) == [old_id, f"{old_id}.pulse"]


def test_what_did_not_change_is_not_sent_again(casey: httpx.Client, amalia: str) -> None:
    for path in (
        f"Patient/{amalia}",
        f"Observation/{found(casey, 'Observation', patient=amalia)[0]['id']}",
    ):
        first = casey.get(f"{BASE}/{path}")
        again = casey.get(f"{BASE}/{path}", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert first.headers["ETag"] == f'W/"{first.json()["meta"]["versionId"]}"'


# Patients


def test_patients_are_found_by_what_is_known_of_them(casey: httpx.Client, made_up: MadeUp) -> None:
    amalia, noor = str(made_up.patients["amalia"]), str(made_up.patients["noor"])
    for query in (
        {"name": "thorn"},
        {"name": "Amalia"},
        {"name": "nobody,AMALIA T"},
        {"family": "Thornquist"},
        {"given": "amal"},
        {"identifier": "MFP-100482"},
        {"identifier": f"{made_up.practice_id.urn}|MFP-100482"},
        {"birthdate": "1951-03-17"},
        {"birthdate": "eq1951-03", "gender": "unknown"},
        {"_id": amalia},
    ):
        assert ids(found(casey, "Patient", **query)) == [amalia], query
    assert noor in ids(found(casey, "Patient", birthdate="ge1960-06-30", active="true"))
    for query in (
        {"name": "hornquist"},
        {"name": "%"},
        {"name": "_malia"},
        {"identifier": "http://elsewhere.example|MFP-100482"},
        {"birthdate": "gt1960-06-30"},
        {"gender": "male"},
        {"active": "false"},
        {"_id": str(made_up.foreign_patient_id)},
        {"name": "Fremder"},
    ):
        assert found(casey, "Patient", **query) == [], query


def test_a_search_can_be_posted_so_that_nobody_stands_in_an_address(
    casey: httpx.Client, made_up: MadeUp, amalia: str
) -> None:
    form = {"family": "Thornquist", "birthdate": "1951-03-17"}
    posted = casey.post(f"{BASE}/Patient/_search", data=form)
    assert posted.status_code == 200, posted.text
    assert [one["resource"]["id"] for one in posted.json()["entry"]] == [amalia]
    page = casey.post(f"{BASE}/Observation/_search", data={"patient": amalia, "_count": "3"}).json()
    (address,) = (one["url"] for one in page["link"] if one["relation"] == "next")
    assert amalia not in address
    assert len(casey.get(address).json()["entry"]) == 3
    elsewhere = {"sec-fetch-site": "cross-site"}
    refused(casey.post(f"{BASE}/Patient/_search", data=form, headers=elsewhere), 403)


# Walls


def test_another_practice_finds_nothing_and_reads_nothing(
    casey: httpx.Client, sign_in: SignIn, connect: Connect, amalia: str, subtests: pytest.Subtests
) -> None:
    fremd = sign_in("fremd@another")
    for kind in TYPES:
        with subtests.test(kind):
            ours = found(casey, kind, **({} if kind == "Patient" else {"patient": amalia}))
            for one in ours[:3]:
                said = {
                    refused(fremd.get(f"{BASE}/{kind}/{each}"), 404)
                    for each in (one["id"], str(uuid.uuid4()), "x")
                }
                assert len(said) == 1
                assert found(fremd, kind, _id=one["id"]) == []
            if kind not in ("Patient", "Device"):
                refused(fremd.get(f"{BASE}/{kind}", params={"patient": amalia}), 404)
    assert [one["birthDate"] for one in found(fremd, "Patient")] == ["1950-01-01"]


def test_a_restricted_patient_is_hidden_and_a_program_gets_no_emergency_access(
    casey: httpx.Client, sign_in: SignIn, made_up: MadeUp, amalia: str, everything: list[Json]
) -> None:
    form = {"patient_id": amalia, "staff_id": str(made_up.staff["dana"]), "reason": "Works here."}
    assert sign_in("petra").post("/restrictions", data=form).status_code == 303
    assert amalia not in ids(found(casey, "Patient"))
    assert "limited" in refused(casey.get(f"{BASE}/Patient/{amalia}"), 403)
    refused(casey.get(f"{BASE}/Observation", params={"patient": amalia}), 403)
    refused(casey.get(f"{BASE}/Observation/{everything[0]['id']}"), 404)
    assert found(casey, "Observation", _id=everything[0]["id"]) == []
    assert amalia in ids(found(sign_in("dana"), "Patient"))


def test_who_looks_after_gateways_sees_devices_and_no_patient(sign_in: SignIn, amalia: str) -> None:
    ozzie = sign_in("ozzie")
    assert found(ozzie, "Device")
    for kind in ("Patient", "Observation", "Task", "Condition", "CarePlan", "Consent", "Device"):
        assert "forbidden" in refused(ozzie.get(f"{BASE}/{kind}", params={"patient": amalia}), 403)


def test_nobody_reads_without_a_session(visitor: Callable[[], httpx.Client], amalia: str) -> None:
    for path in (f"Patient/{amalia}", "Observation", "metadata"):
        assert "login" in refused(visitor().get(f"{BASE}/{path}"), 401)


def test_every_look_is_in_the_trail(
    casey: httpx.Client, connect: Connect, made_up: MadeUp, amalia: str
) -> None:
    found(casey, "Observation", patient=amalia, _count=5)
    found(casey, "Patient", name="thorn")
    assert found(casey, "Condition", patient=amalia, code="Z99.9") == []
    with connect("postgres") as connection:
        connection.execute("delete from ccm.condition where patient_id = %s", (amalia,))
        connection.commit()
        assert found(casey, "Condition", patient=amalia) == []
        told = connection.execute(
            "select patient_ids from ingest.audit_event where resource = 'condition'"
        ).fetchall()
        assert told == [([uuid.UUID(amalia)],)] * 2, "that there is none tells something too"
        looks = connection.execute(
            "select patient_ids, detail from ingest.audit_event where resource = 'patient_record'"
            " order by at, detail::text"
        ).fetchall()
    assert ([uuid.UUID(amalia)], {"observations": 5}) in looks
    assert ([uuid.UUID(amalia)], {"patients": 1}) in looks
    assert "thorn" not in str(looks)


# Refusals


def test_a_parameter_that_is_not_known_is_refused_or_said_to_be_passed_over(
    casey: httpx.Client, amalia: str
) -> None:
    query = {"patient": amalia, "Thornquist": "sentinel", "_count": "1"}
    strict = casey.get(
        f"{BASE}/Observation", params=query, headers={"Prefer": "respond-async, handling=strict"}
    )
    said = refused(strict, 400)
    assert "sentinel" not in said
    assert "Thornquist" not in said
    bundle = got(casey, "Observation", **query)
    (told,) = (one["resource"] for one in bundle["entry"] if one["search"]["mode"] == "outcome")
    assert "1 parameter" in told["issue"][0]["diagnostics"]
    (own,) = (one["url"] for one in bundle["link"] if one["relation"] == "self")
    assert "Thornquist" not in own
    assert "sentinel" not in str(bundle)


def test_another_format_than_json_is_refused(casey: httpx.Client, amalia: str) -> None:
    address = f"{BASE}/Patient/{amalia}"
    refused(casey.get(address, headers={"Accept": "application/fhir+xml"}), 406)
    refused(casey.get(address, params={"_format": "xml"}), 406)
    for good in ("json", "application/fhir+json"):
        assert casey.get(address, params={"_format": good}).status_code == 200
    refused(casey.get(f"{BASE}/Basic"), 404)


# What it says of itself, and what others make of it


def test_every_parameter_that_it_speaks_of_is_understood(
    casey: httpx.Client, amalia: str, subtests: pytest.Subtests
) -> None:
    statement = got(casey, "metadata")
    (rest,) = statement["rest"]
    assert {one["type"] for one in rest["resource"]} == set(TYPES)
    samples = {Form.DATE: "ge2020-01-01", Form.REFERENCE: amalia, Form.STRING: "a", Form.TOKEN: "x"}
    for one in rest["resource"]:
        for parameter in one["searchParam"]:
            with subtests.test(f"{one['type']} {parameter['name']}"):
                sample = samples[Form(parameter["type"])]
                query = {} if one["type"] == "Patient" else {"patient": amalia}
                query |= {parameter["name"]: "true" if parameter["name"] == "active" else sample}
                bundle = got(casey, one["type"], **query)
                assert not [
                    each for each in bundle.get("entry", []) if each["search"]["mode"] == "outcome"
                ]


def test_everything_that_it_hands_out_follows_its_profiles(
    casey: httpx.Client, connect: Connect, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    with connect("homevitals_console") as connection, connection.cursor() as cur:
        tenancy.enter(cur, tenancy.Scope((made_up.practice_id,)))
        care_team.name_care_manager(
            cur,
            made_up.practice_id,
            made_up.patients["amalia"],
            made_up.staff["casey"],
            added_by="Casey Lindqvist",
            at=NOW,
        )
    with fhir_profiles.running() as validator:
        for kind in TYPES:
            handed_out = {}
            for patient_id in map(str, made_up.patients.values()):
                query = {} if kind == "Patient" else {"patient": patient_id}
                for one in found(casey, kind, **query, _count="60"):
                    handed_out[one["id"]] = one
            with subtests.test(kind):
                assert handed_out
                for one in handed_out.values():
                    assert validator.complaints(one) == []
                resource_id = next(iter(handed_out))
                assert got(casey, f"{kind}/{resource_id}") == handed_out[resource_id]
        with subtests.test("bundle and statement"):
            assert validator.complaints(got(casey, "Device")) == []
            assert validator.complaints(got(casey, "metadata")) == []
            assert validator.complaints(casey.get(f"{BASE}/Basic/1").json()) == []


def test_a_client_that_others_wrote_reads_page_by_page(
    casey: httpx.Client, address: str, amalia: str, everything: list[Json]
) -> None:
    server = FHIRServer(None, f"{address}{BASE}/")
    server.session.cookies.update(dict(casey.cookies))
    with server.session:
        search = Observation.where({"patient": amalia, "code": "85354-9", "_count": "40"})
        panels = list(search.perform_resources_iter(server))
    assert all(isinstance(one, Observation) for one in panels)
    assert [one.id for one in panels] == [
        one["id"] for one in everything if one["code"]["coding"][0]["code"] == "85354-9"
    ]
