"""Time entries that a person has to look at: conflicts, time logged twice, entries that cannot be right. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ccm_link.billing import words
from ccm_link.billing.fates import HELD, Fate, SetAside
from ccm_link.billing.proposal import Hold, Why
from ccm_link.billing.seconds_counted import Account

_BAD_ENTRIES: Final[Mapping[Fate, str]] = {
    Fate.NOT_APPROVED: "waits until another person approves it",
    Fate.NO_SPAN: "ends before it began, or lasts no second",
    Fate.TOO_LONG: "is longer than 8 hours",
    Fate.IN_THE_FUTURE: "ends in the future",
    Fate.UNKNOWN_ROLE: "is of somebody whose role at that time is not known",
    Fate.UNKNOWN_PROGRAM: "is for a program that the rules of this month do not know",
}
_CONFLICTS: Final[Mapping[Fate, str]] = {
    Fate.TWO_PROGRAMS: "are claimed by two programs at once and count for neither",
    Fate.TWO_PATIENTS: "were worked by one person for two patients at once and do not count",
}


def holds(account: Account, program_of: Callable[[SetAside], str]) -> Iterator[Hold]:
    """Yield conflicts between time entries, and entries that cannot be right."""
    found: dict[tuple[Fate, str], list[SetAside]] = {}
    for one in account.set_aside:
        if one.fate in HELD:
            found.setdefault((one.fate, program_of(one)), []).append(one)
        elif one.fate in _BAD_ENTRIES:
            yield Hold(
                key=f"entry:{one.entry_id}",
                why=Why.BAD_ENTRY,
                program=program_of(one),
                codes=(),
                words=f"A time entry {_BAD_ENTRIES[one.fate]}; it counts for nothing.",
                stops=False,
                can_be_settled=False,
                entry_ids=(one.entry_id,),
                seconds=one.seconds,
            )
    for (fate, program), parts in sorted(found.items()):
        seconds = sum(one.seconds for one in parts)
        yield Hold(
            key=f"conflict:{fate}:{program}",
            why=Why.CONFLICT,
            program=program,
            codes=(),
            words=f"{words.duration(seconds)} {_CONFLICTS[fate]} until somebody decides.",
            stops=False,
            can_be_settled=False,
            entry_ids=tuple(sorted({one.entry_id for one in parts})),
            seconds=seconds,
        )
    for entry_ids, spans in account.logged_twice:
        seconds = sum(span.seconds for span in spans)
        yield Hold(
            key="twice:" + ":".join(sorted(str(entry_id) for entry_id in entry_ids)),
            why=Why.CONFLICT,
            program="",
            codes=(),
            words=f"One person logged {words.duration(seconds)} twice; they count once.",
            stops=False,
            can_be_settled=True,
            entry_ids=tuple(sorted(entry_ids)),
            seconds=seconds,
        )
