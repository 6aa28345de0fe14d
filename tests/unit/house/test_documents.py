"""What the documents promise exists, and what exists is in the documents."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import reference, supported_devices

ROOT = Path(__file__).parents[3]
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PACKAGES = ("alerts", "ccm_link", "deploy", "firmware_profiles", "gateway", "ingest")
MODULES = sorted(
    str(path.relative_to(ROOT))
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if path.name != "__init__.py"
)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_stands_in_the_architecture(module: str) -> None:
    assert f"`{module}`" in ARCHITECTURE


def test_the_architecture_names_no_module_that_is_gone() -> None:
    named = set(re.findall(r"`((?:" + "|".join(PACKAGES) + r")/[\w/]+\.py)`", ARCHITECTURE))
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_reference_is_what_the_declarations_say() -> None:
    written = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert written == reference.text(), "run: python -m deploy.reference > docs/reference.md"


def test_the_supported_devices_are_what_the_profiles_say() -> None:
    written = (ROOT / "docs" / "supported-devices.md").read_text(encoding="utf-8")
    assert written == supported_devices.text(), (
        "run: python -m deploy.supported_devices > docs/supported-devices.md"
    )


@pytest.mark.parametrize("module", ["deploy.cli", "gateway.cli"])
def test_help_is_quick(module: str) -> None:
    # Processor time, and the best of five: the machine is busy with other tests. -X importtime shows who broke it.
    def once_s() -> float:
        before = os.times()
        subprocess.run([sys.executable, "-m", module, "--help"], check=True, capture_output=True)
        after = os.times()
        return (
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )

    assert min(once_s() for _ in range(5)) < 0.2


def test_nothing_names_a_package_registry_or_a_path_of_somebodys_machine() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    forbidden = re.compile(
        # Written so that the pattern does not find itself.
        r"--(extra-)?index[-]url|--find[-]links|https?://[a-z0-9.-]+/simpl[e]|/(home/[a-z]+|roo[t])/"
    )
    found = [
        name
        for name in tracked
        if (ROOT / name).is_file()
        and forbidden.search((ROOT / name).read_bytes().decode("utf-8", "ignore"))
    ]
    assert found == []


def test_every_address_in_the_guides_is_one_of_the_console() -> None:
    reference_text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    routes = re.findall(r"^\| `[A-Z]+ (/[^`]*)`", reference_text, re.MULTILINE)
    known = re.compile(
        "|".join(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route)) for route in routes)
    )
    guides = {*(ROOT / "docs").glob("*.md"), ROOT / "deploy" / "docs" / "ccm-program.md"}
    named = {
        address.partition("?")[0]
        for guide in guides
        for address in re.findall(
            r"`(?:GET |POST )?(/[a-z][^\s`]*)`", guide.read_text(encoding="utf-8")
        )
    }
    others = ("/etc/", "/static/", "/fhir/R4")  # files, and the beginning of many addresses
    unknown = {one for one in named if not one.startswith(others) and not known.fullmatch(one)}
    assert unknown == set()
