"""Writes docs/supported-devices.md from the device profiles: ``python -m deploy.supported_devices``.

The standard output is the document: ``… > docs/supported-devices.md``. A test compares the file with what this module
writes.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import Final

from firmware_profiles import kinds, models, profile_text
from firmware_profiles.device_profile import DeviceProfile

NOT_SUPPORTED: Final = (
    (
        "BodyTrace cuff and scale, Smart Meter iBloodPressure and iGlucose, Transtek cellular devices",
        "They talk to their maker over the mobile network and have no Bluetooth for others.",
    ),
    (
        "Tenovi cuff and glucometer",
        "They belong to the maker's own gateway, one of each to one gateway.",
    ),
    (
        "iHealth BP3L, BP5, BP7",
        "The maker's protocol needs its SDK. Only special editions follow the standard (profile `standard-cuff`).",
    ),
    ("Withings BPM", "Its readings are in the maker's cloud only."),
    (
        "Omron with the service FE4A: HEM-7142T2, HEM-7155T with the newer radio, HEM-7188T1, HEM-7376T1 to HEM-7386T1",
        "Real units have refused what is known of their keys. With the standard's service too: `omron-x4-smart`.",
    ),
    ("Omron HEM-7196T", "Its records are encrypted."),
    (
        "Microlife BP3GY1-2N and siblings",
        "The maker's protocol is known from two programs only; nothing here speaks it yet.",
    ),
    (
        "Yonker YK-IBPA1 and BPW5, Yongrow, METIKO",
        "The maker's protocol is known from hobby programs only, and the clock is not to be relied on.",
    ),
    (
        "Nipro CF (Cocoron CF)",
        "Records like the standard's under the maker's own numbers, with a year in an odd encoding; one weak source.",
    ),
    (
        "Beurer GL 50 evo",
        "It needs an adapter cap for Bluetooth; nothing is known of its protocol.",
    ),
    ("AgaMatrix Jazz Wireless", "The maker's SDK only; nothing could be verified."),
    ("Arkray GT-1830, Glutest Neo Alpha", "The maker's protocol is not published."),
    ("FORA 6 Connect", "Its protocol is not published."),
)
"""Devices that people ask for, and why they do not work here."""

_WIDTH: Final = 120
_INTRODUCTION: Final = """\
Written by `python -m deploy.supported_devices` from the device profiles; a test keeps it so. The same is printed by
`homevitals-gateway profiles list` and `profiles show`, and by `homevitals profiles`.

**No device was at hand.** What stands here was built after public sources, which each profile names, and tried against
virtual devices that behave as described: a test holds a whole session with each of them over a real Bluetooth host
stack. “Verified” says how far that goes for each. Try a model with one unit before a program ships a hundred.

A device that is not listed and follows the Bluetooth standard is taken by one of the profiles whose names begin with
`standard-`. A site can add profiles of its own without a new release: `profile_folder` of the gateway, and
`[profiles] folder` of the server.
"""


def text() -> str:
    """Return the whole document as Markdown."""
    profiles = sorted(models.profiles(), key=_place)
    parts = [
        "# Supported devices",
        _INTRODUCTION,
        "## At a glance",
        _table(
            ("device", "measures", "pairs", "clock", "profile"),
            [
                (
                    profile.title,
                    profile_text.measures(profile),
                    profile_text.pairing(profile),
                    profile_text.clock(profile),
                    f"[`{profile.profile_id}`](#{profile.profile_id})",
                )
                for profile in profiles
            ],
        ),
        "“Clock” says whether the gateway sets it. Where it does not, somebody has to look after the device's time.",
        "## Not supported",
        _table(("device", "why"), NOT_SUPPORTED),
        *(part for profile in profiles for part in _section(profile)),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _place(profile: DeviceProfile) -> tuple[int, bool, str]:
    """Sort by what is measured, those of the standard last, then by name."""
    order = list(kinds.OF)
    return order.index(profile.kinds[0]), not profile.models, profile.title.lower()


def _section(profile: DeviceProfile) -> Iterator[str]:
    yield f'<a id="{profile.profile_id}"></a>\n\n## {profile.title}'
    yield f"For: {profile_text.covers(profile)}. Profile `{profile.profile_id}`, version {profile.version}."
    statement, texts = profile.support_statement, profile.texts
    for head, words in (
        ("Tells", statement.features),
        ("For the patient", texts.patient),
        ("To pair it", texts.pairing),
        ("When it and the gateway no longer know each other", texts.clearing),
        ("Bonding", statement.bonding),
        ("Clock", statement.clock),
        ("Transfer", statement.transfer),
        ("Quirks", statement.quirks),
        ("Verified", statement.verified),
        ("Sources", statement.sources),
    ):
        paragraphs = f"**{head}.** {profile_text.paragraphs(words)}".split("\n\n")
        yield "\n\n".join(textwrap.fill(one, _WIDTH, break_on_hyphens=False) for one in paragraphs)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]] | tuple[tuple[str, ...], ...]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(text())
