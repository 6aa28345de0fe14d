from __future__ import annotations

import pytest

from firmware_profiles.errors import FrameReason, WireReason
from ingest import quarantine
from ingest.quarantine import IngestReason

REASONS = [*FrameReason, *WireReason, *IngestReason]


def test_list_of_reasons_is_closed() -> None:
    assert set(quarantine.EXPLANATIONS) == set(REASONS)
    assert len({reason.value for reason in REASONS}) == len(REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_reason_says_what_it_means_and_what_to_do_when_it_was_stored(reason: str) -> None:
    explanation = quarantine.explain(str(reason))

    assert explanation.meaning.endswith(".")
    assert explanation.action.endswith(".")


def test_reason_is_unknown_when_no_release_wrote_it() -> None:
    with pytest.raises(KeyError):
        quarantine.explain("because")
