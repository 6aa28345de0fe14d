from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest

from deploy import errors
from deploy.supply_chain import findings, licences, lock_file
from deploy.supply_chain.findings import Against
from deploy.supply_chain.lock_file import Pin

TODAY = datetime.now(UTC).date()
OURS = Against(findings.kept_collections(), findings.kept_exemptions(), licences.reviewed(), TODAY)
GOOD = Pin("starlette", "1.10.0", "", ("a" * 64,), ())


@pytest.mark.parametrize("lock", lock_file.LOCKS)
def test_our_own_locks_have_hashes_reviewed_licences_and_no_known_weakness(lock: str) -> None:
    assert list(findings.in_lock(lock_file.read(lock_file.text_of(lock)), OURS)) == []


@pytest.mark.parametrize(
    ("pin", "words"),
    [
        pytest.param(dataclasses.replace(GOOD, sha256s=()), "no hash", id="no hash"),
        pytest.param(dataclasses.replace(GOOD, version="1.0.0"), "CVE-2026-48710", id="starlette"),
        pytest.param(
            Pin("authlib", "1.6.6", "", ("a" * 64,), ()), "CVE-2026-28802", id="authlib alg none"
        ),
        pytest.param(
            Pin("nobody-knows-it", "1", "", ("a" * 64,), ()), "licence unknown", id="licence"
        ),
    ],
)
def test_a_lock_with_something_wrong_fails_with_what_to_do(pin: Pin, words: str) -> None:
    told = " / ".join(findings.in_lock([pin], OURS))
    assert words in told
    assert list(findings.in_lock([GOOD], OURS)) == []


def test_a_weakness_tells_what_mends_it() -> None:
    (told,) = findings.in_lock([dataclasses.replace(GOOD, version="1.0.0")], OURS)
    assert "take 1.0.1 or newer" in told


EXEMPTION = """
[[exemption]]
advisory = "CVE-2026-48710"
package = "starlette"
reason = "we do not look at the path"
until = 2027-01-31
"""


@pytest.mark.parametrize(
    ("today_on", "package", "is_fine"),
    [
        pytest.param(date(2027, 1, 31), "starlette", True, id="on its last day"),
        pytest.param(date(2027, 2, 1), "starlette", False, id="after it"),
        pytest.param(date(2027, 1, 31), "fastapi", False, id="for another package"),
    ],
)
def test_an_exemption_holds_for_one_package_until_its_last_day(
    today_on: date, package: str, is_fine: bool
) -> None:
    exemptions = findings.read_exemptions(EXEMPTION.replace("starlette", package))
    against = dataclasses.replace(OURS, exemptions=exemptions, today_on=today_on)
    told = list(findings.in_lock([dataclasses.replace(GOOD, version="1.0.0")], against))
    assert (told == []) is is_fine
    if today_on > date(2027, 1, 31):
        assert "has ended" in told[0]


@pytest.mark.parametrize("missing", ["advisory", "package", "reason", "until"])
def test_an_exemption_without_a_reason_or_an_end_is_refused(missing: str) -> None:
    lines = [line for line in EXEMPTION.splitlines() if not line.startswith(missing)]
    with pytest.raises(errors.SupplyChainError, match="exemption"):
        findings.read_exemptions("\n".join(lines))


def test_a_package_that_the_copy_was_not_made_for_is_told() -> None:
    complete = dataclasses.replace(
        OURS.collections[0], is_complete=True, packages=frozenset({"starlette"})
    )
    against = dataclasses.replace(OURS, collections=(complete,))
    other = Pin("fastapi", "0.165.0", "", ("a" * 64,), ())
    assert "without fastapi" in " / ".join(findings.in_lock([GOOD, other], against))


def test_an_old_copy_and_a_missing_one_are_told() -> None:
    by_hand = next(one for one in OURS.collections if not one.is_complete)
    complete = dataclasses.replace(by_hand, is_complete=True, taken_on=TODAY)
    assert "WARNING" in " / ".join(findings.about_age([by_hand], TODAY))
    assert "OLDER" not in " / ".join(findings.about_age([complete], TODAY + timedelta(days=90)))
    assert "OLDER" in " / ".join(findings.about_age([complete], TODAY + timedelta(days=91)))


def test_the_copy_of_the_large_database_is_young() -> None:
    if not any(one.is_complete for one in OURS.collections):
        pytest.skip("no copy of the advisory database is kept here: deploy/lock CHECKOUT makes one")
    old = [line for line in findings.about_age(OURS.collections, TODAY) if "OLDER" in line]
    if old:
        pytest.skip("; ".join(old))
