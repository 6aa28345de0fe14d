"""The file of a device profile: TOML in, a checked profile out, or every mistake with its line.

A file has the keys of `Head` at its top, one ``[[match]]`` for each way to recognise the device, the tables
``[pairing]``, ``[clock]`` (if it has one), ``[decode]`` (if it deviates), ``[texts]`` and ``[support]``, one
``[[step]]`` for each step of its script, and one ``[[setup]]`` for each step that is taken once after pairing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from firmware_profiles import errors, session_steps
from firmware_profiles.decoder_knobs import STANDARD, DecoderKnobs
from firmware_profiles.device_profile import Clock, DeviceProfile, Pairing, Support, Texts
from firmware_profiles.matching import Match
from firmware_profiles.readings import Kind
from firmware_profiles.session_steps import Step
from firmware_profiles.settings import REQUIRED, setting
from firmware_profiles.toml_tables import Mistake, TomlTables

_PROFILE_ID: Final = re.compile(r"[a-z0-9-]{1,64}")
_TABLES: Final = ("pairing", "clock", "decode", "texts", "support")
_LISTS: Final = ("match", "step", "setup")
# No profile needs more; what is longer is not one.
MAX_CHARACTERS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the top of a profile's file."""

    profile_id: str = setting(
        REQUIRED, help="stable name: 1 to 64 of a-z, 0-9 and dash; part of every record"
    )
    version: int = setting(
        REQUIRED, minimum=1, maximum=65_535, help="rises when the meaning of a record changes"
    )
    title: str = setting(REQUIRED, help="what a person calls the device")
    kinds: tuple[str, ...] = setting(REQUIRED, help="what it measures")
    models: tuple[str, ...] = setting((), help="names on the boxes of what it covers")
    user_slots: bool = setting(False, help="whether it tells its users apart")
    script_budget_s: float = setting(
        0.0,
        unit="s",
        minimum=0.0,
        help="time from encryption within which everything before the waiting step must be done; 0: no limit",
    )


class ProfileFileError(errors.ProfileError):
    """A profile's file has mistakes; correct every one of them."""

    def __init__(self, name: str, mistakes: Iterable[Mistake]) -> None:
        self.name = name
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(mistake.text(name) for mistake in self.mistakes))


def parse(name: str, toml_text: str) -> DeviceProfile:
    """Read a profile's file.

    Args:
        name: of the file, for messages.
        toml_text: its text.

    Raises:
        ProfileFileError: with every mistake in it.
    """
    tables = TomlTables(toml_text, MAX_CHARACTERS)
    profile = None if tables.mistakes else _profile(tables)
    if profile is None or tables.mistakes:
        raise ProfileFileError(name, tables.mistakes)
    return profile


def _profile(tables: TomlTables) -> DeviceProfile | None:
    """Take the document apart; None, and its mistakes noted, if it is no profile."""
    document = tables.document
    head_keys = {key: entry for key, entry in document.items() if key not in (*_TABLES, *_LISTS)}
    head = tables.load(Head, head_keys, "", 1)
    matches = [_match(tables, table, number) for table, number in tables.tables("match")]
    if not matches:
        tables.note("", 1, "", "at least one [[match]] is needed")
    clock = tables.table(Clock, "clock") if "clock" in document else None
    knobs = tables.table(DecoderKnobs, "decode") if "decode" in document else STANDARD
    pairing = tables.table(Pairing, "pairing")
    texts = tables.table(Texts, "texts")
    support = tables.table(Support, "support")
    script = [_step(tables, table, "step", number) for table, number in tables.tables("step")]
    setup = [_step(tables, table, "setup", number) for table, number in tables.tables("setup")]
    if head is not None:
        _check_head(tables, head)
    # Nothing may be missing below; mypy sees it by the same test.
    if tables.mistakes or head is None or pairing is None or texts is None or support is None:
        return None
    try:
        return DeviceProfile(
            profile_id=head.profile_id,
            version=head.version,
            title=head.title,
            kinds=tuple(Kind(kind) for kind in head.kinds),
            match=tuple(match for match in matches if match is not None),
            pairing=pairing,
            clock=clock,
            script=tuple(step for step in script if step is not None),
            setup=tuple(step for step in setup if step is not None),
            script_budget_s=head.script_budget_s or None,
            user_slots=head.user_slots,
            knobs=knobs or STANDARD,
            texts=texts,
            support_statement=support,
            models=head.models,
        )
    except errors.ProfileError as error:
        tables.note("step", 1, "", str(error))
        return None


def _check_head(tables: TomlTables, head: Head) -> None:
    if not _PROFILE_ID.fullmatch(head.profile_id):
        tables.note("", 1, "profile_id", "expected 1 to 64 of a-z, 0-9 and dash")
    known = [kind.value for kind in Kind]
    if not head.kinds or not set(head.kinds) <= set(known):
        tables.note("", 1, "kinds", f"expected some of {', '.join(known)}")


def _match(tables: TomlTables, table: Mapping[str, Any], number: int) -> Match | None:
    match = tables.load(Match, table, "match", number)
    for key, reason in match.mistakes() if match is not None else ():
        tables.note("match", number, key, reason)
    return match


def _step(tables: TomlTables, table: Mapping[str, Any], section: str, number: int) -> Step | None:
    word = table.get("do")
    cls = session_steps.STEPS.get(word) if isinstance(word, str) else None
    if cls is None:
        tables.note(section, number, "do", f"expected one of {', '.join(session_steps.STEPS)}")
        return None
    arguments = {key: entry for key, entry in table.items() if key != "do"}
    return tables.load(cls, arguments, section, number)
