"""Renewal: when it is due, what is asked and signed, and what happens when it does not work."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import enrolment as claims
from gateway import enrolment_server, errors, key_pair, renewal
from gateway.errors import EnrolmentReason, UplinkReason
from gateway.identity import Generation, IdentityFolder
from gateway.renewal import Renewal
from gateway.rotation import Rotation
from gateway.settings import GatewaySettings
from tests.enrolment_server import CODE, LIFE, EnrolmentServer

DAY_S = 24 * 3600.0


class EnoughError(Exception):
    """The test has seen what it wanted."""


@dataclass
class Home:
    """A gateway with an identity, a clock that moves only when somebody sleeps, and a broker that has an opinion."""

    server: EnrolmentServer
    settings: GatewaySettings
    generation: Generation
    now: datetime
    is_taken: Callable[[Generation], bool] = lambda _generation: True
    clock_error: timedelta = timedelta()
    slept_s: list[float] = field(default_factory=list)
    reconnects: int = 0
    hurried_at: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rotation = Rotation(self.folder, self.folder.usable())

    @property
    def folder(self) -> IdentityFolder:
        return IdentityFolder(self.settings.state_folder)

    def run_for(self, how_long: timedelta) -> None:
        end = self.now + how_long

        async def sleep(pause_s: float) -> None:
            self.slept_s.append(pause_s)
            self.now += timedelta(seconds=pause_s)
            if self.hurried_at and self.hurried_at[0] <= self.now:
                self.hurried_at.pop(0)
                loop.hurry()
            if self.now > end:
                raise EnoughError

        loop = Renewal(
            self.settings, self.rotation, self.reconnect, lambda: self.now + self.clock_error, sleep
        )
        with pytest.raises(EnoughError):
            asyncio.run(loop.run())

    def reconnect(self) -> None:
        """Do what the uplink does: try what is to be shown until something is taken."""
        self.reconnects += 1
        for _ in self.folder.usable():
            access = self.rotation.to_show()
            shown = next(one for one in self.folder.usable() if one.access == access)
            if self.is_taken(shown):
                self.rotation.accepted(access)
                return
            self.rotation.refused(access, UplinkReason.TLS)

    def renewals(self) -> list[dict[str, Any]]:
        return [document for path, document in self.server.requests if path.endswith("/renewal")]


@pytest.fixture
def home(enrolment: EnrolmentServer, tmp_path: Path) -> Home:
    at = datetime.now(UTC).replace(microsecond=0)
    settings = GatewaySettings(time_zone="UTC", state_folder=tmp_path / "state")
    enrolment.now = lambda: at
    claimed = claims.claim(enrolment.address, None, CODE, settings.state_folder, at)
    home = Home(enrolment, settings, claimed.generation, at)
    enrolment.now = lambda: home.now
    return home


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.msg for record in caplog.records]


def test_renewals_of_a_fleet_are_spread_from_two_thirds_of_the_life(home: Home) -> None:
    due = [
        renewal.due_at(
            replace(
                home.generation,
                certificate=replace(home.generation.certificate, serial_number=number),
            )
        )
        for number in range(1000)
    ]
    start = home.generation.renew_after
    assert min(due) == start
    # A twentieth of 45 days and the hour before: 54 h.
    assert timedelta(hours=53) < max(due) - start < timedelta(hours=55)
    assert len(set(due)) == 1000
    assert max(due) < home.generation.certificate.not_after


def test_nothing_is_asked_before_it_is_due(home: Home) -> None:
    home.run_for(timedelta(days=29))
    assert home.renewals() == []
    assert max(home.slept_s) <= 3600.0  # the clock may jump


def test_new_pair_takes_over_when_it_is_due(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    before = home.generation.access.key_file.read_bytes()
    home.run_for(timedelta(days=33))
    (sent,) = home.renewals()
    assert set(sent) == {"certificate", "csr", "signature"}
    (now,) = home.folder.usable()
    assert now.number == 2
    assert now.access.key_file.read_bytes() != before
    assert now.access.gateway_id == home.generation.access.gateway_id
    assert home.rotation.to_show() == now.access
    assert home.reconnects == 1
    assert "certificate_renewed" in events(caplog)
    assert home.slept_s[-1] <= 3600.0


def test_gateway_renews_for_years_without_a_gap(home: Home) -> None:
    home.run_for(timedelta(days=365))
    assert len(home.renewals()) in {11, 12}  # every 30 to 32.3 days: 365 / 32.3 < n < 365 / 30
    (now,) = home.folder.usable()
    assert now.certificate.not_after > home.now
    keys = [document["csr"] for document in home.renewals()]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("bend", "reason"),
    [
        pytest.param(lambda *_: (500, b""), "server_failed", id="500"),
        pytest.param(lambda *_: (503, b""), "busy", id="503"),
        pytest.param(lambda *_: (409, b""), "key_used", id="409"),
        pytest.param(lambda *_: (422, b""), "request_refused", id="422"),
        pytest.param(lambda *_: (201, b"{"), "bad_answer", id="cut-off"),
        pytest.param(lambda *_: (404, b""), "not_the_server", id="404"),
    ],
)
def test_old_pair_is_kept_and_another_attempt_made_when_the_server_fails(
    home: Home, caplog: pytest.LogCaptureFixture, bend: Any, reason: str
) -> None:
    good, home.server.bend = home.server.bend, bend
    home.now = renewal.due_at(home.generation)
    home.run_for(timedelta(hours=6))
    assert home.folder.usable() == [home.generation]
    assert home.rotation.to_show() == home.generation.access
    reasons = {getattr(record, "reason", None) for record in caplog.records}
    assert reason in reasons
    # With a pause that grows to an hour and not beyond.
    assert 6 <= len(home.renewals()) < 40
    assert max(home.slept_s) <= 3600.0
    home.server.bend = good
    home.run_for(timedelta(hours=2))
    assert [generation.number for generation in home.folder.usable()] == [2]


def test_certificate_for_another_gateway_is_not_taken(home: Home) -> None:
    home.server.gateway_id = "gw-another1"
    home.now = renewal.due_at(home.generation)
    home.run_for(timedelta(hours=1))
    assert len(home.renewals()) > 0
    assert home.folder.usable() == [home.generation]


def test_capture_goes_on_and_a_person_is_told_when_the_server_refuses_for_good(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    home.server.bend = lambda *_: (403, b"")
    home.now = renewal.due_at(home.generation)
    home.run_for(timedelta(days=2))
    assert "renewal_refused" in events(caplog)
    assert home.folder.usable() == [home.generation]
    # Four times a day, the first at once.
    assert len(home.renewals()) == 9


def test_renewal_is_tried_on_when_the_certificate_has_expired(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    good, home.server.bend = home.server.bend, lambda *_: (500, b"")
    home.now = home.generation.certificate.not_after - timedelta(hours=1)
    home.run_for(timedelta(hours=3))
    assert "certificate_expired" in events(caplog)
    home.server.bend = good
    home.run_for(timedelta(hours=2))
    assert home.folder.newest().number == 2


def test_renewal_is_tried_at_once_when_the_gateway_was_unplugged_for_long(home: Home) -> None:
    home.now += LIFE + timedelta(days=10)
    home.run_for(timedelta(minutes=5))
    assert home.folder.newest().number == 2


def test_one_certificate_is_asked_for_when_this_clock_runs_far_ahead(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    home.clock_error = timedelta(days=400)
    home.run_for(timedelta(days=2))
    assert len(home.renewals()) == 1
    assert "clock_differs_from_server" in events(caplog)


def test_nothing_is_asked_when_this_clock_is_far_behind(home: Home) -> None:
    home.clock_error = timedelta(days=-400)
    home.run_for(timedelta(days=2))
    assert home.renewals() == []


def test_old_pair_carries_on_and_the_new_one_is_tried_again_when_the_broker_refuses_it(
    home: Home,
) -> None:
    home.is_taken = lambda generation: generation.number == 1
    home.now = renewal.due_at(home.generation)
    # Pauses are random, 60 s at least: too short a time for the fifth refusal, which asks for another certificate.
    home.run_for(timedelta(minutes=3))
    assert [generation.number for generation in home.folder.usable()] == [2, 1]
    assert home.rotation.has_fallen_back
    home.is_taken = lambda _generation: True
    home.run_for(timedelta(hours=1))
    assert [generation.number for generation in home.folder.usable()] == [2]
    assert len(home.renewals()) == 1


def test_another_certificate_is_asked_for_when_the_broker_keeps_refusing_the_new_one(
    home: Home,
) -> None:
    home.is_taken = lambda generation: generation.number in {1, 3}
    home.now = renewal.due_at(home.generation)
    home.run_for(timedelta(days=4))
    assert len(home.renewals()) == 2
    assert [generation.number for generation in home.folder.usable()] == [3]


def test_unproved_pair_is_shown_first_when_the_process_starts_again(home: Home) -> None:
    home.is_taken = lambda generation: generation.number == 1
    home.now = renewal.due_at(home.generation)
    home.run_for(timedelta(minutes=1))
    again = Home(home.server, home.settings, home.generation, home.now)
    assert not again.rotation.is_proved
    assert again.rotation.to_show() == again.rotation.newest.access
    again.reconnect()
    assert [generation.number for generation in again.folder.usable()] == [2]


def test_settings_have_the_last_word_when_the_server_has_moved(home: Home) -> None:
    moved = replace(home.settings, enrolment_server=home.server.address)
    home.settings = moved
    home.rotation.newest = replace(home.generation, enrolment_server="http://127.0.0.1:1")
    home.run_for(timedelta(days=33))
    assert len(home.renewals()) == 1


def test_key_is_not_used_when_the_server_signs_for_another(home: Home) -> None:
    other = key_pair.make().public_key()
    home.server.bend = lambda *_: (201, json.dumps(home.server.issued(other)).encode())
    asked = enrolment_server.at(home.server.address, None)
    with pytest.raises(errors.EnrolmentError) as refused:
        renewal.renew(asked, home.generation, home.folder)
    assert refused.value.reason is EnrolmentReason.BAD_ANSWER
    assert home.folder.usable() == [home.generation]


def test_loop_goes_on_when_the_disk_takes_no_key(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IdentityFolder, "begin", refuse)
    home.now = renewal.due_at(home.generation)
    home.run_for(timedelta(hours=2))
    assert home.renewals() == []
    assert "renewal_failed" in events(caplog)
    monkeypatch.undo()
    home.run_for(timedelta(hours=2))
    assert home.folder.newest().number == 2


def test_stopping_does_not_wait_for_a_server_that_is_slow(home: Home) -> None:
    asked, answer_now = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        answer_now.wait(10)

    home.server.before_answer = wait
    home.now = renewal.due_at(home.generation)

    async def work() -> None:
        loop = Renewal(home.settings, home.rotation, home.reconnect, lambda: home.now)
        task = asyncio.create_task(loop.run())
        assert await asyncio.to_thread(asked.wait, 5)
        task.cancel()
        async with asyncio.timeout(1):
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(work())
    answer_now.set()
    for thread in threading.enumerate():
        if thread.name == "renewal":
            thread.join(5)
    assert home.reconnects == 0


def test_a_renewal_can_be_hurried_and_brings_the_keys_of_then(home: Home) -> None:
    new_key, asked_at = Ed25519PrivateKey.generate(), list[datetime]()
    home.server.configuration_key = new_key
    home.server.before_answer = lambda: asked_at.append(home.now)
    hurried_at = home.now + timedelta(days=1)
    home.hurried_at = [hurried_at]
    home.run_for(timedelta(days=2))
    (at,) = asked_at
    assert hurried_at <= at <= hurried_at + timedelta(hours=1)
    assert list(home.rotation.configuration_keys.values()) == [new_key.public_key()]


def test_hurrying_again_and_again_brings_one_in_the_least_pause(home: Home) -> None:
    asked_at: list[datetime] = []
    home.server.before_answer = lambda: asked_at.append(home.now)
    home.hurried_at = [home.now + timedelta(hours=hour) for hour in range(1, 10 * 24)]
    home.run_for(timedelta(days=10))
    assert len(asked_at) >= 2
    assert min(b - a for a, b in itertools.pairwise(asked_at)) >= LIFE / 20
