"""Configuration and profile files that are wrong: rows 77 to 90 of the catalogue of bad input, one name for each.

Refused settings end a command with status 3, which is this project's status for settings.

==== =============================================== ===================================================================
Row  Input                                           State
==== =============================================== ===================================================================
77   missing, folder, unreadable, world-writable     refused with the file's name and what to do; gateway and server
78   empty, only comments                            refused: “holds no settings”
79   syntax error                                    refused with line and column
80   unknown key                                     refused with the nearest known one
81   wrong type, out of range, negative              refused, all at once
82   entry twice, limits that overlap, wrong unit    refused, naming both
83   profile for what nothing decodes                refused when it is made; profiles are code, not files
84   YAML, bombs                                     no YAML reader; depth, digits and length of TOML are bounded
85   placeholder or example secret                   no process starts with one
86   secret empty, with a line end, CRLF             one line end is taken off; empty is refused
87   certificate and key do not fit                  no process starts; named by “doctor”
88   settings signed by an unknown key, or older     there are no settings from afar; whoever adds them adds this row
89   not UTF-8, byte order mark, NUL                 refused, saying which and in which line
90   limits that would silence all alerts            cannot be set: limits are bounded and no rule can be switched off
==== =============================================== ===================================================================
"""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import serialization

from alerts.limits import Line, line_of, with_limit
from alerts.measures import Comparison, Measure, Severity
from alerts.rule_set import RuleSpec
from alerts.rules import Rule, Scope
from ccm_link.console import limits
from ccm_link.console.posted import rule_inputs
from ccm_link.console.routes import permissions
from deploy import certificates, cli, configuration, start_conditions
from deploy.settings import SECTIONS
from firmware_profiles import models, secret_file, topics, uuids
from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.errors import ProfileError, SettingsError
from firmware_profiles.session_steps import Disconnect, Step, Subscribe
from gateway import cli as gateway_cli
from tests import single_limits

PRODUCT = ("alerts", "ccm_link", "deploy", "firmware_profiles", "gateway", "ingest")

