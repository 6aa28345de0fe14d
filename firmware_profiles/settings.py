"""One way to declare settings, shared by every process.

A package declares its settings once, as a frozen dataclass::

    @dataclass(frozen=True, slots=True)
    class IngestSettings:
        broker_port: int = setting(8883, help="Port of the MQTT broker.", minimum=1, maximum=65535)

From that declaration come the reading of the TOML table and of the environment (the environment
wins), the messages about mistakes, the sample file and the table in the manual. Everything here is
text and mappings in, values out: whoever starts the process reads the file.

Types: ``str``, ``int``, ``float``, ``bool``, ``Path``, a ``StrEnum`` (one of its words) and ``tuple[str, ...]`` (an
array in TOML, separated by commas in the environment). A secret is never a setting: a setting with `secret_file`
names the file that holds it.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from firmware_profiles import errors, setting_types

ENVIRONMENT_PREFIX: Final = "HOMEVITALS"

# The default of a setting that everybody must give.
REQUIRED: Final[Any] = dataclasses.MISSING

_Settings = TypeVar("_Settings")
_Setting = TypeVar("_Setting")

_METADATA: Final = "homevitals_setting"


@dataclass(frozen=True, slots=True)
class _Declaration:
    help: str
    unit: str
    secret_file: bool
    choices: tuple[object, ...]
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class Loaded(Generic[_Settings]):
    """Settings, and for each of them where it came from: `default`, `file` or `environment`."""

    settings: _Settings
    origins: dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as the manual and the sample file show it.

    Attributes:
        name: key in the TOML table.
        variable: environment variable that overrides it.
        type_name: what it must be, in words.
        default: its default as TOML text; None if it must be given.
        unit: unit of the number, or "".
        help: one or two sentences.
        choices: the only allowed ones, if they are few.
        secret_file: whether it names a file with a secret.
    """

    name: str
    variable: str
    type_name: str
    default: str | None
    unit: str
    help: str
    choices: tuple[str, ...]
    secret_file: bool


