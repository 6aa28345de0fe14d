from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.protocols import lifescan_frames


@pytest.mark.parametrize(
    ("message", "packet"),
    [
        # JugglucoNG, VerioSessionTest: what it writes, and what a meter has sent.
        pytest.param("2002", "01 02 0900 03 2002 03 d492", id="read clock"),
        pytest.param("0a0206", "01 02 0a00 03 0a0206 03 0a3f", id="read counter"),
        pytest.param("b30700", "01 02 0a00 03 b30700 03 fa7c", id="read record 7"),
        pytest.param("b30001", "01 02 0a00 03 b30001 03 5bca", id="read record 256"),
        pytest.param(
            "06 bb814431 4400 00 00 000000",
            "01 02 1300 03 06bb81443144000000000000 03 f29a",
            id="record, from a meter",
        ),
    ],
)
def test_frame_and_packet_are_those_of_the_sources(message: str, packet: str) -> None:
    frame = lifescan_frames.framed(bytes.fromhex(message))
    assert lifescan_frames.packets(frame) == [bytes.fromhex(packet)]
    assert lifescan_frames.message_of(frame) == bytes.fromhex(message)


def test_checksum_is_that_of_the_makers_example() -> None:
    # 41CD for 02 06 06 03. Source: tidepool-org/uploader@0185809, crc.
    assert binascii.crc_hqx(b"\x02\x06\x06\x03", 0xFFFF) == 0x41CD


@given(st.binary(max_size=120), st.integers(1, 40))
def test_message_comes_back_from_its_packets(message: bytes, content_size: int) -> None:
    assembly = lifescan_frames.Assembly()
    packets = lifescan_frames.packets(lifescan_frames.framed(message), content_size)[:0x3F]
    *before, last = [assembly.add(packet) for packet in packets]
    if len(packets) * content_size < len(message) + lifescan_frames.OVERHEAD:
        return  # more packets than can be numbered
    assert not any(before)
    assert last is not None
    assert lifescan_frames.message_of(last) == message


@given(st.binary(max_size=60), st.integers(min_value=0), st.integers(1, 255))
def test_refuses_when_an_octet_was_changed(message: bytes, at: int, change: int) -> None:
    frame = bytearray(lifescan_frames.framed(message))
    frame[at % len(frame)] ^= change
    with pytest.raises(FrameError):
        lifescan_frames.message_of(bytes(frame))


@given(st.binary(max_size=40))
def test_anything_else_is_refused_or_comes_back(raw: bytes) -> None:
    try:
        message = lifescan_frames.message_of(raw)
    except FrameError:
        return
    assert lifescan_frames.framed(message) == raw


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param("", FrameReason.EMPTY_FRAME, id="empty"),
        pytest.param("02 0700 03", FrameReason.SHORT_FRAME, id="short"),
        pytest.param("02 0900 03 2002 03 d4", FrameReason.SHORT_FRAME, id="cut off"),
        pytest.param("02 0900 03 2002 03 d492 00", FrameReason.TRAILING_BYTES, id="too long"),
        pytest.param("05 0900 03 2002 03 d492", FrameReason.RESERVED_VALUE, id="other start"),
        pytest.param("02 0900 03 2002 03 d493", FrameReason.IMPOSSIBLE_VALUE, id="checksum"),
    ],
)
def test_refusal_says_why(raw: str, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as refused:
        lifescan_frames.message_of(bytes.fromhex(raw))
    assert refused.value.reason is reason


def test_further_packets_without_a_first_are_worth_nothing() -> None:
    assembly = lifescan_frames.Assembly()
    assert assembly.add(b"\x41rest") is None
    assert not assembly.is_begun
    assert assembly.add(b"\x02one") is None
    assert assembly.add(b"\x02ONE") is None  # begun anew
    assert assembly.add(b"\x41two") == b"ONEtwo"


@pytest.mark.parametrize(
    ("packet", "acknowledgement"),
    [("01aa", "81"), ("03aa", "83"), ("42aa", "82"), ("41", "81")],
)
def test_acknowledgement_gives_the_number_back(packet: str, acknowledgement: str) -> None:
    written = lifescan_frames.acknowledgement(bytes.fromhex(packet))
    assert written.hex() == acknowledgement
    assert lifescan_frames.is_acknowledgement(written)
    assert not lifescan_frames.is_content(written)
    assert lifescan_frames.is_content(bytes.fromhex(packet))
