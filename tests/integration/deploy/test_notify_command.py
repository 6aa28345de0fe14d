"""The notifier as a process, twice at once, and its commands for whoever sets a channel up."""

from __future__ import annotations

import base64
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy import cli, ports, processes, scheduler
from deploy.settings import SchedulerSettings
from tests import mail_server
from tests.integration.alerts import called_practice
from tests.mail_server import Postbox


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    keys = tmp_path / "webhook.keys"
    keys.write_bytes(base64.b64encode(bytes(range(32))))
    keys.chmod(0o600)
    return tmp_path / "server.toml"


def write(file: Path, port: int, database: str = "dbname=none") -> None:
    file.write_text(
        f'[notify]\ndatabase = "{database}"\nconsole_url = "https://vitals.example.org"\n'
        f'[email]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nsender = "alerts@clinic.example"\n'
        f'[webhook]\nhosts = ["pager.example"]\nsigning_keys_file = "{file.parent / "webhook.keys"}"\n'
    )
    file.chmod(0o600)


def run(*words: object) -> int:
    return cli.main(["notify", *map(str, words)])


def test_a_test_message_goes_out_and_a_receivers_secret_is_its_own(
    settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    postbox = Postbox()
    with mail_server.serve(postbox) as port:
        write(settings_file, port)
        words = ["--config", settings_file]
        assert run("test", "--channel", "email", "--to", "casey@example.org", *words) == 0
    (mail,) = postbox.mails
    assert mail["Subject"] == "Homevitals, operator: test"
    assert mail["Message-ID"] in capsys.readouterr().out

    secrets = set()
    for path in ("a", "b"):
        assert run("secret", "--to", f"https://pager.example/{path}", *words) == 0
        secrets.add(capsys.readouterr().out.strip())
    assert len(secrets) == 2
    assert all(one.startswith("whsec_") for one in secrets)


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["test", "--channel", "sms", "--to", "+15551234567"], 3, "[sms]"),
        (["test", "--channel", "email", "--to", "casey"], 3, "e-mail address"),
        (["test", "--channel", "email", "--to", "casey@example.org"], 1, "unreachable"),
        (["test", "--channel", "webhook", "--to", "https://other.example/"], 1, "not allowed"),
        (["secret", "--to", "ftp://pager.example/"], 3, "https address"),
    ],
)
def test_what_cannot_be_sent_is_said_without_the_address(
    settings_file: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    status: int,
    told: str,
) -> None:
    write(settings_file, ports.free_port())
    assert run(*words, "--config", settings_file) == status
    said = capsys.readouterr().err
    assert told in said
    assert words[-1] not in said


def test_settings_that_would_send_over_an_open_way_are_refused(
    settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings_file.write_text(
        '[notify]\nconsole_url = "http://vitals.example.org"\n'
        '[email]\nhost = "mail.example.org"\nsecurity = "none"\nsender = "nobody"\nuser = "x"\n'
        '[sms]\nurl = "http://sms.example.org/{secret}"\nheaders = ["Authorization: Bearer {secret}"]\n'
        '[webhook]\nhosts = ["pager.example"]\n'
    )
    assert run("run", "--config", settings_file) == 3
    said = capsys.readouterr().err
    for fault in (
        "[notify] console_url is not https",
        "[email] sender is no e-mail address",
        "[email] security is none and host another machine",
        "[email] user and password_file belong together",
        "[sms] url has {secret}",
        "[sms] url is not https",
        "[sms] secret_file is not set",
        "[webhook] signing_keys_file is not set",
    ):
        assert fault in said


@pytest.mark.db
def test_two_notifiers_call_everybody_once_and_end_when_they_are_told_to(
    database: Any, settings_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    postbox, watched = Postbox(), processes.Processes(tmp_path / "log")
    with database.connect("postgres") as owner, mail_server.serve(postbox) as port:
        practice = called_practice.set_up(owner)
        for _ in range(3):
            practice.open_episode()
        with database.connect("homevitals_scheduler") as connection:
            for seconds in (0, 90):  # after which it is said that nobody calls
                now = datetime.now(UTC) + timedelta(seconds=seconds)
                scheduler.watch_calls(connection, SchedulerSettings(), now)
        assert [one.message for one in caplog.records] == ["notifier_is_behind"]
        write(settings_file, port, database.conninfo("homevitals_notifier"))
        words = ["-m", "deploy.cli", "notify", "run", "--config", str(settings_file)]
        for name in ("one", "other"):
            watched.start(name, [sys.executable, *words])
        try:
            # The shifts of March are over: owner and practice line are left, three times each.
            assert ports.wait_until(lambda: len(postbox.taken) >= 6, timeout_s=30)
            practice.open_episode()
            assert ports.wait_until(lambda: len(postbox.taken) >= 8, timeout_s=10)
            time.sleep(0.5)
            watched.require_running()
        finally:
            watched.stop()
    assert postbox.recipients == ["casey"] * 4 + ["line"] * 4
    told = "".join((tmp_path / "log" / f"{name}.log").read_text() for name in ("one", "other"))
    assert told.count('"notification_sent"') == 8
    assert "example.org" not in told
    assert '"dropped"' not in told
