from __future__ import annotations

import json
from uuid import UUID

import pytest

from ingest.audit_findings import Finding, Place, Verdict


@pytest.mark.parametrize("place", list(Place))
def test_every_place_has_its_words_and_its_json(place: Place) -> None:
    finding = Finding(place, UUID(int=1), 3, UUID(int=2), 5, 7, "ingest.audit_link")
    words = finding.words()
    assert not {"{", "None"} & set(words)
    assert ": " in words
    assert json.loads(json.dumps(finding.as_json()))["place"] == place.value


def test_a_finding_tells_programs_only_what_applies() -> None:
    assert Finding(Place.ANCHOR_LINE_CUT, anchor_line=2).as_json() == {
        "place": "anchor_line_cut",
        "anchor_line": 2,
    }


@pytest.mark.parametrize("anchors", [None, 0])
def test_without_anchors_the_verdict_says_how_little_it_says(anchors: int | None) -> None:
    words = Verdict((), chains=1, links=2, anchors=anchors).words()
    assert any("only internal consistency" in line for line in words)
    assert not any("only internal" in line for line in Verdict((), 1, 2, 1, "x").words())
