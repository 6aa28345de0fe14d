"""Rules in the console: shown with who, why and from where; tried on the last days; signed by a clinician."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import httpx
import pytest

from alerts import rule_set
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
SignIn = Callable[[str], httpx.Client]

SIGNED = {"reason": "Agreed in the meeting of 12 November.", "signature": "dana  ACHTERBERG"}


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_a_set_is_tried_signed_and_in_force_for_those_with_the_condition(
    sign_in: SignIn, casey: httpx.Client, made_up: MadeUp, connect: Connect, clock: Clock
) -> None:
    dana = sign_in("dana")
    said = text_of(dana.get("/rules"))
    assert "The whole practice" in said
    assert (
        "Systolic pressure at or above 180 mmHg in one reading. The task is due within 1 hour."
        in said
    )
    assert "set by Dana Achterberg: test (Rule set single-limits, version 2026-01.)" in said
    assert "Source: AHA/ACC blood pressure guideline 2025" in said
    assert casey.get("/rules").status_code == 200
    assert "Try it" not in casey.get("/rules/sets").text

    chosen = {"shipped": "hypertension", "for_whom": "condition", "diagnosis": "i10"}
    answer = dana.post("/rules/sets/trial", data=chosen)
    said = text_of(answer)
    assert answer.status_code == 200
    assert "For: Everybody with I10, essential (primary) hypertension." in said
    assert re.search(r"\d+ readings of 2 patients on \d+ patient-days", said)
    assert "would be gone" in said
    assert "It is new for these people." in said
    assert casey.post("/rules/sets/trial", data=chosen).status_code == 403

    refused = dana.post("/rules/sets/activate", data=chosen | SIGNED | {"signature": "Dana"})
    assert refused.status_code == 422
    assert "it is your signature" in refused.text
    assert dana.post("/rules/sets/activate", data=chosen | {"reason": "r"}).status_code == 422
    assert "I10" not in text_of(dana.get("/rules"))

    answer = dana.post("/rules/sets/activate", data=chosen | SIGNED)
    assert answer.headers["location"] == "/rules?said=activated"
    said = text_of(dana.get("/rules"))
    assert "Everybody with I10, essential (primary) hypertension" in said
    assert (
        "Mean systolic pressure of 7 days at or above 135 mmHg, from at least 12 readings" in said
    )
    hers = text_of(casey.get(f"/patients/{made_up.patients['amalia']}"))
    assert "because of condition I10" in hers
    assert "Low glucose for the whole practice Glucose below 70 mg/dL in one reading." in hers
    assert "because of" not in text_of(casey.get(f"/patients/{made_up.patients['bertram']}"))
    with connect("postgres") as connection:
        told = connection.execute(
            "select count(*), count(distinct resource_id) from ingest.audit_event"
            " where resource = 'practice_rule' and kind = 'change' and outcome = 'success'"
        ).fetchone()
    rules = len(rule_set.shipped_set("hypertension").rules)
    assert told == (rules, rules)

    silent = text_of(dana.post("/rules/sets/trial", data={"shipped": "silence"}))
    assert "History cannot say what these would do" in silent
    assert "Blood pressure : 2 every day from 06:00" in silent

    clock.move(minutes=1)
    again = dana.post("/rules/sets/trial", data=chosen)
    assert "In the place of: Mean systolic pressure of 7 days" in text_of(again)


def test_a_file_with_mistakes_is_refused_with_line_and_reason_and_its_text_kept(
    sign_in: SignIn,
) -> None:
    dana = sign_in("dana")
    text = rule_set.shipped()["diabetes"].replace("limit_value = 54", "limit_value = -1")
    line = text.splitlines().index("limit_value = -1") + 1
    answer = dana.post("/rules/sets/trial", data={"rules_text": text, "for_whom": "practice"})
    assert answer.status_code == 422
    assert f"pasted text, line {line}: " in text_of(answer)
    assert "limit_value = -1" in answer.text
    for wrong, words in (
        ({"for_whom": "practice"}, "Choose one of our sets"),
        ({"rules_text": text, "shipped": "diabetes"}, "Choose one of our sets"),
        ({"shipped": "diabetes", "for_whom": "condition"}, "Name a condition"),
        ({"shipped": "../diabetes"}, "Choose one of the list."),
    ):
        answer = dana.post("/rules/sets/trial", data=wrong)
        assert answer.status_code == 422
        assert words in answer.text
    mended = text.replace("limit_value = -1", "limit_value = 55")
    chosen = {"rules_text": mended, "for_whom": "practice"}
    tried = dana.post("/rules/sets/trial", data=chosen)
    assert tried.status_code == 200
    carried = re.search(
        r'<textarea name="rules_text" hidden>\n(.*?)</textarea>', tried.text, re.DOTALL
    )
    assert carried is not None
    assert unescape(carried[1]) == mended
    assert dana.post("/rules/sets/activate", data=chosen | SIGNED).status_code == 303
    assert "Glucose below 55 mg/dL" in text_of(dana.get("/rules"))


def test_a_rule_gets_another_limit_after_a_trial_and_is_switched_off(
    sign_in: SignIn, casey: httpx.Client, made_up: MadeUp, connect: Connect, clock: Clock
) -> None:
    dana = sign_in("dana")
    page = dana.get("/rules").text
    (address,) = re.findall(r'<a href="(/rules/[0-9a-f-]{36})">Raised systolic pressure</a>', page)
    tried = dana.post(f"{address}/limit", data={"limit": "165", "step": "try"})
    assert tried.status_code == 200
    said = text_of(tried)
    assert "Raised systolic pressure at 165 mmHg instead of 140 mmHg" in said
    found = re.search(r"it would have called (\d+) times? instead of (\d+)", said)
    assert found is not None
    assert int(found[1]) < int(found[2])
    assert "Version 2" not in said

    wanted = {"limit": "165", "step": "set", **SIGNED}
    for wrong, words in (
        ({"limit": "185"}, "This contradicts"),
        ({"signature": "Casey Lindqvist"}, "it is your signature"),
        ({"until_on": "2020-01-01"}, "This day is over."),
    ):
        answer = dana.post(f"{address}/limit", data=wanted | wrong)
        assert answer.status_code == 422
        assert words in answer.text
    assert casey.post(f"{address}/limit", data=wanted).status_code == 403
    assert (
        dana.post(f"{address}/limit", data=wanted | {"until_on": "2026-12-24"}).status_code == 303
    )
    said = text_of(dana.get(address))
    assert "Version 2 , since 12 Nov 2026 until 25 Dec 2026, 00:00 EST" in said.replace("2,", "2 ,")
    assert "Version 1 : 15 Jul 2026" in said.replace("1:", "1 :")

    clock.move(minutes=1)
    off = {"becomes": "off", **SIGNED}
    assert dana.post(f"{address}/asked", data=off | {"becomes": "ended"}).status_code == 422
    assert dana.post(f"{address}/asked", data=off).status_code == 303
    assert "Nobody asks this rule now." in text_of(dana.get(address))
    assert "Switched off Raised systolic pressure" in text_of(dana.get("/rules"))
    assert dana.post(f"{address}/asked", data=off).status_code == 422
    clock.move(minutes=1)
    assert dana.post(f"{address}/asked", data=off | {"becomes": "on"}).status_code == 303
    assert "Nobody asks this rule now." not in text_of(dana.get(address))

    own = f"/patients/{made_up.patients['amalia']}/rules"
    setting = {"question": "systolic-high/urgent", "limit": "190", "reason": "Known."}
    assert casey.post(own, data=setting).status_code == 303
    with connect("postgres") as connection:
        (rule_id,) = connection.execute(
            "select rule_id from alerts.rule where scope = 'patient'"
        ).fetchone() or (None,)
    assert dana.get(f"/rules/{rule_id}").status_code == 404  # it stands on the patient's page
    assert "1 patient has 1 rule of their own" in text_of(dana.get("/rules"))
    clock.move(minutes=1)
    ending = {"question": "systolic-high/urgent", "reason": ""}
    refused = casey.post(f"{own}/end", data=ending)
    assert refused.status_code == 422
    assert "End it" in refused.text
    assert casey.post(f"{own}/end", data=ending | {"reason": "Visit."}).status_code == 303
    clock.move(minutes=1)
    assert casey.post(f"{own}/end", data=ending | {"reason": "Visit."}).status_code == 422
    assert "No patient has a rule of their own." in text_of(dana.get("/rules"))


def test_a_limit_of_a_patient_is_tried_before_it_is_set(
    casey: httpx.Client, made_up: MadeUp
) -> None:
    address = f"/patients/{made_up.patients['amalia']}"
    typed = {"question": "systolic-high/clinical", "limit": "135", "step": "try"}
    tried = casey.post(f"{address}/rules", data=typed)
    assert tried.status_code == 200
    said = text_of(tried)
    assert "Raised systolic pressure at 135 mmHg instead of 140 mmHg" in said
    assert "Nothing was changed." in said
    assert 'value="135"' in tried.text
    assert "at or above 135" not in text_of(casey.get(address))
