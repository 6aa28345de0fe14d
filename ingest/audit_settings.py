"""What the sealer of the audit trail is told, and who checks its work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from firmware_profiles.settings import setting


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """Settings of the section ``audit``."""

    database: str = setting(
        "dbname=homevitals user=homevitals_sealer",
        help="PostgreSQL connection string of the role homevitals_sealer",
    )
    anchor_file: Path = setting(
        Path("/var/lib/homevitals/audit-anchors.jsonl"),
        help="file to which the heads of all chains are added, signed; keep it, or a copy that nobody can change, on "
        "another machine than the database",
    )
    signing_key_file: Path = setting(
        Path("/etc/homevitals/audit-anchors.key"),
        help="private Ed25519 key that signs the anchors; made at the first start, its public key beside it (.pub)",
        secret_file=True,
    )
    anchor_every_minutes: float = setting(
        10.0,
        unit="min",
        minimum=0.01,
        maximum=1440,
        help="time between anchors; what happened since the last one could be rewritten unnoticed",
    )
    site: str = setting("homevitals", help="name of this installation in exported events")
