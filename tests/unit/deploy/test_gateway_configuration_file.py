"""A gateway's configuration as a file: what is left out is not there, and what is written reads back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import errors, gateway_configuration_file
from firmware_profiles.gateway_configuration import AllowedPeripheral, Schedule
from ingest.gateway_configurations import Wanted


def test_a_file_of_nothing_is_a_configuration_of_nothing() -> None:
    assert gateway_configuration_file.read("x", "", lambda _: "") == Wanted()


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(errors.DeployError, match="line 2"):
        gateway_configuration_file.read("x", "[schedule]\nrevisit_after_s = nan", lambda _: "")


@given(
    name=st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=40),
    seconds=st.none() | st.floats(0, 900),
)
def test_what_is_written_reads_back(name: str, seconds: float | None) -> None:
    wanted = Wanted(
        (AllowedPeripheral("AA:BB:CC:DD:EE:01", name=name),),
        schedule=Schedule(status_every_s=seconds),
    )
    text = gateway_configuration_file.write(wanted)
    assert gateway_configuration_file.read("x", text, lambda _: "") == wanted
