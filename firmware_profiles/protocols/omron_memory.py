"""Omron's cuffs of the EEPROM generation: unlocked with a key, then their memory is read and never written.

In pairing mode such a cuff takes a key of 16 octets, which replaces the one of any other host. Afterwards it opens its
memory to whoever says that key. Each user has a ring of records. The area with clock and counters is believed to hold
the calibration of the pressure sensor, too: we leave all of it alone. The clock is not set, the count of unread records
stays as it is, and what is new is found by comparing with what was kept before.

Where things lie depends on the model. The clock's checksum tells whether a cuff's memory is laid out as its profile
says: without a right one no record is read.

Sources: userx14/omblepy@708c13e (unlocking and requests); eigger/hass-omron@d6758ed (the same, and in its notes on
another device with this service the order of subscriptions, and that a session has to be ended); both for the answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from firmware_profiles import errors
from firmware_profiles.conversation import (
    Action,
    Answer,
    Conversation,
    ConversationError,
    Keep,
    Listen,
    NoteClock,
    Pause,
    Remember,
    Situation,
    StopListening,
    Write,
    draw,
    next_notification,
)
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.protocols import omron_frames, omron_record
from firmware_profiles.protocols.omron_frames import ANSWER, FROM_CUFF, TO_CUFF, Frame
from firmware_profiles.protocols.omron_record import Layout, Span
from firmware_profiles.readings import BloodPressureReading

UNLOCK: Final = "b305b680-aee7-11e1-a730-0002a5d5c51b"
SET_KEY, USE_KEY, PREPARE_FOR_KEY = 0x00, 0x01, 0x02
ACCEPTED: Final = (
    0x80  # and the command, in the answer's first octet; the second is 0 unless the cuff refuses
)
KEY_SIZE: Final = 16
# What a conversation remembers for the next one: a secret, hashes of the records that were kept, the cuff's index then.
_KEY, _KNOWN, _INDEX = "key", "known_records", "index"
_DIGEST_SIZE: Final = 8

_ANSWER_TIMEOUT_S: Final = 2.0
_ATTEMPTS: Final = 5
# The cuff takes a key only once the link is encrypted, which may take a while. Source: omblepy.
_PREPARATIONS: Final = 10
_BETWEEN_PREPARATIONS_S: Final = 1.0
# More notifications than any answer has: whoever sends them does not answer.
_MOST_NOTIFICATIONS: Final = 64
# Part of the question that begins a session; the same for all models.
_BEGIN_SIZE: Final = 0x10


@dataclass(frozen=True, slots=True)
class OmronMemory:
    """The protocol of the models whose memory has one layout."""

    layout: Layout
    RECORDS: tuple[str, ...] = (FROM_CUFF[0],)

    def conversation(self, situation: Situation) -> Conversation:
        """Unlock the cuff, with a new key if it has none of ours; read its clock; keep what is new in its memory.

        Raises:
            ConversationError: the cuff does not answer or refuses, or its memory is laid out differently.
        """
        yield from _unlock(situation.memory.get(_KEY))
        for channel in FROM_CUFF[1:]:
            yield Listen(channel)
        yield from _ask(Frame(omron_frames.BEGIN, size=_BEGIN_SIZE))
        try:
            yield from self._read(situation)
        except ConversationError:
            # A device that is left in the middle shows an error until somebody resets it.
            yield _question(Frame(omron_frames.END))
            raise
        yield from _ask(Frame(omron_frames.END))
        # A bonded cuff keeps its host's subscriptions, and would meet the next session in the wrong state.
        for channel in FROM_CUFF:
            yield StopListening(channel)

    def _read(self, situation: Situation) -> Conversation:
        shown = self.layout.clock_time((yield from _memory(self.layout.clock)).content)
        if shown is None:
            raise ConversationError(
                "the cuff's memory is laid out differently: this profile is not for it"
            )
        if shown != omron_record.NEVER_SET:
            yield NoteClock(shown)
        index = (yield from _memory(self.layout.index)).content
        if index and index == situation.memory.get(_INDEX):
            return  # the cuff has written no record since
        known = _digests(situation.memory.get(_KNOWN, b""))
        held: set[bytes] = set()
        for place in self.layout.places():
            frame = yield from _memory(place)
            if omron_record.is_blank(frame.content):
                continue
            raw = frame.to_bytes()
            digest = hashlib.sha256(raw).digest()[:_DIGEST_SIZE]
            if digest not in known:
                yield Keep(FROM_CUFF[0], raw)
            held.add(digest)
        # Only now: a visit that is cut short is repeated as a whole.
        yield Remember(_KNOWN, b"".join(sorted(held)))
        yield Remember(_INDEX, index)

    def decode(self, raw: bytes) -> BloodPressureReading:
        """Read the answer with a record.

        Raises:
            FrameError: it is not whole or not about a record, or its numbers are no person's.
        """
        frame = Frame.from_bytes(raw)
        user = self.layout.user_of(frame.address)
        if frame.kind != ANSWER | omron_frames.READ or frame.status or user is None:
            raise errors.FrameError(FrameReason.RESERVED_VALUE, "the answer is not about a record")
        if omron_record.is_blank(frame.content):
            raise errors.FrameError(FrameReason.RESERVED_VALUE, "the place was never written")
        return self.layout.reading(frame.content, user)


HEM_7322T: Final = OmronMemory(omron_record.HEM_7322T)
HEM_7361T: Final = OmronMemory(omron_record.HEM_7361T)
HEM_7155T: Final = OmronMemory(omron_record.HEM_7155T)


def _unlock(key: bytes | None) -> Generator[Action, Answer, None]:
    # Only these two before the cuff is open. The first one makes it ask for encryption.
    yield Listen(FROM_CUFF[0])
    yield Listen(UNLOCK)
    if key is None:
        key = yield from _give_key()
    told = yield from _tell(bytes([USE_KEY]) + key)
    if not told:
        raise ConversationError("the cuff does not answer; keep it near the gateway")
    if told[:2] != bytes([ACCEPTED | USE_KEY, 0]):
        raise ConversationError(
            "the cuff does not know our key: another host has given it one since; pair it with this gateway again"
        )
    yield StopListening(UNLOCK)


def _give_key() -> Generator[Action, Answer, bytes]:
    """Program a new key; whether the cuff has taken it shows when it is used."""
    for _ in range(_PREPARATIONS):
        told = yield from _tell(bytes([PREPARE_FOR_KEY]) + bytes(KEY_SIZE))
        if told[:2] == bytes([ACCEPTED | PREPARE_FOR_KEY, 0]):
            break
        yield Pause(_BETWEEN_PREPARATIONS_S)
    else:
        raise ConversationError(
            "the cuff takes no key; hold its Bluetooth key until P blinks, then pair it again"
        )
    key = yield from draw(KEY_SIZE)
    # Before the cuff has it: a key that only the cuff knows would lock us out.
    yield Remember(_KEY, key)
    yield from _tell(bytes([SET_KEY]) + key)
    return key


def _tell(command: bytes) -> Generator[Action, Answer, bytes]:
    """Write to the lock and return what it says, nothing after a silence."""
    yield Write(UNLOCK, command)
    for _ in range(_MOST_NOTIFICATIONS):
        heard = yield from next_notification(_ANSWER_TIMEOUT_S)
        if heard is None:
            break
        if heard.characteristic == UNLOCK:
            return heard.content
    return b""


def _memory(span: Span) -> Generator[Action, Answer, Frame]:
    """Read a part of the memory; the answer has no content if it was never written."""
    return (yield from _ask(Frame(omron_frames.READ, span.address, span.size)))


def _question(frame: Frame) -> Write:
    # Readers write in whichever way the cuff's channel offers.
    return Write(TO_CUFF[0], frame.to_bytes(), response=None)


def _ask(question: Frame) -> Generator[Action, Answer, Frame]:
    """Ask until there is an answer to this question."""
    for _ in range(_ATTEMPTS):
        yield _question(question)
        answer = yield from _answer_to(question)
        if answer is not None:
            return answer
    raise ConversationError("the cuff does not answer any more; keep it near the gateway")


def _answer_to(question: Frame) -> Generator[Action, Answer, Frame | None]:
    assembly = omron_frames.Assembly()
    for _ in range(_MOST_NOTIFICATIONS):
        heard = yield from next_notification(_ANSWER_TIMEOUT_S)
        if heard is None:
            return None
        raw = assembly.add(heard.characteristic, heard.content)
        try:
            answer = None if raw is None else Frame.from_bytes(raw)
        except FrameError:
            continue  # broken on the way; it is asked for again
        if answer is None:
            continue
        if answer.kind == ANSWER | question.kind and answer.address == question.address:
            _refuse_if_refused(answer)
            return answer
        if answer.kind == ANSWER | omron_frames.END:
            raise ConversationError(f"the cuff ended the transfer, code {answer.status}")
        # Otherwise it is the late answer to an earlier question.
    return None


def _refuse_if_refused(answer: Frame) -> None:
    """Raise if the cuff says no.

    Raises:
        ConversationError: always then; with the cuff's own code.
    """
    if answer.status:
        raise ConversationError(f"the cuff refuses to tell from its memory, code {answer.status}")


def _digests(remembered: bytes) -> set[bytes]:
    return {remembered[at : at + _DIGEST_SIZE] for at in range(0, len(remembered), _DIGEST_SIZE)}
