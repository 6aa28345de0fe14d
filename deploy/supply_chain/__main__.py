"""``deploy/supply-chain``: check the locks, write the bills of materials, renew the copy of known weaknesses."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

from deploy import errors
from deploy.supply_chain import (
    advisory,
    advisory_database,
    findings,
    licences,
    lock_file,
    programs,
    sbom,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except errors.DeployError as error:
        print(f"supply-chain: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deploy/supply-chain", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="compare the locks with known weaknesses")
    check.add_argument(
        "--today", type=date.fromisoformat, default=datetime.now(UTC).date(), metavar="DATE"
    )
    check.add_argument(
        "--advisories",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a copy that “renew” wrote elsewhere; may be given again",
    )
    check.set_defaults(run=_check)
    bills = commands.add_parser("sbom", help="write one CycloneDX file a lock")
    bills.add_argument("--at", type=_instant, required=True, help="the instant to write into them")
    bills.add_argument("--folder", type=Path, required=True, help="where to")
    bills.set_defaults(run=_sbom)
    renew = commands.add_parser("renew", help="copy what is known about our packages")
    renew.add_argument("checkout", type=Path, help=f"of {advisory_database.SOURCE}")
    renew.add_argument(
        "--file",
        type=Path,
        default=Path(__file__).parents[1] / "advisories" / "pypa.json",
        help="where to",
    )
    renew.set_defaults(run=_renew)
    return parser


def _check(options: argparse.Namespace) -> int:
    elsewhere = (advisory.read(file.read_text(encoding="utf-8")) for file in options.advisories)
    against = findings.Against(
        (*findings.kept_collections(), *elsewhere),
        findings.kept_exemptions(),
        licences.reviewed(),
        options.today,
    )
    for line in findings.about_age(against.collections, options.today):
        print(line)
    is_good = True
    for lock in lock_file.LOCKS:
        pins = lock_file.read(lock_file.text_of(lock))
        found = list(findings.in_lock(pins, against))
        print(f"{lock}: {len(pins)} pinned versions, {len(found)} findings")
        for line in found:
            print(f"    {line}")
        is_good = is_good and not found
    return 0 if is_good else 1


def _sbom(options: argparse.Namespace) -> int:
    options.folder.mkdir(parents=True, exist_ok=True)
    release = sbom.Release(version("homevitals"), options.at)
    known = licences.reviewed()
    for lock in lock_file.LOCKS:
        pins = lock_file.read(lock_file.text_of(lock))
        text = sbom.document(lock, pins, programs.of_lock(lock), known, release)
        file = options.folder / f"homevitals-{lock}.cdx.json"
        file.write_text(text, encoding="utf-8")
        print(file)
    return 0


def _renew(options: argparse.Namespace) -> int:
    names = {
        pin.name for lock in lock_file.LOCKS for pin in lock_file.read(lock_file.text_of(lock))
    }
    collection = advisory_database.collect(options.checkout, names)
    options.file.write_text(advisory.write(collection), encoding="utf-8")
    print(f"{len(collection.advisories)} advisories of {collection.taken_on} in {options.file}")
    return 0


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("name the zone too, for example 2026-11-30T12:00:00Z")
    return found.astimezone(UTC)


if __name__ == "__main__":
    sys.exit(main())
