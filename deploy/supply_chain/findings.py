"""What is wrong with our locks: affected versions, missing hashes, licences that nobody read. Pure but for metadata."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Final

from deploy import errors
from deploy.supply_chain import advisory, advisory_database, licences
from deploy.supply_chain.advisory import Advisory, Collection
from deploy.supply_chain.licences import Reviewed
from deploy.supply_chain.lock_file import Pin

# Critical weaknesses have to be mended within about 15 days, others within 90: a copy older than that says little.
OLD_AFTER_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Exemption:
    """A weakness that we live with for a while, and why."""

    advisory_id: str
    package: str
    reason: str
    until_on: date


@dataclass(frozen=True, slots=True)
class Against:
    """What locks are held against.

    Attributes:
        collections: Known weaknesses, by source.
        exemptions: Those that we live with.
        licences: Those that were read.
        today_on: Exemptions end by it.
    """

    collections: tuple[Collection, ...]
    exemptions: tuple[Exemption, ...]
    licences: Reviewed
    today_on: date


def kept_collections() -> tuple[Collection, ...]:
    """Return every collection in ``deploy/advisories``."""
    folder = resources.files("deploy") / "advisories"
    return tuple(
        advisory.read(file.read_text(encoding="utf-8"))
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".json")
    )


def kept_exemptions() -> tuple[Exemption, ...]:
    """Return the list of ``deploy/advisories/exemptions.toml``."""
    file = resources.files("deploy") / "advisories" / "exemptions.toml"
    return read_exemptions(file.read_text(encoding="utf-8"))


def read_exemptions(text: str) -> tuple[Exemption, ...]:
    """Read a list of exemptions.

    Raises:
        SupplyChainError: one has no reason or no last day.
    """
    return tuple(_exemption(entry) for entry in tomllib.loads(text).get("exemption", ()))


def _exemption(entry: dict[str, object]) -> Exemption:
    advisory_id, package, reason = (
        str(entry.get(key, "")).strip() for key in ("advisory", "package", "reason")
    )
    until_on = entry.get("until")
    if type(until_on) is not date or not (advisory_id and package and reason):
        raise errors.SupplyChainError(
            "an exemption needs advisory, package, reason and until (a date); "
            "complete deploy/advisories/exemptions.toml"
        )
    return Exemption(advisory_id, package, reason, until_on)


def in_lock(pins: Sequence[Pin], against: Against) -> Iterator[str]:
    """Yield what is wrong with a lock, a sentence each, with what to do."""
    for pin in pins:
        if not pin.sha256s:
            yield f"{pin.name} {pin.version} has no hash: make the locks again with deploy/lock"
        licence = licences.licence_of(pin.name, against.licences)
        if not licences.is_reviewed(licence, against.licences):
            yield (
                f"{pin.name} {pin.version} has the licence {licence or 'unknown'}: read it, then add it to "
                "deploy/supply_chain/licences.toml, or choose another package"
            )
        yield from _weaknesses(pin, against)
    yield from _not_looked_for(pins, against.collections)


def _weaknesses(pin: Pin, against: Against) -> Iterator[str]:
    for found in _about(pin, against.collections):
        exempt = [one for one in against.exemptions if _covers(one, found)]
        if any(one.until_on >= against.today_on for one in exempt):
            continue
        names = ", ".join((found.advisory_id, *found.aliases))
        fixed = ", ".join(found.fixed_in)
        remedy = f"take {fixed} or newer" if fixed else "nothing newer is known to be without it"
        ended = "; the exemption for it has ended" if exempt else ""
        yield f"{pin.name} {pin.version} has a known weakness ({names}): {remedy}{ended}"


def _about(pin: Pin, collections: Iterable[Collection]) -> Iterator[Advisory]:
    for collection in collections:
        for one in collection.advisories:
            if one.package == pin.name and advisory.affects(one, pin.version):
                yield one


def _covers(exemption: Exemption, found: Advisory) -> bool:
    names = {found.advisory_id, *found.aliases}
    return exemption.package == found.package and exemption.advisory_id in names


def _not_looked_for(pins: Sequence[Pin], collections: Iterable[Collection]) -> Iterator[str]:
    # Only the large database can be asked whether it was asked about everything.
    for collection in collections:
        if collection.is_complete:
            missing = sorted({pin.name for pin in pins} - collection.packages)
            if missing:
                yield (
                    f"the copy of {collection.source} was made without {', '.join(missing)}: renew it with deploy/lock"
                )


def about_age(collections: Iterable[Collection], today_on: date) -> Iterator[str]:
    """Yield a line on each collection, and a warning where it is old or the large database is not there at all."""
    has_database = False
    for one in collections:
        age_days = (today_on - one.taken_on).days
        old = f"; OLDER THAN {OLD_AFTER_DAYS} DAYS, renew it" if age_days > OLD_AFTER_DAYS else ""
        has_database = has_database or one.is_complete
        yield f"{one.source}: {len(one.advisories)} advisories of {one.taken_on} ({age_days} days old{old})"
    if not has_database:
        yield (
            f"WARNING: no copy of {advisory_database.SOURCE} in deploy/advisories: only the weaknesses noted by hand "
            "were looked for; make one with “deploy/lock CHECKOUT”"
        )
