"""Throw bytes at every decoder and every profile until something breaks, or the time is over.

``python -m tests.fuzz.decoders --seconds 60`` changes frames that are right, at random, and needs nothing. Where
atheris is installed (it is not among the locked packages), ``--atheris`` lets it look for paths through the code that
no input has taken yet; words behind ``--`` go to libFuzzer, ``-max_total_time=60`` among them. Either ends with the
input that broke something, to be added to a test.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_TELLING: Final = [bytes.fromhex(one) for one in ("ff07", "fe07", "0008", "0208", "ffff7f00", "00")]


@dataclass(frozen=True)
class Target:
    """Something that bytes are thrown at, and frames that it may accept."""

    name: str
    check: Callable[[bytes], bool]
    seeds: tuple[bytes, ...]


def targets() -> list[Target]:
    """Return every decoder, and every profile with each characteristic of its records."""
    from tests import decoder_oracles  # here: atheris has to be there before

    seeds = {
        name: tuple(bytes.fromhex(seed) for seed in one.seeds)
        for name, one in decoder_oracles.CODECS.items()
    }
    everything = tuple(seed for each in seeds.values() for seed in each)
    codecs = [
        Target(name, functools.partial(decoder_oracles.check_codec, name), own)
        for name, own in seeds.items()
    ]
    profiles = [
        Target(
            f"{profile.profile_id} {profile.version} {characteristic}",
            functools.partial(decoder_oracles.check_record, profile, characteristic),
            seeds.get(characteristic, everything),
        )
        for profile, characteristic in decoder_oracles.records()
    ]
    return codecs + profiles


def changed(frame: bytes, chance: random.Random) -> bytes:
    """Change a frame a little: bytes, words that are no numbers, its end."""
    made = bytearray(frame)
    for _ in range(chance.randrange(5)):
        at = chance.randrange(len(made) + 1)
        what = chance.choice((*_TELLING, chance.randbytes(1)))
        made[at : at + len(what)] = what
    if chance.random() < 0.3:
        del made[len(made) - chance.randrange(len(made) + 1) :]
    if chance.random() < 0.3:
        made += chance.randbytes(chance.randrange(8))
    return bytes(made)


def run(seconds: float, seed: int) -> tuple[int, int]:
    """Throw for so long; return how many inputs there were, and how many were accepted.

    Raises:
        AssertionError: a decoder broke a rule; the note says which, and on what.
    """
    chance, aims = random.Random(seed), targets()
    until, thrown, accepted = time.monotonic() + seconds, 0, 0
    while time.monotonic() < until:
        for aim in aims:
            raw = changed(chance.choice(aim.seeds), chance)
            thrown += 1
            try:
                accepted += aim.check(raw)
            except BaseException as error:
                error.add_note(f"{aim.name}: {raw.hex()} (seed {seed})")
                raise
    return thrown, accepted


def _run_atheris(words: Sequence[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["firmware_profiles"]):
        aims = targets()

    def one(raw: bytes) -> None:
        if raw:
            aims[raw[0] % len(aims)].check(raw[1:])

    atheris.Setup([sys.argv[0], *words], one)
    atheris.Fuzz()


def main(words: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long")
    parser.add_argument("--seed", type=int, default=None, help="of the chance; drawn if not given")
    parser.add_argument("--atheris", action="store_true", help="guided by coverage")
    parser.add_argument("words", nargs="*", help="for libFuzzer")
    told = parser.parse_args(words)
    if told.atheris:
        _run_atheris(told.words)
        return
    seed = random.SystemRandom().randrange(2**32) if told.seed is None else told.seed
    thrown, accepted = run(told.seconds, seed)
    print(f"{thrown} inputs, {accepted} of them accepted, seed {seed}: every rule held")


if __name__ == "__main__":
    main()
