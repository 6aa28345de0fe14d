"""A device profile in words: what the commands print and what the page of supported devices says."""

from __future__ import annotations

import textwrap
from typing import Final

from firmware_profiles import kinds, protocols
from firmware_profiles.device_profile import Bond, DeviceProfile, Pairing, PairingMode
from firmware_profiles.session_steps import Converse, WriteClock

_WIDTH: Final = 100
_MODES: Final = {
    PairingMode.NONE: "does not pair",
    PairingMode.JUST_WORKS: "without a code",
    PairingMode.PASSKEY: "with a code of six digits that it shows or has printed on it",
}


def measures(profile: DeviceProfile) -> str:
    """Say what it measures."""
    return ", ".join(kinds.OF[kind].title.lower() for kind in profile.kinds)


def covers(profile: DeviceProfile) -> str:
    """Name the boxes that it is for."""
    if profile.models:
        return ", ".join(profile.models)
    return "any device that follows the standard and has no profile of its own"


def pairing(profile: DeviceProfile) -> str:
    """Say how it pairs, in a few words."""
    how: Pairing = profile.pairing
    said = [_MODES[how.mode]]
    if how.bond is Bond.PER_SESSION:
        said.append("anew each time")
    if how.one_host:
        said.append("knows one host only")
    return "; ".join(said)


def clock(profile: DeviceProfile) -> str:
    """Say how its clock is set, in a few words."""
    if profile.clock is not None and WriteClock() in profile.script:
        return "read and set" if profile.clock.readable else "set, cannot be read"
    spoken = [step.protocol for step in profile.script if isinstance(step, Converse)]
    if any(not protocols.of(name).RECORDS for name in spoken):
        return "set in the vendor's way"
    if spoken:
        return "see its statement"
    return "by hand"


def paragraphs(text: str) -> str:
    """Return a text of a profile without the line breaks of its file; blank lines part paragraphs."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def in_full(profile: DeviceProfile) -> str:
    """Return everything that is to be known about a profile, for a terminal."""
    facts = (
        f"{profile.title} ({profile.profile_id}, version {profile.version})",
        f"For: {covers(profile)}",
        f"Measures: {measures(profile)}",
        f"Pairs: {pairing(profile)}",
        f"Clock: {clock(profile)}",
    )
    texts = (
        ("For the patient", profile.texts.patient),
        ("To pair it", profile.texts.pairing),
        ("When it and the gateway no longer know each other", profile.texts.clearing),
    )
    told = "\n\n".join(f"{head}\n{_indented(text)}" for head, text in texts)
    _, statement = profile.support.split("\n\n", 1)
    return "\n".join(facts) + f"\n\n{told}\n\n{statement.strip()}\n"


def _indented(text: str) -> str:
    return textwrap.fill(paragraphs(text), _WIDTH, initial_indent="    ", subsequent_indent="    ")
