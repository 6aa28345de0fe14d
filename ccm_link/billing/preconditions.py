"""What has to be there, and may not stand beside it, before lines are proposed; each lack is a hold in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ccm_link.billing import periods, words
from ccm_link.billing.facts import Beside, By, InProgram, PatientMonth
from ccm_link.billing.fates import Fate, SetAside
from ccm_link.billing.proposal import Hold, Line, Why
from ccm_link.billing.rows import (
    LIVE_INTERACTION,
    Blocker,
    Certainty,
    Code,
    Coverage,
    Effect,
    Exclusion,
    Program,
    Requirement,
    Row,
    SetUp,
    Site,
    SiteMode,
    SupplyDays,
)
from ccm_link.billing.rule_book import InForce, Rules

_STRICTNESS: Final = (Effect.ALLOWS, Effect.ASKS, Effect.STOPS)


def of_program(
    enrolment: InProgram, lines: Sequence[Line], known: PatientMonth, rules: Rules
) -> Iterator[Hold]:
    """Yield what stands between one program's lines and a claim."""
    program = rules.find(Program, enrolment.program)
    codes = tuple(line.code for line in lines)
    if program is None or not codes:
        return
    yield from _requirements(enrolment, program.row.requires, codes, rules, program)
    for line in lines:
        code = line.rules[0]
        if isinstance(code.row, SupplyDays | SetUp):
            yield from _requirements(enrolment, code.row.needs, (line.code,), rules, code)
    for beside in known.beside:
        yield from _beside(beside, enrolment.program, codes, rules)
    yield from _coverage(enrolment.program, codes, known, rules)
    yield from _site(enrolment.program, codes, known, rules)
    for line in lines:
        yield from _unsure(line)


def consent(
    enrolment: InProgram, set_aside: Sequence[SetAside], lines: Sequence[Line]
) -> Iterator[Hold]:
    """Yield a hold where work was done, or would be, without a documented consent.

    The last enrolment's is asked for: its practitioner bills, also what an earlier one's consent made count.
    """
    lost = [one for one in set_aside if one.fate is Fate.NO_CONSENT]
    seconds = sum(one.seconds for one in lost)
    documented = enrolment.consent_documented_at
    if documented is not None and not lost:
        return
    yield Hold(
        key=f"consent:{enrolment.program}",
        why=Why.CONSENT,
        program=enrolment.program,
        codes=tuple(line.code for line in lines) if documented is None else (),
        words=(
            f"{words.duration(seconds)} were worked before the consent was documented and do not count."
            if documented is not None
            else "No consent is documented, and without one nothing counts."
        ),
        stops=documented is None,
        can_be_settled=False,
        entry_ids=tuple(sorted({one.entry_id for one in lost})),
        seconds=seconds,
    )


def changed_practitioner(
    enrolment: InProgram, lines: Sequence[Line], known: PatientMonth
) -> Iterator[Hold]:
    """Yield a hold where the time that lines are for had more than one practitioner: one of them bills it, by consent.

    Args:
        enrolment: the last one, whose practitioner would bill.
        lines: of its program.
        known: the month.
    """
    held_by = [one for one in known.programs if one.program == enrolment.program]
    if not lines or len(held_by) == 1:
        return
    first_on, last_on = min(one.first_on for one in lines), max(one.last_on for one in lines)
    (whole,) = periods.span_of_days(first_on, last_on, known.zone)
    whose = {
        one.practitioner_id
        for one in held_by
        if one.enrolled_at < whole.until_at
        and (one.ended_at is None or one.ended_at > whole.from_at)
    }
    if len(whose) > 1:
        yield Hold(
            key=f"practitioners:{enrolment.program}:{enrolment.practitioner_id}",
            why=Why.CHOICE,
            program=enrolment.program,
            codes=tuple(line.code for line in lines),
            words="The practitioner changed within the time that this is for, and each has a consent of their own: "
            "one of them bills it. Proposed is the last one.",
            stops=True,
            can_be_settled=True,
        )


def exclusions(
    by_program: Mapping[str, Sequence[Line]], known: PatientMonth, rules: Rules
) -> Iterator[Hold]:
    """Yield two holds for each pair of programs that may not meet: one of them is settled, for the one to bill."""
    practitioners = {one.program: one.practitioner_id for one in known.programs}
    for exclusion in rules.of(Exclusion):
        pair = exclusion.row.programs
        if not all(by_program.get(program) for program in pair):
            continue
        billed_by = {practitioners[program] for program in pair}
        are_two = len(billed_by) == len(pair) and None not in billed_by
        effect = exclusion.row.effect_of_two if are_two else exclusion.row.effect
        if effect is Effect.ALLOWS:
            continue
        for program in pair:
            others = " and ".join(other for other in pair if other != program)
            yield Hold(
                key=f"exclusion:{exclusion.row.name}:{program}",
                why=Why.EXCLUSION,
                program=program,
                codes=tuple(line.code for line in by_program[program]),
                words=f"The month reaches codes of {program} and of {others}: "
                + ("one of them is billed." if effect is Effect.STOPS else "look at both."),
                stops=effect is Effect.STOPS,
                can_be_settled=True,
                rule=exclusion,
            )