ROOT = Path(__file__).parents[2]
NOBODY = 65534
Told = Callable[[], str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Return what a command said on stderr."""
    return lambda: capsys.readouterr().err


def check(file: Path) -> int:
    return cli.main(["config", "check", "--config", str(file)])


def check_gateway(file: Path) -> int:
    return gateway_cli.main(["config", "check", "--config", str(file)])


@pytest.mark.parametrize("command", [check, check_gateway], ids=["server", "gateway"])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda file: None, "there is no such file", id="missing"),
        pytest.param(lambda file: file.mkdir(), "is a folder", id="folder"),
        pytest.param(os.mkfifo, "is no regular file", id="pipe"),
        pytest.param(lambda file: file.symlink_to("/dev/zero"), "regular file", id="device"),
        pytest.param(lambda file: file.symlink_to(file), "cannot be read", id="loop"),
    ],
)
def test_row_77_what_is_no_file_is_refused_by_name(
    tmp_path: Path,
    told: Told,
    command: Callable[[Path], int],
    make: Callable[[Path], None],
    words: str,
) -> None:
    file = tmp_path / "settings.toml"
    make(file)
    assert command(file) == 3
    said = told()
    assert str(file) in said
    assert words in said


@pytest.mark.parametrize("command", [check, check_gateway], ids=["server", "gateway"])
def test_row_77_a_file_that_everybody_may_write_is_refused(
    tmp_path: Path, told: Told, command: Callable[[Path], int]
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[deploy]\n")
    file.chmod(0o666)
    assert command(file) == 3
    said = told()
    assert str(file) in said
    assert "chmod o-w" in said


def test_row_77_an_unreadable_file_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[deploy]\n")
    file.chmod(0)
    script = (
        "import sys; from pathlib import Path; from firmware_profiles import settings_file, errors\n"
        "import os; os.geteuid() or os.setuid(int(sys.argv[2]))\n"  # root may read anything
        "try: settings_file.read(Path(sys.argv[1]))\n"
        "except errors.SettingsError as error: print(error)\n"
    )
    words = [sys.executable, "-c", script, str(file), str(NOBODY)]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert str(file) in ended.stdout
    assert "may not read it; change its owner or its mode" in ended.stdout


@pytest.mark.parametrize("command", [check, check_gateway], ids=["server", "gateway"])
@pytest.mark.parametrize(
    "text", ["", " \n\t\n", "# [deploy]\n  # pace = 2\n"], ids=["empty", "blanks", "comments"]
)
def test_row_78_a_file_that_says_nothing_is_refused(
    tmp_path: Path, told: Told, command: Callable[[Path], int], text: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    assert command(file) == 3
    said = told()
    assert str(file) in said
    assert "holds no settings" in said


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[deploy\n", "line 1, column 8"),
        ("[deploy]\npace = \n", "line 2, column 8"),
        ('[deploy]\npace = "1\n', "line 2, column 10"),
        ("[deploy]\npace = 1\npace = 2\n", "line 3"),
        ("[deploy]\npace 1\n", "line 2, column 6"),
        ("[deploy]\n[deploy]\n", "line 2"),
    ],
)
def test_row_79_a_syntax_error_has_a_place(
    tmp_path: Path, told: Told, text: str, place: str
) -> None:
    file = tmp_path / "server.toml"
    file.write_text(text)
    assert check(file) == 3
    said = told()
    assert str(file) in said
    assert place in said


@pytest.mark.parametrize(
    ("text", "environ", "near"),
    [
        ("[ingest]\nbroker_prot = 1\n", {}, 'did you mean "broker_port"?'),
        ("[ingets]\n", {}, 'did you mean "ingest"?'),
        ("[deploy]\n", {"HOMEVITALS_DEPLOY_PAEC": "1"}, 'did you mean "HOMEVITALS_DEPLOY_PACE"?'),
    ],
    ids=["key", "section", "variable"],
)
def test_row_80_an_unknown_key_is_refused_with_the_nearest_one(
    tmp_path: Path,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    environ: dict[str, str],
    near: str,
) -> None:
    for name, content in environ.items():
        monkeypatch.setenv(name, content)
    file = tmp_path / "server.toml"
    file.write_text(text)
    assert check(file) == 3
    assert near in told()


def test_row_81_all_mistakes_are_said_at_once(tmp_path: Path, told: Told) -> None:
    file = tmp_path / "server.toml"
    file.write_text(
        '[ingest]\nbroker_port = "secret-x"\nbatch_size = -5\nreceive_maximum = 65536\n'
        "[alerts]\nlate_after_hours = 1.5\n[ccm_link]\ntimer_limit_minutes = -1\n"
        "[deploy]\npace = inf\n"
    )
    assert check(file) == 3
    said = told()
    for mistake in (
        "[ingest] broker_port: expected a whole number, got a string",
        "[ingest] batch_size: expected at least 1",
        "[ingest] receive_maximum: expected at most 65535",
        "[alerts] late_after_hours: expected a whole number, got a number",
        "[ccm_link] timer_limit_minutes: expected at least 1",
        "[deploy] pace: expected a finite number, got a number",
    ):
        assert mistake in said
    assert "secret-x" not in said


def rule(spec: RuleSpec, limit: float) -> Rule:
    return Rule(
        practice_id=UUID(int=1),
        rule_id=UUID(int=2),
        version=1,
        scope=Scope.PRACTICE,
        scope_key="",
        spec=with_limit(spec, limit),
        in_force_from=datetime(2026, 1, 1, tzinfo=UTC),
        in_force_until=None,
        set_by="x",
        reason="x",
    )


def level(spec: RuleSpec) -> Line:
    line = line_of(spec.signal)
    assert line is not None
    return line


def of(family: str, severity: Severity = Severity.CLINICAL) -> Rule:
    spec = next(
        one for one in single_limits.RULES if (one.family, one.severity) == (family, severity)
    )
    return rule(spec, level(spec).level)


DEFAULTS = [rule(one, level(one).level) for one in single_limits.RULES]
HIGH = of("systolic-high")
GLUCOSE = of("glucose-high")


@pytest.mark.parametrize(
    ("changed", "limit", "words"),
    [
        pytest.param(HIGH, 85, "Low systolic pressure", id="below the low limit"),
        pytest.param(HIGH, 180, "Severely raised systolic pressure", id="at the urgent limit"),
        pytest.param(GLUCOSE, 13.9, "mg/dL", id="mmol/L for mg/dL"),
        pytest.param(HIGH, 18.6, "mmHg", id="kPa for mmHg"),
    ],
)
def test_row_82_limits_that_overlap_or_have_another_unit_are_refused_naming_it(
    changed: Rule, limit: float, words: str
) -> None:
    objection = limits.objection(changed, limit, DEFAULTS)
    assert objection is not None
    assert words in objection


def profile(*script: Step) -> DeviceProfile:
    return replace(models.by_id("standard-cuff", 1), profile_id="made-up", script=script)


@pytest.mark.parametrize("characteristic", ["ffff", uuids.INTERMEDIATE_CUFF_PRESSURE, ""])
def test_row_83_a_profile_for_what_nothing_decodes_is_refused(characteristic: str) -> None:
    with pytest.raises(ProfileError, match="made-up"):
        profile(Subscribe(characteristic=characteristic), Disconnect())
    records = Subscribe(characteristic=uuids.BLOOD_PRESSURE_MEASUREMENT)
    assert profile(records, Disconnect()).version == 1


def test_row_84_no_service_reads_yaml_and_a_yaml_file_has_a_syntax_error(
    tmp_path: Path, told: Told
) -> None:
    found = {
        (name.split(".")[0], file.parent.name)
        for package in PRODUCT
        for file in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in _names_of(node)
    }
    risky = {"yaml", "ruamel", "pickle", "marshal", "shelve"}  # most of these run what they read
    # A developer's tool reads the advisory database, which is YAML, and makes texts, lists and mappings alone.
    assert {one for one in found if one[0] in risky} <= {("yaml", "supply_chain")}
    file = tmp_path / "server.yaml"
    file.write_text("!!python/object/apply:os.system [id]\n")
    assert check(file) == 3
    assert "line 1, column 1" in told()


def _names_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("a = " + "[" * 100_000, "nested too deeply", id="nesting"),
        pytest.param("a = " + "9" * 5_000, "a number too long", id="digits"),
        pytest.param("# " + "x" * 1_048_576, "larger than 1 MiB", id="length"),
        pytest.param("[" + "a." * 20_000 + "a]\n", "unknown section", id="dotted table"),
    ],
)
def test_row_84_a_bomb_is_refused_quickly(
    tmp_path: Path, told: Told, text: str, words: str
) -> None:
    file = tmp_path / "server.toml"
    file.write_text(text)
    assert check(file) == 3
    assert words in told()


PLACEHOLDERS = (
    "changeme",
    "CHANGE-ME",
    "change_me_please",
    "<your secret>",
    "${SECRET}",
    "{{ secret }}",
    "secret",
    "password",
    "xxxxxxxxxxxx",
    "000000",
    "12345678",
    "my-example-key",
    "thingsboardDefaultSigningKey",
    "todo",
)


@pytest.mark.parametrize("secret", PLACEHOLDERS)
def test_row_85_a_placeholder_is_no_secret(tmp_path: Path, secret: str) -> None:
    file = private(tmp_path / "secret", secret.encode())
    with pytest.raises(SettingsError, match="placeholder") as refused:
        secret_file.read(file)
    assert str(file) in str(refused.value)


def test_row_85_a_drawn_secret_is_none_of_them(tmp_path: Path) -> None:
    for number in range(500):
        drawn = os.urandom(32)
        for text in (drawn.hex(), drawn.decode("latin-1").encode("utf-7").decode("ascii")):
            assert not secret_file.is_placeholder(text), (number, text)


@pytest.mark.parametrize("command", ["ingest", "evaluate", "schedule", "console"])
def test_row_85_no_process_starts_with_a_placeholder_as_its_password(
    tmp_path: Path, told: Told, command: str
) -> None:
    section = start_conditions.LONG_RUNNING[command][0]
    file = tmp_path / "server.toml"
    file.write_text(f'[{section}]\ndatabase = "host=/run user=u password=changeme-x1"\n')
    assert cli.main([command, "--config", str(file)]) == 3
    said = told()
    assert f"[{section}] database holds a placeholder as its password" in said
    assert "changeme-x1" not in said


def private(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"k7Q-f2M", "k7Q-f2M"),
        (b"k7Q-f2M\n", "k7Q-f2M"),
        (b"k7Q-f2M\r\n", "k7Q-f2M"),
        (b"k7Q-f2M\n\n", "k7Q-f2M\n"),
        (b" k7Q-f2M ", " k7Q-f2M "),
        ("kälte-7Q".encode(), "kälte-7Q"),
    ],
)
def test_row_86_one_line_end_is_taken_off_a_secret(
    tmp_path: Path, content: bytes, secret: str
) -> None:
    assert secret_file.read(private(tmp_path / "secret", content)) == secret


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\r\n", "is empty"),
        (b"  \t\n", "is empty"),
        (b"k7Q\0f2M", "NUL"),
        (b"k7Q\xff\xfe", "not UTF-8"),
        (b"x7" * 40_000, "larger than 64 KiB"),
    ],
)
def test_row_86_what_is_no_secret_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    file = private(tmp_path / "secret", content)
    with pytest.raises(SettingsError, match=words) as refused:
        secret_file.read(file)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_row_86_a_secret_that_others_may_read_or_write_is_refused(
    tmp_path: Path, mode: int
) -> None:
    file = private(tmp_path / "secret", b"k7Q-f2M")
    file.chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        secret_file.read(file)


def test_row_86_a_secret_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        secret_file.read(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match="no regular file"):
        secret_file.read(tmp_path)


# Row 87


NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Desk:
    """A settings file for one ingest worker, whose certificate files a test spoils one by one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = certificates.ThrowAwayAuthority(folder / "ca", NOW)
        found = self.authority.credentials("ingest-1")
        self.files = {
            "ca_file": self.authority.ca_file,
            "certificate_file": found.certificate_file,
            "key_file": found.key_file,
        }

    def faults(self, at: datetime = NOW) -> list[str]:
        file = self.folder / "server.toml"
        lines = [f'{name} = "{path}"' for name, path in self.files.items()]
        file.write_text("\n".join(["[ingest]", 'database = "host=/run"', *lines]))
        loaded = configuration.load(file, {})
        return start_conditions.faults("ingest", loaded, {}, at, file)

    def stranger(self) -> certificates.ThrowAwayAuthority:
        return certificates.ThrowAwayAuthority(self.folder / "other", NOW)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def another_key(desk: Desk) -> None:
    desk.files["key_file"] = desk.authority.credentials("ingest-2").key_file


def another_authority(desk: Desk) -> None:
    desk.files["ca_file"] = desk.stranger().ca_file


def another_name(desk: Desk) -> None:
    found = desk.authority.credentials("ingest-2")
    desk.files |= {"certificate_file": found.certificate_file, "key_file": found.key_file}


def a_key_for_everybody(desk: Desk) -> None:
    desk.files["key_file"].chmod(0o644)


def a_key_with_a_passphrase(desk: Desk) -> None:
    key = serialization.load_pem_private_key(desk.files["key_file"].read_bytes(), None)
    desk.files["key_file"].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )


