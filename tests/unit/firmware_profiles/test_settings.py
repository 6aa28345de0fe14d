from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles.errors import SettingsError
from firmware_profiles.settings import REQUIRED, describe, load, load_text, setting


@dataclass(frozen=True, slots=True)
class KilnSettings:
    """Settings of something that has nothing to do with the rest."""

    owner: str = setting(REQUIRED, help="Who fires it.")
    rooms: int = setting(2, help="How many rooms.", minimum=1, maximum=8)
    target_c: float = setting(1000.5, help="How hot.", unit="degrees")
    vented: bool = setting(False, help="Whether the vent is open.")
    glaze: str = setting("celadon", help="Which glaze.", choices=("celadon", "tenmoku"))
    log_folder: Path = setting(Path("logs"), help="Where logs go.")
    key_file: Path = setting(Path("kiln.key"), help="File with the key.", secret_file=True)
    shelves: tuple[str, ...] = setting(("low", "high"), help="Names of the shelves.")


def problems(table: dict[str, object], environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(KilnSettings, {"owner": "me"} | table, environ or {}, section="kiln")
    return caught.value.problems


def test_defaults_hold_when_nothing_is_given() -> None:
    loaded = load(KilnSettings, {"owner": "me"}, {}, section="kiln")
    assert loaded.settings == KilnSettings(owner="me")
    assert loaded.origins == dict.fromkeys(loaded.origins, "default") | {"owner": "file"}


def test_file_gives_every_type() -> None:
    table: dict[str, object] = {
        "owner": "me",
        "rooms": 3,
        "target_c": 900,
        "vented": True,
        "glaze": "tenmoku",
        "log_folder": "/var/log/kiln",
        "key_file": "/run/key",
        "shelves": [],
    }
    loaded = load(KilnSettings, table, {}, section="kiln")
    assert loaded.settings == KilnSettings(
        owner="me",
        rooms=3,
        target_c=900.0,
        vented=True,
        glaze="tenmoku",
        log_folder=Path("/var/log/kiln"),
        key_file=Path("/run/key"),
        shelves=(),
    )
    assert isinstance(loaded.settings.target_c, float)
    assert set(loaded.origins.values()) == {"file"}


def test_environment_wins_and_gives_every_type() -> None:
    environ = {
        "HOMEVITALS_KILN_OWNER": "you",
        "HOMEVITALS_KILN_ROOMS": "3",
        "HOMEVITALS_KILN_TARGET_C": "-12.5",
        "HOMEVITALS_KILN_VENTED": "true",
        "HOMEVITALS_KILN_GLAZE": "tenmoku",
        "HOMEVITALS_KILN_LOG_FOLDER": "/var/log/kiln",
        "HOMEVITALS_KILN_KEY_FILE": "/run/key",
        "HOMEVITALS_KILN_SHELVES": "low, middle,high",
        "HOMEVITALS_OTHER_ROOMS": "ignored, for it is another section's",
        "PATH": "/bin",
    }
    loaded = load(KilnSettings, {"owner": "me", "rooms": 1}, environ, section="kiln")
    assert loaded.settings == KilnSettings(
        owner="you",
        rooms=3,
        target_c=-12.5,
        vented=True,
        glaze="tenmoku",
        log_folder=Path("/var/log/kiln"),
        key_file=Path("/run/key"),
        shelves=("low", "middle", "high"),
    )
    assert set(loaded.origins.values()) == {"environment"}


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"rooms": "3"}, "[kiln] rooms: expected a whole number, got a string"),
        ({"rooms": True}, "[kiln] rooms: expected a whole number, got a truth value"),
        ({"rooms": 3.0}, "[kiln] rooms: expected a whole number, got a number"),
        ({"rooms": 0}, "[kiln] rooms: expected at least 1"),
        ({"rooms": 9}, "[kiln] rooms: expected at most 8"),
        ({"target_c": float("nan")}, "[kiln] target_c: expected a finite number, got a number"),
        ({"vented": 1}, "[kiln] vented: expected true or false, got a whole number"),
        ({"vented": "true"}, "[kiln] vented: expected true or false, got a string"),
        ({"glaze": "shino"}, "[kiln] glaze: expected one of celadon, tenmoku"),
        ({"log_folder": ""}, "[kiln] log_folder: expected the path of a file or folder"),
        ({"log_folder": 5}, "[kiln] log_folder: expected a string, got a whole number"),
        ({"shelves": "low"}, "[kiln] shelves: expected an array of strings, got a string"),
        ({"shelves": [1]}, "[kiln] shelves: expected a string, got a whole number"),
        ({"owner": {}}, "[kiln] owner: expected a string, got a table"),
        ({"room": 3}, '[kiln] unknown key "room"; did you mean "rooms"?'),
    ],
)
def test_mistake_in_the_file_is_named(table: dict[str, object], problem: str) -> None:
    assert problems(table) == [problem]


