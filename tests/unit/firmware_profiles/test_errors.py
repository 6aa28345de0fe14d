from __future__ import annotations

import re

import pytest

from firmware_profiles import errors


def every_error() -> list[type[errors.FirmwareProfilesError]]:
    base = errors.FirmwareProfilesError
    return [base, *base.__subclasses__()]


def test_tree_in_the_module_docstring_is_the_tree() -> None:
    drawn = re.findall(r"(\w+Error)\b(?=  )", errors.__doc__)
    assert set(drawn) | {"FirmwareProfilesError"} == {error.__name__ for error in every_error()}


def test_docstring_is_the_message_when_none_is_given() -> None:
    assert str(errors.FrameError(errors.FrameReason.SHORT_FRAME)).startswith("The bytes do not")
    assert str(errors.SettingsError([])).startswith("The configuration has mistakes")


@pytest.mark.parametrize("error", every_error()[1:])
def test_bad_input_is_a_value_error_too(error: type[Exception]) -> None:
    assert issubclass(error, ValueError)


def test_settings_error_lists_every_problem() -> None:
    error = errors.SettingsError(["first", "second"])
    assert (error.problems, str(error)) == (["first", "second"], "first\nsecond")