def exchanged(desk: Desk) -> None:
    key, certificate = desk.files["key_file"], desk.files["certificate_file"]
    certificate.chmod(0o600)
    desk.files |= {"key_file": certificate, "certificate_file": key}


def an_empty_key(desk: Desk) -> None:
    desk.files["key_file"].write_bytes(b"")


def no_certificate(desk: Desk) -> None:
    desk.files["certificate_file"].unlink()


def text_for_an_authority(desk: Desk) -> None:
    desk.files["ca_file"] = private(desk.folder / "x", b"ca")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (another_key, "key_file does not belong to certificate_file"),
        (another_authority, "was not issued by an authority in ca_file"),
        (another_name, "belongs to another name"),
        (a_key_for_everybody, "is open to other users of this machine"),
        (a_key_with_a_passphrase, "needs a passphrase"),
        (exchanged, "certificate_file holds no certificate"),
        (an_empty_key, "is empty"),
        (no_certificate, "certificate_file"),
        (text_for_an_authority, "ca_file holds no certificates"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_row_87_a_certificate_that_does_not_fit_is_named(
    desk: Desk, spoil: Callable[[Desk], None], words: str
) -> None:
    assert desk.faults() == []
    spoil(desk)
    found = desk.faults()
    assert any(words in fault for fault in found), found
    assert all(fault.startswith("[ingest] ") and "; " in fault for fault in found)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOW + timedelta(days=365 * 30), "certificate_file has expired"),
        (NOW - timedelta(days=1), "certificate_file is not valid yet"),
    ],
)
def test_row_87_a_certificate_out_of_its_time_is_named(
    desk: Desk, at: datetime, words: str
) -> None:
    assert any(words in fault for fault in desk.faults(at))


