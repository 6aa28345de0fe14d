"""``homevitals ingest redecode``: stored bytes read again with a newer device profile; a dry run without “--apply”."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg

from ccm_link.settings import CcmLinkSettings
from deploy import command_line, configuration, errors, look, progress
from deploy.progress import Progress
from firmware_profiles import models
from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.errors import ProfileError
from ingest import audit, redecode, tenancy
from ingest.people import Practice
from ingest.redecode import Wanted
from ingest.redecode_diff import Diff
from ingest.settings import IngestSettings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which readings, and whether anything is changed."""
    parser.add_argument("profile", metavar="PROFILE", help="the device profile that read them")
    parser.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    parser.add_argument(
        "--with-version",
        type=command_line.count,
        metavar="N",
        help="the version to read them with; the newest of this release by default",
    )
    parser.add_argument(
        "--only-version",
        type=command_line.count,
        action="append",
        metavar="N",
        help="only what this version has read; may be given more than once",
    )
    command_line.add_span(parser)
    parser.add_argument(
        "--apply",
        action="store_true",
        help="write the new versions; without it nothing is changed. May be ended at any moment and run again",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print what would change in the readings of a practice, or change it."""
    command_line.require_span(options)
    profile = _profile(options)
    configured = configuration.load(options.config)
    practice = look.practice(configured.get(CcmLinkSettings), options.practice)
    wanted = Wanted(
        practice_id=practice.practice_id,
        profile_id=profile.profile_id,
        to_version=profile.version,
        from_versions=tuple(options.only_version) if options.only_version else None,
        from_at=options.from_at,
        until_at=options.until_at,
    )
    diff = _read_again(configured.get(IngestSettings).database, wanted, apply=options.apply)
    _tell(diff, practice, profile, options)
    return 0


def _profile(options: argparse.Namespace) -> DeviceProfile:
    try:
        if options.with_version is None:
            return models.newest(options.profile)
        return models.by_id(options.profile, options.with_version)
    except ProfileError:
        version = "" if options.with_version is None else f" version {options.with_version}"
        raise errors.DeployError(
            f"this release has no device profile {options.profile!r}{version}; “homevitals profiles” lists them"
        ) from None


def _read_again(database: str, wanted: Wanted, *, apply: bool) -> Diff:
    """Do it; what was seen stands in the audit trail before it is shown."""
    agent = command_line.agent()
    with (
        psycopg.connect(database, autocommit=True) as connection,
        progress.shown("reading again") as show,
    ):
        with tenancy.transaction(connection, wanted.practice_id) as cur:
            told = _counting(show, redecode.count(cur, wanted))
        diff = (
            redecode.apply(connection, wanted, agent, told)
            if apply
            else redecode.dry_run(connection, wanted, told)
        )
        event = audit.Event(
            practice_id=wanted.practice_id,
            at=datetime.now(UTC),
            kind=audit.Kind.READ,
            action=audit.Action.READ,
            agent=agent,
            purpose=audit.Purpose.OPERATIONS,
            patient_ids=tuple(diff.example_patient_ids),
            resource=redecode.RESOURCE,
            detail={
                "profile": wanted.profile_id,
                "to_version": wanted.to_version,
                "readings": diff.read,
            },
        )
        with tenancy.transaction(connection, wanted.practice_id) as cur:
            audit.record(cur, [event])
    return diff


def _counting(show: Progress, total: int) -> Callable[[int], None]:
    done = 0

    def told(more: int) -> None:
        nonlocal done
        done += more
        show(done, total)

    return told


def _tell(
    diff: Diff, practice: Practice, profile: DeviceProfile, options: argparse.Namespace
) -> None:
    if options.json:
        about = {
            "practice": practice.slug,
            "profile": profile.profile_id,
            "to_version": profile.version,
            "applied": options.apply,
        }
        print(json.dumps(about | diff.as_json(), indent=2))
        return
    print(f"{practice.slug}: {profile.profile_id} with version {profile.version}")
    for line in diff.words():
        print(line)
    if options.apply:
        print(
            f"{diff.replaced:,} readings have a new version; the former ones stay", file=sys.stderr
        )
    elif diff.changed:
        print("nothing was changed; “--apply” writes the new versions", file=sys.stderr)
