"""The guide of other systems names what there is: settings of an EHR's file, events, reasons; what the tests run on."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from ccm_link.care_record.port import Failure
from ccm_link.care_record.settings import Connection
from ccm_link.care_record.to_webhook import EVENTS
from firmware_profiles import settings as declaration

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "ehr-link.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [*(row.name for row in declaration.describe(Connection, "ehr")), *EVENTS, *Failure],
)
def test_the_guide_names_it(name: str) -> None:
    assert name in GUIDE


def test_packages_of_the_tests_server_have_licences_that_were_read_and_name_no_host() -> None:
    text = (ROOT / "tests" / "fhir_server" / "package-lock.json").read_text(encoding="utf-8")
    packages = {name: one for name, one in json.loads(text)["packages"].items() if name}
    known = tomllib.loads(
        (ROOT / "deploy" / "supply_chain" / "licences.toml").read_text(encoding="utf-8")
    )
    assert len(packages) == 6
    for name, package in packages.items():
        assert package["license"] in known["reviewed"]["licences"], name
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
