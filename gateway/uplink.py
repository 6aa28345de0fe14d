"""Delivery: publish what waits in the outbox, again and again, until the server's receipt says it is safe.

A PUBACK only says that the broker has a message; brokers lose such messages on a crash and drop them when a queue is
full. So rows leave the outbox by receipt alone, and whatever has none is published again: after a pause that grows,
and at once after a reconnect. The server recognises repeats.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, assert_never

from firmware_profiles import decode, models, signed_configuration, topics, wire
from firmware_profiles import errors as leaf_errors
from gateway import errors
from gateway.backoff import Backoff
from gateway.broker_link import Acknowledged, Arrived, BrokerLink, Lost, Will
from gateway.errors import UplinkReason
from gateway.following import Following, Plan
from gateway.identity import BrokerAccess
from gateway.in_flight import InFlight
from gateway.outbox import Outbox
from gateway.outbox_rows import OutboxRow
from gateway.pulse import Beat, no_beat
from gateway.rotation import Identities
from gateway.uplink_journal import UplinkJournal, word

log = logging.getLogger(__name__)

# Without receipts no more than this many records are on their way: it bounds the broker's queue, and memory.
_MAX_IN_FLIGHT: Final = 5 * wire.MAX_RECORDS
# A cuff delivers its backlog record by record; waiting this long makes batches of it.
_GATHER_S: Final = 0.05
# How many heartbeats in a row a server that was away gets to hear at most.
_HEARTBEATS_KEPT: Final = 3
# To resolve the name, to connect, for TLS and for two answers of the broker: each has a limit of its own below it.
_CONNECTS_WITHIN_S: Final = 180.0
# A broker that acknowledges nothing for so long is not there, whatever the socket says.
_ACKNOWLEDGE_WITHIN_S: Final = 30.0


def _nobody_knows() -> wire.Health | None:
    return None


class Uplink:
    """The connection to the server, kept up for the life of the process.

    Args:
        following: Pauses, and what the server wants to be followed.
        identities: Who this gateway is, and the way to its broker.
        outbox: Where records wait.
        now: The gateway's clock, aware UTC.
        health: How the gateway is; asked once for each heartbeat.
        beat: Hears of each step of the loop.

    Attributes:
        journal: what went well and wrong on the way to the server.
    """

    def __init__(
        self,
        following: Following,
        identities: Identities,
        outbox: Outbox,
        now: Callable[[], datetime],
        health: Callable[[], wire.Health | None] = _nobody_knows,
        beat: Beat = no_beat,
    ) -> None:
        self._following = following
        self._identities = identities
        self._gateway_id = identities.gateway_id
        self._outbox = outbox
        self._now = now
        self._health = health
        self._beat = beat
        self.journal: Final = UplinkJournal()
        self._boot_id = uuid.uuid4().hex
        self._in_flight = InFlight(following.plan.resend_after_s)
        self._unacknowledged: dict[
            int, float
        ] = {}  # packet id → when it was sent, monotonic seconds
        self._awake = asyncio.Event()
        self._leaving = asyncio.Event()
        following.on_change(self._change_pace)

    def wake(self) -> None:
        """Say that the outbox has something new."""
        self._awake.set()

    def reconnect(self) -> None:
        """End the connection in good order, if there is one, and make another with the identity to show then.

        Nothing is lost on the way: what has no receipt is published again.
        """
        self._leaving.set()

    def _change_pace(self, plan: Plan) -> None:
        self._in_flight.resend_after_s = plan.resend_after_s
        self.wake()

    async def run(self) -> None:
        """Keep the connection up and deliver, until cancelled.

        Raises:
            OutboxError: the disk failed; a full disk is waited out.
        """
        backoff = Backoff(shortest_s=0.5, longest_s=120.0)
        while True:
            delay_s = 0.0
            self._beat(_CONNECTS_WITHIN_S)
            try:
                await self._serve_one_connection(backoff)
            except errors.UplinkError as error:
                delay_s = backoff.after_failure_s()
                reason = error.reason_code or error.reason
                self.journal.failed(reason, self._now())
                log.warning(
                    "uplink_down", extra={"reason": word(reason), "delay_s": round(delay_s, 1)}
                )
            except errors.OutboxError as error:
                if error.reason is not errors.StorageReason.FULL:
                    raise
                delay_s = backoff.after_failure_s()
            self._beat(delay_s + _CONNECTS_WITHIN_S)
            await asyncio.sleep(delay_s)

    async def _serve_one_connection(self, backoff: Backoff) -> None:
        self._leaving.clear()
        access = self._identities.to_show()
        try:
            link = await self._opened(access)
        except errors.UplinkError as error:
            self._identities.refused(access, error.reason)
            raise
        try:
            self._identities.accepted(access)
            self._in_flight.forget_all()
            self._unacknowledged.clear()
            self.journal.connected(self._now())
            log.info("uplink_up", extra={"waiting": self._outbox.waiting_count})
            await self._converse(link, backoff)
        finally:
            self.journal.left()
            await self._leave(link)

    async def _opened(self, access: BrokerAccess) -> BrokerLink:
        """Connect, and hear receipts first of all: one may be waiting at the broker."""
        will = Will(topics.status(self._gateway_id), self._status(online=False))
        link = BrokerLink(access, will)
        try:
            await link.open()
            await link.subscribe(topics.receipts(self._gateway_id))
            await self._hear_configurations(link)
        except BaseException:
            await self._leave(link)
            raise
        return link

    async def _hear_configurations(self, link: BrokerLink) -> None:
        """Hear what the server wants of us, too. Records travel without that."""
        try:
            await link.subscribe(topics.configuration(self._gateway_id))
        except errors.UplinkError as error:
            if error.reason is not UplinkReason.SUBSCRIPTION_REFUSED:
                raise
            log.warning("configurations_not_heard", extra={"reason": error.reason})

    async def _converse(self, link: BrokerLink, backoff: Backoff) -> None:
        """Send and listen side by side until either fails, or another connection is wanted."""
        tasks: set[asyncio.Task[Any]] = {
            asyncio.create_task(self._send(link)),
            asyncio.create_task(self._listen(link, backoff)),
            asyncio.create_task(self._leaving.wait()),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _leave(self, link: BrokerLink) -> None:
        # Without a connection the will says it for us.
        with contextlib.suppress(errors.UplinkError):
            link.publish(topics.status(self._gateway_id), self._status(online=False), retain=True)
        await link.close()

    async def _send(self, link: BrokerLink) -> None:
        self._publish(link, topics.status(self._gateway_id), self._status(online=True), retain=True)
        self._following.news.set()
        status_due_at_s = 0.0
        while True:
            self._awake.clear()
            self._beat(2 * _ACKNOWLEDGE_WITHIN_S)
            now_s = time.monotonic()
            if now_s >= status_due_at_s:
                self._publish_heartbeat(link)
                status_due_at_s = now_s + self._following.plan.status_every_s
            if self._following.news.is_set():
                self._publish_configured(link)
            self._publish_due(link, now_s)
            self._require_acknowledgements(now_s)
            next_at_s = min(
                status_due_at_s,
                self._in_flight.next_due_at_s() or status_due_at_s,
                now_s + _ACKNOWLEDGE_WITHIN_S,
            )
            try:
                async with asyncio.timeout(max(next_at_s - time.monotonic(), 0.0)):
                    await self._awake.wait()
                await asyncio.sleep(_GATHER_S)
            except TimeoutError:
                pass

    def _publish_heartbeat(self, link: BrokerLink) -> None:
        # Not retained: it names the home's peripherals, which need not lie at the broker; and it soon means nothing.
        expiry_s = math.ceil(_HEARTBEATS_KEPT * self._following.plan.status_every_s)
        packet_id = link.publish(
            topics.status(self._gateway_id),
            self._status(online=True, health=self._health()),
            expiry_s=expiry_s,
        )
        self._unacknowledged[packet_id] = time.monotonic()

    def _publish_configured(self, link: BrokerLink) -> None:
        self._following.news.clear()
        answer = signed_configuration.encode_answer(self._following.answer())
        self._publish(link, topics.configured(self._gateway_id), answer)

    def _publish_due(self, link: BrokerLink, now_s: float) -> None:
        rows = self._outbox.waiting(_MAX_IN_FLIGHT)
        self._in_flight.keep_only(row.seq for row in rows)
        due = self._in_flight.due(rows, now_s)
        while due:
            batch, payload = self._encoded(due[: wire.MAX_RECORDS])
            seqs = [row.seq for row in batch]
            due = due[len(batch) :]
            if payload is not None:
                self._outbox.mark_published(seqs, self._now())
                self._publish(link, topics.readings(self._gateway_id), payload)
                log.info("batch_published", extra={"count": len(batch), "first_seq": min(seqs)})
            self._in_flight.published(seqs, now_s)

    def _encoded(self, rows: Sequence[OutboxRow]) -> tuple[Sequence[OutboxRow], bytes | None]:
        """Write as many of the rows as fit into one message; None if a single row cannot be written at all."""
        while True:
            batch = wire.Batch(
                gateway_id=self._gateway_id,
                epoch=self._outbox.epoch,
                sent_at=self._now(),
                records=tuple(wire_record(row) for row in rows),
            )
            try:
                return rows, wire.encode_batch(batch)
            except leaf_errors.WireError as error:
                if len(rows) == 1:
                    # It stays in the outbox, is counted as waiting, and a newer version may be able to send it.
                    log.exception(
                        "record_cannot_be_sent", extra={"seq": rows[0].seq, "reason": error.reason}
                    )
                    return rows, None
            rows = rows[: len(rows) // 2]

    def _publish(
        self, link: BrokerLink, topic: str, payload: bytes, *, retain: bool = False
    ) -> None:
        self._unacknowledged[link.publish(topic, payload, retain=retain)] = time.monotonic()

    def _require_acknowledgements(self, now_s: float) -> None:
        oldest_s = min(self._unacknowledged.values(), default=now_s)
        if now_s - oldest_s > _ACKNOWLEDGE_WITHIN_S:
            raise errors.UplinkError(
                UplinkReason.SILENT, "the broker acknowledges nothing any more"
            )

    async def _listen(self, link: BrokerLink, backoff: Backoff) -> None:
        while True:
            event = await link.events.get()
            match event:
                case Acknowledged(packet_id, refusal):
                    self._unacknowledged.pop(packet_id, None)
                    if refusal is not None:
                        # The records stay here and are sent again, less and less often.
                        self.journal.refused(refusal, self._now())
                        log.error("publication_refused", extra={"reason": word(refusal)})
                    else:
                        backoff.reset()
                case Arrived(topic, payload):
                    self._take(topic, payload)
                case Lost(reason):
                    raise errors.UplinkError(
                        UplinkReason.LOST, f"the broker ended the connection: {reason}", reason
                    )
                case _:
                    assert_never(event)

    def _take(self, topic: str, payload: bytes) -> None:
        if topic == topics.receipts(self._gateway_id):
            self._take_receipt(payload)
        elif topic == topics.configuration(self._gateway_id):
            self._following.take(payload)
            self.wake()
        else:
            log.error("message_on_unexpected_topic")

    def _take_receipt(self, payload: bytes) -> None:
        try:
            receipt = wire.decode_receipt(payload)
        except leaf_errors.WireError as error:
            log.exception(
                "receipt_unreadable", extra={"reason": error.reason, "length": len(payload)}
            )
            return
        counts = self._outbox.apply_receipt(receipt, self._now())
        log.info("receipt_applied", extra={str(status): count for status, count in counts.items()})
        self.wake()

    def status(self, health: wire.Health | None, *, online: bool = True) -> wire.GatewayStatus:
        """Return what this gateway says of itself now."""
        return wire.GatewayStatus(
            online=online,
            boot_id=self._boot_id,
            at=self._now(),
            waiting_records=self._outbox.waiting_count,
            health=health,
        )

    def _status(self, *, online: bool, health: wire.Health | None = None) -> bytes:
        return wire.encode_status(self.status(health, online=online))


def wire_record(row: OutboxRow) -> wire.Record:
    """Write a row in wire form, with our own reading of the bytes as advice."""
    record = row.record
    return wire.Record(
        seq=row.seq,
        peripheral=record.peripheral,
        profile_id=record.profile_id,
        profile_version=record.profile_version,
        characteristic=record.characteristic,
        raw=record.raw,
        received_at=record.received_at,
        gateway_clock=record.gateway_clock,
        device_clock_offset_s=record.device_clock_offset_s,
        time_zone=record.time_zone,
        link=record.link,
        decoded=_advice(row),
    )


def _advice(row: OutboxRow) -> wire.Advisory | None:
    try:
        profile = models.by_id(row.record.profile_id, row.record.profile_version)
        return decode.advisory(
            decode.decode_record(profile, row.record.characteristic, row.record.raw)
        )
    except leaf_errors.FirmwareProfilesError:
        return None  # the server decides what to do with bytes nobody can read
