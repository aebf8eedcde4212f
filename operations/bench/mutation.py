"""Broken payloads made of good ones: what a bad cable, a bad programmer or an attacker would send."""

import random
from collections.abc import Iterator, Sequence

_TOKENS = (b"null", b"NaN", b"-1e999", b"1e400", b"true", b'""', b"[]", b"{}", b",", b":", b"\x00", b"\xff", b"9" * 400)


def mutants(examples: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """`count` payloads, each an example with one to four changes; repeatable by `seed`."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for _ in range(count):
        payload = bytearray(chance.choice(examples))
        for _ in range(chance.randint(1, 4)):
            _mutate(payload, examples, chance)
        yield bytes(payload)


def _mutate(payload: bytearray, examples: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(payload) + 1)
    match chance.randrange(7):
        case 0 if payload:
            payload[at % len(payload)] ^= 1 << chance.randrange(8)
        case 1:
            del payload[at:]
        case 2:
            del payload[at : at + chance.randint(1, 12)]
        case 3:
            payload[at:at] = chance.choice(_TOKENS)
        case 4:
            payload[at:at] = payload[at : at + chance.randint(1, 40)]
        case 5:
            other = chance.choice(examples)
            payload[at:] = other[chance.randrange(len(other)) :]
        case _:
            payload[at : at + chance.randint(1, 8)] = chance.randbytes(chance.randint(1, 8))
