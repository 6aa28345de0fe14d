from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy import errors
from deploy.supply_chain import licences, lock_file, sbom
from deploy.supply_chain.lock_file import Pin
from deploy.supply_chain.programs import Program

RELEASE = sbom.Release("0.1.0", datetime(2026, 11, 21, 12, tzinfo=UTC))
PINS = [
    Pin("fastapi", "0.165.0", "", ("a" * 64, "b" * 64), ("homevitals",)),
    Pin("starlette", "1.10.0", "sys_platform == 'linux'", ("c" * 64,), ("fastapi",)),
]
PROGRAMS = [
    Program("mosquitto", "2.0.11", "EPL-2.0 OR BSD-3-Clause", "operating system"),
    Program("timescaledb", "", "Apache-2.0", "put into PostgreSQL"),
]


def bill(**changes: Any) -> dict[str, Any]:
    release = dataclasses.replace(RELEASE, **changes)
    text = sbom.document("demo", PINS, PROGRAMS, licences.reviewed(), release)
    found: dict[str, Any] = json.loads(text)
    return found


def component(name: str) -> dict[str, Any]:
    return next(one for one in bill()["components"] if one["name"] == name)


def test_a_bill_is_cyclonedx_about_our_release_at_the_callers_instant() -> None:
    found = bill()
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    assert found["metadata"]["component"]["name"] == "homevitals-server"
    assert found["metadata"]["component"]["version"] == "0.1.0"
    assert found["metadata"]["timestamp"] == "2026-11-21T12:00:00+00:00"


def test_a_package_has_its_address_its_licence_its_machines_and_the_hash_of_every_file() -> None:
    found = component("starlette")
    assert found["purl"] == "pkg:pypi/starlette@1.10.0"
    assert found["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert found["properties"] == [
        {"name": "homevitals:marker", "value": "sys_platform == 'linux'"}
    ]
    hashes = [
        digest["content"]
        for reference in component("fastapi")["externalReferences"]
        for digest in reference["hashes"]
    ]
    assert hashes == ["a" * 64, "b" * 64]


def test_what_is_no_python_package_is_named_with_and_without_a_version() -> None:
    assert component("mosquitto")["purl"] == "pkg:generic/mosquitto@2.0.11"
    assert "version" not in component("timescaledb")


def test_the_bill_says_who_wants_whom() -> None:
    wants = {row["ref"]: row.get("dependsOn", []) for row in bill()["dependencies"]}
    assert wants["pkg:pypi/fastapi@0.165.0"] == ["pkg:pypi/starlette@1.10.0"]
    assert wants["homevitals-server"] == [
        "pkg:generic/mosquitto@2.0.11",
        "pkg:generic/timescaledb",
        "pkg:pypi/fastapi@0.165.0",
    ]


def test_the_same_lock_and_instant_give_the_same_bytes_and_another_gives_another_number() -> None:
    assert bill() == bill()
    later = bill(at=RELEASE.at + timedelta(seconds=1))
    assert later["serialNumber"] != bill()["serialNumber"]


def test_what_is_no_bill_is_refused() -> None:
    broken = {**bill(), "components": [{"name": "without a type"}]}
    with pytest.raises(errors.SupplyChainError, match=r"CycloneDX 1\.6"):
        sbom.check(json.dumps(broken))


@pytest.mark.parametrize("lock", lock_file.LOCKS)
def test_our_own_locks_become_bills_with_every_package(lock: str) -> None:
    pins = lock_file.read(lock_file.text_of(lock))
    text = sbom.document(lock, pins, [], licences.reviewed(), RELEASE)
    named = {(one["name"], one["version"]) for one in json.loads(text)["components"]}
    assert named == {(pin.name, pin.version) for pin in pins}
