"""A profile's file: what is read from it, and where a mistake is said to be."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from firmware_profiles import models, profile_file, profile_folder
from firmware_profiles.errors import ProfileError
from firmware_profiles.profile_file import ProfileFileError


def shipped(profile_id: str) -> str:
    file = resources.files("firmware_profiles.models").joinpath(f"{profile_id}.toml")
    return file.read_text(encoding="utf-8")


CUFF = shipped("standard-cuff")


def line_of(text: str, beginning: str) -> int:
    return next(
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if line.startswith(beginning)
    )


def test_reads_a_profile() -> None:
    assert profile_file.parse("standard-cuff.toml", CUFF) == models.by_id("standard-cuff", 1)


@pytest.mark.parametrize(
    ("right", "wrong", "line", "words"),
    [
        pytest.param('title = "', 'titel = "', "titel", 'did you mean "title"', id="unknown key"),
        pytest.param("version = 1", "version = 0", "version", "at least 1", id="bound"),
        pytest.param(
            'mode = "just_works"', 'mode = "magic"', "mode", "just_works, passkey", id="choice"
        ),
        pytest.param('do = "read_clock"', 'do = "look"', "do", "one of read_clock", id="step"),
        pytest.param(
            "idle_timeout_s = 10.0", "idle_timeout_s = true", "idle", "a finite number", id="type"
        ),
        pytest.param(
            'services = ["1810"]', "name = '('", "name = '('", "regular expression", id="pattern"
        ),
        pytest.param('services = ["1810"]', "", "[[match]]", "every peripheral", id="matches all"),
        pytest.param('kinds = ["blood_pressure"]', "kinds = []", "kinds", "expected", id="kinds"),
        pytest.param("[texts]", "[[texts]]", "[[texts]]", "expected a table", id="not a table"),
        pytest.param("[[match]]", "[match]", "[match]", "[[match]]", id="not a list"),
        pytest.param("user_slots", "user_slots =", "user_slots", "not TOML", id="syntax"),
        pytest.param('"2a35"', '"2a36"', "[[step]]", "nothing here can read", id="script"),
    ],
)
def test_mistake_is_named_with_its_line(right: str, wrong: str, line: str, words: str) -> None:
    text = CUFF.replace(right, wrong, 1)
    assert text != CUFF
    with pytest.raises(ProfileFileError) as refused:
        profile_file.parse("mine.toml", text)
    where = line_of(text, line)
    found = [mistake for mistake in refused.value.mistakes if mistake.line == where]
    assert found, refused.value
    assert words in found[0].what
    assert f"mine.toml, line {where}: " in str(refused.value)


def test_every_mistake_is_listed() -> None:
    text = CUFF.replace("version = 1", "version = 0").replace("[pairing]", "[pears]")
    with pytest.raises(ProfileFileError) as refused:
        profile_file.parse("mine.toml", text)
    assert len(refused.value.mistakes) == 3  # the version, the unknown table, the missing mode


@pytest.mark.parametrize("text", ["", "[" * 5_000, "x" * 70_000, "a = " + "9" * 5_000])
def test_refuses_what_is_no_profile_at_all(text: str) -> None:
    with pytest.raises(ProfileFileError):
        profile_file.parse("mine.toml", text)


def test_folder_refuses_all_files_when_one_is_broken(tmp_path: Path) -> None:
    mine = CUFF.replace('"standard-cuff"', '"my-cuff"', 1)
    (tmp_path / "a.toml").write_text(mine, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a profile", encoding="utf-8")
    assert [profile.profile_id for profile in profile_folder.read(tmp_path)] == ["my-cuff"]
    (tmp_path / "b.toml").write_text(mine.replace("version = 1", "version = 0"), encoding="utf-8")
    (tmp_path / "c.toml").write_text("= 1", encoding="utf-8")
    with pytest.raises(ProfileError) as refused:
        profile_folder.read(tmp_path)
    assert [line.split(",")[0] for line in str(refused.value).splitlines()] == ["b.toml", "c.toml"]


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="expected a folder"):
        profile_folder.read(tmp_path / "nowhere")