def test_row_87_systemd_credentials_need_no_mode(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_key_for_everybody(desk)
    file = desk.folder / "server.toml"
    assert len(desk.faults()) == 1
    by_systemd = {"CREDENTIALS_DIRECTORY": str(desk.files["key_file"].parent)}
    loaded = configuration.load(file, {})
    assert start_conditions.faults("ingest", loaded, by_systemd, NOW, file) == []


def test_row_88_no_settings_come_from_afar() -> None:
    # A gateway listens to receipts and to what the server's signer has signed for it, and no setting names a place to
    # fetch settings from.
    assert set(topics.Branch) == {"readings", "status", "receipts", "configuration", "configured"}
    names = {
        f"{section}.{name}"
        for section, declared in SECTIONS.items()
        for name in declared.__dataclass_fields__
        if any(word in name for word in ("url", "remote", "fetch"))
    }
    # How browsers reach the console, what the links in messages begin with, and where text messages are handed over.
    assert names == {
        "ccm_link.public_url", "ehr.console_url", "notify.console_url", "sms.url",
    }  # fmt: skip


@pytest.mark.parametrize("command", [check, check_gateway], ids=["server", "gateway"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"[deploy]\n# caf\xe9\n", "line 2 is not UTF-8", id="latin-1"),
        pytest.param(b"\xef\xbb\xbf[deploy]\n", "byte order mark", id="byte order mark"),
        pytest.param("[deploy]\n".encode("utf-16"), "byte order mark", id="UTF-16"),
        pytest.param(b"[deploy]\n#\n# \0\n", "NUL byte in line 3", id="NUL"),
        pytest.param(b"[deploy]\n# \xed\xa0\x80\n", "line 2 is not UTF-8", id="surrogate"),
    ],
)
def test_row_89_what_is_no_plain_text_is_refused_with_its_place(
    tmp_path: Path, told: Told, command: Callable[[Path], int], content: bytes, words: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(content)
    assert command(file) == 3
    said = told()
    assert str(file) in said
    assert words in said


# The ends of what cuffs and meters that are sold for the home can report.
# Source: Bluetooth SIG Blood Pressure Profile 1.1.1 names no range; manuals of Omron, A&D and Accu-Chek.
MEASURABLE = {
    Measure.SYSTOLIC_MMHG: (60, 260),
    Measure.DIASTOLIC_MMHG: (30, 200),
    Measure.PULSE_BPM: (25, 240),
    Measure.GLUCOSE_MG_DL: (10, 600),
}


@pytest.mark.parametrize("spec", single_limits.RULES, ids=lambda spec: spec.name)
def test_row_90_the_widest_limit_still_calls_somebody(spec: RuleSpec) -> None:
    line = level(spec)
    lowest, highest = limits.SENSIBLE[line.measure]
    is_upper = line.comparison is Comparison.AT_OR_ABOVE
    widest = highest if is_upper else lowest
    extreme = MEASURABLE[line.measure][is_upper]
    assert extreme >= widest if is_upper else extreme < widest
    beyond = widest + (1 if is_upper else -1)
    assert limits.objection(rule(spec, widest), beyond, []) is not None


def test_row_90_whoever_changes_a_rule_says_why_and_only_clinicians_do_so_for_all() -> None:
    changing = [
        route
        for route in permissions_routes()
        if not route.startswith("GET ") and ("rule" in route or "limit" in route)
    ]
    assert changing == [
        "POST /patients/{patient_id}/rules",
        "POST /patients/{patient_id}/rules/end",
        "POST /rules/sets/activate",
        "POST /rules/sets/trial",  # changes nothing
        "POST /rules/{rule_id}/asked",
        "POST /rules/{rule_id}/limit",
    ]
    for of_one in (rule_inputs.SetLimit, rule_inputs.EndLimit):
        assert of_one.model_fields["reason"].is_required()
    for of_all in (rule_inputs.ActivateSet, rule_inputs.ChangeAsked, rule_inputs.SetRuleLimit):
        assert of_all.model_fields["reason"].is_required()
        assert of_all.model_fields["signature"].is_required()


def permissions_routes() -> list[str]:
    return sorted(permissions.ROUTES)


def test_every_command_that_goes_on_running_has_its_conditions() -> None:
    ends_by_itself = {
        "alerts",
        "audit",
        "backup",
        "broker",
        "claims",
        "config",
        "db",
        "doctor",
        "ehr",  # but for “run”
        "gaps",
        "gateway",
        "migrate",
        "month",
        "notify",  # but for “run”
        "packet",
        "patients",
        "practice",
        "profiles",
        "quarantine",
        "staff",
        "supply",
        "time",
        "way",
    }
    assert set(cli._COMMANDS) - ends_by_itself <= set(start_conditions.LONG_RUNNING)
    for sections in start_conditions.LONG_RUNNING.values():
        assert set(sections) <= set(SECTIONS)


def test_the_exit_status_is_the_one_for_settings(tmp_path: Path, told: Told) -> None:
    file = tmp_path / "server.toml"
    file.write_text('[ccm_link]\ndatabase = "host=db.example.org"\nhost = "0.0.0.0"\n')
    file.chmod(stat.S_IRUSR)
    assert cli.main(["console", "--config", str(file)]) == 3
    said = [line for line in told().splitlines() if line.startswith("  - ")]
    assert any("sslmode=verify-full" in line for line in said)
    assert any("public_url" in line for line in said)