@pytest.mark.parametrize("rooms", [1, 8])
def test_bounds_are_included(rooms: int) -> None:
    table: dict[str, object] = {"owner": "me", "rooms": rooms}
    assert load(KilnSettings, table, {}, section="kiln").settings.rooms == rooms


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("ROOMS", "3.0", "HOMEVITALS_KILN_ROOMS: expected a whole number"),
        ("ROOMS", "1_0", "HOMEVITALS_KILN_ROOMS: expected a whole number"),
        ("ROOMS", "\u0663", "HOMEVITALS_KILN_ROOMS: expected a whole number"),
        ("ROOMS", "9" * 5000, "HOMEVITALS_KILN_ROOMS: expected a whole number"),
        ("ROOMS", "99", "HOMEVITALS_KILN_ROOMS: expected at most 8"),
        ("TARGET_C", "nan", "HOMEVITALS_KILN_TARGET_C: expected a number"),
        ("TARGET_C", "", "HOMEVITALS_KILN_TARGET_C: expected a number"),
        ("VENTED", "yes", 'HOMEVITALS_KILN_VENTED: expected "true" or "false"'),
        ("VENTED", "True", 'HOMEVITALS_KILN_VENTED: expected "true" or "false"'),
        ("KEY_FILE", "", "HOMEVITALS_KILN_KEY_FILE: expected the path of a file or folder"),
        (
            "ROOM",
            "3",
            'unknown variable "HOMEVITALS_KILN_ROOM"; did you mean "HOMEVITALS_KILN_ROOMS"?',
        ),
    ],
)
def test_mistake_in_the_environment_is_named(name: str, text: str, problem: str) -> None:
    assert problems({}, {f"HOMEVITALS_KILN_{name}": text}) == [problem]


def test_all_mistakes_are_listed_at_once() -> None:
    text = '[kiln]\nrooms = "many"\nvented = 1\n[lathe]\n[oven]\n'
    with pytest.raises(SettingsError) as caught:
        load_text(
            text, {"kiln": KilnSettings, "oven": KilnSettings}, {"HOMEVITALS_OVEN_ROOMS": "x"}
        )
    assert caught.value.problems == [
        'unknown section "lathe"; known: kiln, oven',
        "[kiln] owner is missing: Who fires it.",
        "[kiln] rooms: expected a whole number, got a string",
        "[kiln] vented: expected true or false, got a whole number",
        "[oven] owner is missing: Who fires it.",
        "HOMEVITALS_OVEN_ROOMS: expected a whole number",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("[kiln\n", "line 1, column 6", id="syntax"),
        pytest.param("[kiln]\na=1\na=2\n", "line 3", id="key twice"),
        pytest.param('[klin]\nowner="me"\n', 'did you mean "kiln"?', id="section misspelt"),
        pytest.param("kiln = 3\n", "expected a table, written [kiln]", id="no table"),
        pytest.param('owner = "me"\n', 'unknown section "owner"', id="key outside a table"),
        pytest.param("\ufeff[kiln]\n", "not TOML", id="byte order mark"),
    ],
)
def test_mistake_in_the_whole_file_is_named(text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=r".") as caught:
        load_text(text, {"kiln": KilnSettings}, {})
    assert problem in str(caught.value)


def test_whole_file_is_read_when_it_is_right() -> None:
    loaded = load_text('[kiln]\nowner = "me"\n', {"kiln": KilnSettings}, {})
    assert loaded["kiln"].settings == KilnSettings(owner="me")


def test_no_setting_is_repeated_when_it_is_wrong() -> None:
    assert "hunter2" not in "".join(problems({"rooms": "hunter2", "owner": ["hunter2"]}))


def test_description_is_a_sample_file() -> None:
    rows = describe(KilnSettings, "kiln")
    assert [row.name for row in rows if row.default is None] == ["owner"]
    sample = "\n".join(f"{row.name} = {row.default or json.dumps('me')}" for row in rows)
    loaded = load(KilnSettings, tomllib.loads(sample), {}, section="kiln")
    assert loaded.settings == KilnSettings(owner="me")


def test_description_tells_what_the_manual_shows() -> None:
    rows = {row.name: row for row in describe(KilnSettings, "kiln")}
    target = rows["target_c"]
    assert (target.variable, target.type_name, target.default, target.unit, target.help) == (
        "HOMEVITALS_KILN_TARGET_C",
        "a number",
        "1000.5",
        "degrees",
        "How hot.",
    )
    assert rows["glaze"].choices == ("celadon", "tenmoku")
    assert [row.name for row in rows.values() if row.secret_file] == ["key_file"]


@given(
    st.dictionaries(
        st.sampled_from(["owner", "rooms", "vented", "shelves", "x", "kiln"]),
        st.sampled_from([None, True, 0, -1, 3, 1e400, float("nan"), "", "x", [], [1], ["x"], {}]),
    )
)
def test_nothing_but_settings_error_escapes_whatever_the_table(table: dict[str, object]) -> None:
    try:
        load(KilnSettings, table, {}, section="kiln")
    except SettingsError as error:
        if not error.problems:
            raise
