"""“homevitals alerts activate” and “… rules”: rules are in force under a clinician's name, and the trail knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alerts import rule_set
from deploy import cli
from tests import made_up_practice

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

SIGNED = ("--clinician", "dana", "--reason", "Agreed in the meeting.")


def test_a_set_is_put_in_force_for_a_condition_and_listed_with_its_sources(
    database: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up_practice.set_up(database.connect)
    monkeypatch.setenv("HOMEVITALS_CCM_LINK_DATABASE", database.conninfo("homevitals_console"))
    monkeypatch.setenv(
        "HOMEVITALS_CCM_LINK_ENTRANCE_DATABASE", database.conninfo("homevitals_entrance")
    )

    def run(action: str, *words: str) -> tuple[int, str, str]:
        status = cli.main(["alerts", action, "--practice", "millbrook", *words])
        told = capsys.readouterr()
        return status, told.out, told.err

    for refused, words in (
        (("hypertension", "--clinician", "casey", "--reason", "r"), "no clinician of the practice"),
        (("nothing", *SIGNED), "neither a file that can be read"),
        (("diabetes", *SIGNED, "--condition", "sugar"), "no code of ICD-10-CM"),
        (("diabetes", "--clinician", "dana", "--reason", " "), "say why"),
    ):
        status, out, err = run("activate", *refused)
        assert (status, out) == (1, "")
        assert words in err
    status, out, _ = run("activate", "hypertension", *SIGNED, "--condition", "i10")
    assert status == 0
    assert "under the name of Dana Achterberg" in out
    assert "for: Everybody with I10, essential (primary) hypertension" in out

    status, out, _ = run("rules")
    assert status == 0
    assert "systolic-high (urgent)  Severely raised systolic pressure, version 1" in out
    assert "Source: AHA/ACC blood pressure guideline 2025" in out
    assert "set by Dana Achterberg: Agreed in the meeting. (Rule set hypertension" in out
    listed = json.loads(run("rules", "--json")[1])
    of_condition = [one for one in listed if one["scope"] == "condition"]
    assert len(of_condition) == len(rule_set.shipped_set("hypertension").rules)
    assert {one["scope_key"] for one in of_condition} == {"I10"}
    with database.connect() as admin:
        events = admin.execute(
            "select action, detail ->> 'clinician' from ingest.audit_event where resource = 'practice_rule'"
            " and kind = 'change'"
        ).fetchall()
        (dana,) = admin.execute(
            "select staff_id::text from ingest.staff where sign_in_name = 'dana'"
        ).fetchone() or (None,)
    assert set(events) == {("C", dana)}
    assert len(events) == len(of_condition)