def settled(holds: Sequence[Hold], known: PatientMonth) -> tuple[Hold, ...]:
    """Return the holds with what people settled; of two programs that exclude each other not both can be."""
    reasons = {one.key: one.reason for one in known.settled}
    chosen: dict[str, int] = {}
    for hold in holds:
        if hold.why is Why.EXCLUSION and hold.stops and hold.key in reasons:
            pair = hold.key.rpartition(":")[0]
            chosen[pair] = chosen.get(pair, 0) + 1
    return tuple(
        replace(hold, stops=False, settled_because=reasons[hold.key])
        if hold.can_be_settled
        and hold.key in reasons
        and chosen.get(hold.key.rpartition(":")[0], 1) == 1
        else hold
        for hold in holds
    )


def _requirements(
    enrolment: InProgram,
    names: Sequence[str],
    codes: tuple[str, ...],
    rules: Rules,
    asking: InForce[Row],
) -> Iterator[Hold]:
    for name in names:
        answer = enrolment.attested.get(name)
        if answer is True or name == LIVE_INTERACTION:
            continue
        row = rules.find(Requirement, name)
        title = row.row.title if row else name
        yield Hold(
            key=f"requirement:{asking.row.name}:{name}",
            why=Why.REQUIREMENT,
            program=enrolment.program,
            codes=codes,
            words=f"Not there: {title}." if answer is False else f"Not known: {title}.",
            stops=True,
            can_be_settled=False,
            rule=row,
        )


def _beside(beside: Beside, program: str, codes: tuple[str, ...], rules: Rules) -> Iterator[Hold]:
    blockers = [one for one in rules.of(Blocker) if one.row.what == beside.what]
    if not blockers:
        yield Hold(
            key=f"beside:{beside.what}:{program}",
            why=Why.UNKNOWN_RULE,
            program=program,
            codes=codes,
            words=f"The rules of this month say nothing of {beside.what} beside {program}.",
            stops=True,
            can_be_settled=True,
        )
    for one in blockers:
        if program not in one.row.programs:
            continue
        effects = {By.US: [one.row.by_us], By.OTHERS: [one.row.by_others]}.get(
            beside.by, [one.row.by_us, one.row.by_others]
        )
        effect = max(effects, key=_STRICTNESS.index)
        if effect is Effect.ALLOWS:
            continue
        by_whom = {By.US: "the same practitioner", By.OTHERS: "somebody else"}.get(
            beside.by, "it is not known whom"
        )
        yield Hold(
            key=f"blocker:{one.row.name}:{program}:{beside.by}",
            why=Why.BLOCKER,
            program=program,
            codes=codes,
            words=f"{one.row.title} stands beside {program}, by {by_whom}.",
            stops=effect is Effect.STOPS,
            can_be_settled=True,
            rule=one,
        )


def _coverage(
    program: str, codes: tuple[str, ...], known: PatientMonth, rules: Rules
) -> Iterator[Hold]:
    coverage = rules.find(Coverage, program)
    if coverage is None:
        return
    if known.diagnoses is None:
        text = (
            f"The payer covers {program} for some diagnoses only, and the patient's are not known."
        )
    elif not any(code.startswith(coverage.row.diagnoses) for code in known.diagnoses):
        text = f"The payer covers {program} for none of the patient's diagnoses."
    else:
        return
    yield Hold(
        key=f"coverage:{program}",
        why=Why.COVERAGE,
        program=program,
        codes=codes,
        words=text,
        stops=True,
        can_be_settled=False,
        rule=coverage,
    )


def _site(
    program: str, codes: tuple[str, ...], known: PatientMonth, rules: Rules
) -> Iterator[Hold]:
    site = rules.find(Site, known.site)
    mode = site.row.mode if site else SiteMode.UNKNOWN
    if mode is SiteMode.COMPONENTS:
        return
    called = site.row.title if site else known.site
    yield Hold(
        key=f"site:{known.site}:{program}",
        why=Why.SITE,
        program=program,
        codes=codes,
        words=(
            f"{called}: code by code, as computed here, or in one bundled code; the site has to choose."
            if mode is SiteMode.CHOICE
            else f"{called}: how it bills in this month is not known here."
        ),
        stops=True,
        can_be_settled=mode is SiteMode.CHOICE,
        rule=site,
    )


def _unsure(line: Line) -> Iterator[Hold]:
    for one in line.rules:
        certainty = one.row.certainty
        if certainty.is_sure or not isinstance(one.row, Code | Program):
            continue
        is_unknown = certainty is Certainty.UNKNOWN
        yield Hold(
            key=f"rule:{one.row.name}:{line.code}:{line.last_on}",
            why=Why.UNKNOWN_RULE if is_unknown else Why.UNSURE_RULE,
            program=line.program,
            codes=(line.code,),
            words=f"The rule of {one.row.name} is {certainty}: {one.row.source}",
            stops=is_unknown,
            can_be_settled=not is_unknown,
            rule=one,
        )