def setting(
    default: _Setting,
    *,
    help: str,  # noqa: A002 - argparse taught everybody this word
    unit: str = "",
    secret_file: bool = False,
    choices: tuple[_Setting, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
) -> _Setting:
    """Declare one field of a settings dataclass.

    Args:
        default: used when neither file nor environment says anything; `REQUIRED` if one must.
        help: what it does, for the person who has to choose.
        unit: of a number.
        secret_file: the setting is the path of a file with a secret.
        choices: the only allowed ones.
        minimum: smallest allowed number, included.
        maximum: largest allowed number, included.
    """
    declaration = _Declaration(help, unit, secret_file, choices, minimum, maximum)
    return dataclasses.field(default=default, kw_only=True, metadata={_METADATA: declaration})


def load(
    cls: type[_Settings], table: Mapping[str, object], environ: Mapping[str, str], *, section: str
) -> Loaded[_Settings]:
    """Make settings out of one table of the file and the environment.

    Raises:
        SettingsError: with every mistake in both, not only the first.
    """
    problems: list[str] = []
    accepted: dict[str, object] = {}
    origins: dict[str, str] = {}
    names = _names(cls)
    prefix = _variable(section, "")
    problems += _unknown(table, names, "key", f"[{section}] ")
    problems += _unknown(
        (variable for variable in environ if variable.startswith(prefix)),
        [_variable(section, name) for name in names],
        "variable",
        "",
    )
    for field, wanted in _fields(cls):
        variable = _variable(section, field.name)
        try:
            if variable in environ:
                accepted[field.name] = _checked(field, wanted.parse(environ[variable]))
                origins[field.name] = "environment"
            elif field.name in table:
                accepted[field.name] = _checked(field, wanted.take(table[field.name]))
                origins[field.name] = "file"
            elif field.default is dataclasses.MISSING:
                problems.append(f"[{section}] {field.name} is missing: {_declaration(field).help}")
            else:
                origins[field.name] = "default"
        except setting_types.UnfitError as unfit:
            where = variable if variable in environ else f"[{section}] {field.name}"
            problems.append(f"{where}: expected {unfit.expected}")
    if problems:
        raise errors.SettingsError(problems)
    return Loaded(settings=cls(**accepted), origins=origins)


def load_text(
    toml_text: str, sections: Mapping[str, type], environ: Mapping[str, str]
) -> dict[str, Loaded[Any]]:
    """Read a whole configuration file.

    Args:
        toml_text: the file's text; may be empty.
        sections: settings class of each table the file may have.
        environ: the process's environment.

    Returns:
        Settings by section.

    Raises:
        SettingsError: with every mistake in the file and in the environment.
    """
    try:
        document = tomllib.loads(toml_text)
    except tomllib.TOMLDecodeError as error:
        raise errors.SettingsError([f"the file is not TOML: {error}"]) from error
    except (RecursionError, ValueError) as error:
        # The parser lets these through: thousands of brackets, a number of thousands of digits.
        raise errors.SettingsError(
            ["the file is not TOML: nested too deeply, or a number too long"]
        ) from error
    problems = _unknown(document, list(sections), "section", "")
    loaded: dict[str, Loaded[Any]] = {}
    for section, cls in sections.items():
        table = document.get(section, {})
        if not isinstance(table, dict):
            problems.append(f"{section}: expected a table, written [{section}]")
            continue
        try:
            loaded[section] = load(cls, table, environ, section=section)
        except errors.SettingsError as error:
            problems += error.problems
    if problems:
        raise errors.SettingsError(problems)
    return loaded


def describe(cls: type, section: str) -> list[Row]:
    """List the settings of a class in the order of their declaration."""
    rows = []
    for field, wanted in _fields(cls):
        declaration = _declaration(field)
        rows.append(
            Row(
                name=field.name,
                variable=_variable(section, field.name),
                type_name=wanted.name,
                default=None if field.default is dataclasses.MISSING else _toml(field.default),
                unit=declaration.unit,
                help=declaration.help,
                choices=tuple(str(choice) for choice in declaration.choices),
                secret_file=declaration.secret_file,
            )
        )
    return rows


def _fields(cls: type) -> list[tuple[dataclasses.Field[Any], setting_types.SettingType]]:
    hints = typing.get_type_hints(cls)
    return [(field, setting_types.wanted(hints[field.name])) for field in dataclasses.fields(cls)]


def _names(cls: type) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]


def _declaration(field: dataclasses.Field[Any]) -> _Declaration:
    declaration: _Declaration = field.metadata[_METADATA]
    return declaration


def _checked(field: dataclasses.Field[Any], entry: object) -> object:
    """Hold a setting against its choices and its bounds."""
    declaration = _declaration(field)
    if declaration.choices and entry not in declaration.choices:
        raise setting_types.UnfitError(
            "one of " + ", ".join(str(choice) for choice in declaration.choices)
        )
    if isinstance(entry, int | float):
        unit = f" {declaration.unit}" if declaration.unit else ""
        if declaration.minimum is not None and entry < declaration.minimum:
            raise setting_types.UnfitError(f"at least {declaration.minimum:g}{unit}")
        if declaration.maximum is not None and entry > declaration.maximum:
            raise setting_types.UnfitError(f"at most {declaration.maximum:g}{unit}")
    return entry


def _variable(section: str, name: str) -> str:
    return f"{ENVIRONMENT_PREFIX}_{section}_{name}".upper()


def _unknown(given: Iterable[str], known: list[str], what: str, where: str) -> list[str]:
    """Name every key nobody declared, with the nearest one that somebody did."""
    problems = []
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known)}"
            problems.append(f'{where}unknown {what} "{name}"; {hint}')
    return problems


def _toml(entry: object) -> str:
    """Write a default as TOML text. JSON's strings, numbers and truth values are TOML's too."""
    if isinstance(entry, tuple):
        return "[" + ", ".join(json.dumps(str(part)) for part in entry) + "]"
    if isinstance(entry, Path):
        return json.dumps(str(entry))
    return json.dumps(entry)
