"""Every decoder, by random bytes and by frames that are nearly right; the fuzzer asks the same for longer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import decode, uuids
from firmware_profiles.device_profile import DeviceProfile
from tests import decoder_oracles

FRAMES = {
    name: [bytes.fromhex(seed) for seed in one.seeds]
    for name, one in decoder_oracles.CODECS.items()
}
ALL_FRAMES = [frame for frames in FRAMES.values() for frame in frames]
# Words that are no numbers, and neighbours of theirs that are; no user, no time.
WORDS = st.sampled_from(
    [bytes.fromhex(one) for one in ("ff07", "fe07", "0008", "0108", "0208", "ff0f", "fff7", "0088")]
    + [bytes.fromhex(one) for one in ("ffff7f00", "00008000", "02008000", "ffff7fff", "0000")]
)


@st.composite
def nearly(draw: st.DrawFn, frames: list[bytes]) -> bytes:
    """Change a good frame a little: bytes, words, its end."""
    frame = bytearray(draw(st.sampled_from(frames)))
    for change in draw(st.lists(st.binary(min_size=1, max_size=1) | WORDS, max_size=4)):
        at = draw(st.integers(0, max(len(frame) - 1, 0)))
        frame[at : at + len(change)] = change
    end = draw(st.integers(-3, 3))
    return bytes(frame[:end]) if end < 0 else bytes(frame) + draw(st.binary(max_size=end))


@pytest.mark.parametrize("name", FRAMES)
def test_seeds_are_accepted(name: str) -> None:
    assert all(decoder_oracles.check_codec(name, frame) for frame in FRAMES[name])


@pytest.mark.parametrize("name", FRAMES)
@given(st.data())
def test_a_decoder_keeps_to_the_rules(name: str, data: st.DataObject) -> None:
    raw = data.draw(nearly(FRAMES[name]) | st.binary(max_size=24))
    decoder_oracles.check_codec(name, raw)


@pytest.mark.parametrize(
    ("profile", "characteristic"),
    decoder_oracles.records(),
    ids=lambda one: one if isinstance(one, str) else f"{one.profile_id}-{one.version}",
)
@given(st.data())
def test_a_profile_keeps_to_the_rules(
    profile: DeviceProfile, characteristic: str, data: st.DataObject
) -> None:
    raw = data.draw(nearly(FRAMES.get(characteristic, ALL_FRAMES)) | st.binary(max_size=40))
    decoder_oracles.check_record(profile, characteristic, raw)


def test_no_telemetry_becomes_a_reading() -> None:
    telemetry = (
        *(uuids.INTERMEDIATE_CUFF_PRESSURE, uuids.ENHANCED_INTERMEDIATE_CUFF_PRESSURE),
        *(uuids.PLX_CONTINUOUS_MEASUREMENT, uuids.INTERMEDIATE_TEMPERATURE),
    )
    assert not any(decode.is_record(characteristic) for characteristic in telemetry)
