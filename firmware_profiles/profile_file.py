"""The file of a device profile: TOML in, a checked profile out, or every mistake with its line.

A file has the keys of `Head` at its top, one ``[[match]]`` for each way to recognise the device, the tables
``[pairing]``, ``[clock]`` (if it has one), ``[decode]`` (if it deviates), ``[texts]`` and ``[support]``, one
``[[step]]`` for each step of its script, and one ``[[setup]]`` for each step that is taken once after pairing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from firmware_profiles import errors, session_steps, settings
from firmware_profiles.decoder_knobs import STANDARD, DecoderKnobs
from firmware_profiles.device_profile import Clock, DeviceProfile, Pairing, Support, Texts
from firmware_profiles.matching import Match
from firmware_profiles.readings import Kind
from firmware_profiles.session_steps import Step
from firmware_profiles.settings import REQUIRED, setting

_PROFILE_ID: Final = re.compile(r"[a-z0-9-]{1,64}")
_HEADER: Final = re.compile(r"\s*\[{1,2}\s*([a-z_]+)\s*\]{1,2}")
_TABLES: Final = ("pairing", "clock", "decode", "texts", "support")
_LISTS: Final = ("match", "step", "setup")
# No profile needs more; what is longer is not one.
MAX_BYTES: Final = 65_536

_Table = TypeVar("_Table")


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


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong in a profile's file; line 0 if it is nowhere in particular."""

    line: int
    what: str


class ProfileFileError(errors.ProfileError):
    """A profile's file has mistakes; correct every one of them."""

    def __init__(self, name: str, mistakes: Iterable[Mistake]) -> None:
        self.name = name
        self.mistakes = tuple(mistakes)
        super().__init__(
            "\n".join(
                f"{name}, line {mistake.line}: {mistake.what}"
                if mistake.line
                else f"{name}: {mistake.what}"
                for mistake in self.mistakes
            )
        )


def parse(name: str, toml_text: str) -> DeviceProfile:
    """Read a profile's file.

    Args:
        name: of the file, for messages.
        toml_text: its text.

    Raises:
        ProfileFileError: with every mistake in it.
    """
    if len(toml_text) > MAX_BYTES:
        raise ProfileFileError(name, [Mistake(0, f"longer than {MAX_BYTES} characters")])
    try:
        document = tomllib.loads(toml_text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        raise ProfileFileError(
            name, [Mistake(int(found[1]) if found else 0, f"not TOML: {error}")]
        ) from error
    except (RecursionError, ValueError) as error:
        raise ProfileFileError(
            name, [Mistake(0, "not TOML: nested too deeply, or a number too long")]
        ) from error
    return _Reader(name, toml_text, document).profile()


class _Reader:
    """Takes one document apart and collects what is wrong with it."""

    def __init__(self, name: str, text: str, document: Mapping[str, Any]) -> None:
        self._name = name
        self._lines = text.splitlines()
        self._document = document
        self._mistakes: list[Mistake] = []

    def profile(self) -> DeviceProfile:
        head_keys = {
            key: entry for key, entry in self._document.items() if key not in (*_TABLES, *_LISTS)
        }
        head = self._load(Head, head_keys, "", 1)
        matches = [self._match(table, number) for table, number in self._list("match")]
        if not matches:
            self._note("", 1, "", "at least one [[match]] is needed")
        clock = self._table(Clock, "clock") if "clock" in self._document else None
        knobs = self._table(DecoderKnobs, "decode") if "decode" in self._document else STANDARD
        pairing = self._table(Pairing, "pairing")
        texts = self._table(Texts, "texts")
        support = self._table(Support, "support")
        script = [self._step(table, "step", number) for table, number in self._list("step")]
        setup = [self._step(table, "setup", number) for table, number in self._list("setup")]
        if head is not None:
            self._check_head(head)
        # Nothing may be missing below; mypy sees it by the same test.
        if self._mistakes or head is None or pairing is None or texts is None or support is None:
            raise ProfileFileError(self._name, self._mistakes)
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
            line = self._line("step", 1, "")
            raise ProfileFileError(self._name, [Mistake(line, str(error))]) from error

    def _check_head(self, head: Head) -> None:
        if not _PROFILE_ID.fullmatch(head.profile_id):
            self._note("", 1, "profile_id", "expected 1 to 64 of a-z, 0-9 and dash")
        known = [kind.value for kind in Kind]
        if not head.kinds or not set(head.kinds) <= set(known):
            self._note("", 1, "kinds", f"expected some of {', '.join(known)}")

    def _table(self, cls: type[_Table], section: str) -> _Table | None:
        table = self._document.get(section, {})
        if not isinstance(table, dict):
            self._note("", 1, section, f"expected a table, written [{section}]")
            return None
        return self._load(cls, table, section, 1)

    def _list(self, section: str) -> list[tuple[dict[str, Any], int]]:
        tables = self._document.get(section, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._note("", 1, section, f"expected tables, each written [[{section}]]")
            return []
        return [(table, number) for number, table in enumerate(tables, start=1)]

    def _match(self, table: Mapping[str, Any], number: int) -> Match | None:
        match = self._load(Match, table, "match", number)
        for key, reason in match.mistakes() if match is not None else ():
            self._note("match", number, key, reason)
        return match

    def _step(self, table: Mapping[str, Any], section: str, number: int) -> Step | None:
        word = table.get("do")
        cls = session_steps.STEPS.get(word) if isinstance(word, str) else None
        if cls is None:
            known = ", ".join(session_steps.STEPS)
            self._note(section, number, "do", f"expected one of {known}")
            return None
        arguments = {key: entry for key, entry in table.items() if key != "do"}
        return self._load(cls, arguments, section, number)

    def _load(
        self, cls: type[_Table], table: Mapping[str, Any], section: str, number: int
    ) -> _Table | None:
        try:
            return settings.load(cls, table, {}, section=section).settings
        except errors.SettingsError as error:
            for problem in error.problems:
                text = problem.removeprefix(f"[{section}] ")
                key = re.search(r"[a-z_0-9]+(?=:)|(?<=\")[^\"]+(?=\";)", text)
                self._note(section, number, key[0] if key else "", text)
            return None

    def _note(self, section: str, number: int, key: str, what: str) -> None:
        text = what if not key or key in what else f"{key}: {what}"
        where = f"[{section}] " if section else ""
        self._mistakes.append(Mistake(self._line(section, number, key), where + text))

    def _line(self, section: str, number: int, key: str) -> int:
        """Return the line of a key in the n-th table of a name; the table's own line if the key is not there."""
        current, seen, header_line = "", 0 if section else 1, 0
        for position, line in enumerate(self._lines, start=1):
            header = _HEADER.match(line)
            if header is not None and not section and header[1] == key:
                return position
            if header is not None:
                current = header[1]
                seen += current == section
                header_line = position if current == section and seen == number else header_line
            elif (
                current == section
                and seen == number
                and key
                and re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line)
            ):
                return position
        return header_line
