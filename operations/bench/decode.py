"""How fast each dialect's messages become readings, and how fast broken ones become dead letters: one core, no I/O."""

import gc
import time
from dataclasses import dataclass
from typing import Any, Final

from ingest.assembly import assemble
from ingest.decoders.sparkplug import Node
from ingest.delivery import Assembled, Delivery
from ingest.directory import Directory
from operations.bench.mutation import mutants
from operations.bench.speakers import TONGUES, spoken

BATCH: Final = 5_000
"""Messages of a batch, as in operation (`ingest.service`)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`messages` of each dialect, good and then broken; `seed` decides values and breakage."""

    messages: int = 50_000
    seed: int = 1


class UnaccountedError(RuntimeError):
    """A message came to nothing, or to two things; the message says of which dialect."""


def measure(settings: Settings) -> dict[str, Any]:
    """Messages and readings a second by dialect, and the rate of broken messages as a share of the good ones'."""
    dialects: dict[str, Any] = {}
    for tongue in TONGUES:
        directory, good = spoken(tongue, settings.messages, time.time_ns() // 1000, settings.seed)
        seconds, rows, _ = _timed(good, directory)
        bad = broken(good, settings.messages, settings.seed)
        bad_seconds, _, dead = _timed(bad, directory)
        rate = len(good) / seconds
        dialects[tongue] = {
            "messages_per_s": round(rate),
            "readings_per_s": round(rows / seconds),
            "bad_messages_per_s": round(len(bad) / bad_seconds),
            "bad_to_good": round(len(bad) / bad_seconds / rate, 3),
            "dead_share_of_bad": round(dead / len(bad), 3),
        }
    return {"messages": settings.messages, "dialects": dialects}


def fuzz(payloads: int, seed: int) -> dict[str, Any]:
    """Broken messages of every dialect through the assembly; raises `UnaccountedError` for one that gets lost."""
    each = -(-payloads // len(TONGUES))
    totals = {"payloads": 0, "readings": 0, "custody": 0, "dead": 0, "silent": 0}
    reasons: dict[str, int] = {}
    began = time.perf_counter()
    for tongue in TONGUES:
        directory, good = spoken(tongue, 2_000, time.time_ns() // 1000, seed)
        for start in range(0, each, BATCH):
            bad = broken(good, min(BATCH, each - start), seed + start)
            assembled = assemble(bad, directory)
            check(tongue, bad, assembled)
            totals["payloads"] += len(bad)
            totals["readings"] += len(assembled.readings)
            totals["custody"] += len(assembled.scans) + len(assembled.fixes)
            totals["dead"] += assembled.dead
            totals["silent"] += assembled.silent
            for letter in assembled.letters:
                reasons[letter.reason] = reasons.get(letter.reason, 0) + 1
    return {**totals, "reasons": dict(sorted(reasons.items())), "seconds": round(time.perf_counter() - began, 1)}


def check(tongue: str, batch: list[Delivery], assembled: Assembled) -> None:
    """Every message is a bringer of rows, dead or silent, and exactly one of them. Raises `UnaccountedError`."""
    bringing = len(assembled.bringing)
    if bringing + assembled.dead + assembled.silent != len(batch):
        raise UnaccountedError(
            f"{tongue}: {len(batch)} messages came to {bringing} with rows, {assembled.dead} dead and "
            f"{assembled.silent} silent"
        )
    faults = [each.detail for each in assembled.letters if "the decoder failed" in each.detail]
    if faults:
        raise UnaccountedError(f"{tongue}: {faults[0]}")


def broken(good: list[Delivery], count: int, seed: int) -> list[Delivery]:
    """Broken messages made of good ones, on the topics and in the order of the good."""
    payloads = mutants([each.payload for each in good[:2_000]], count, seed)
    return [
        good[number % len(good)]._replace(payload=payload, mid=number + 1) for number, payload in enumerate(payloads)
    ]


def _timed(batch: list[Delivery], directory: Directory) -> tuple[float, int, int]:
    """Seconds, rows (readings, events, fixes) and dead messages of a stream taken in batches."""
    nodes: dict[str, Node] = {}
    rows = dead = 0
    gc.collect()
    began = time.perf_counter()
    for start in range(0, len(batch), BATCH):
        assembled = assemble(batch[start : start + BATCH], directory, nodes)
        nodes |= assembled.nodes
        rows += len(assembled.readings) + len(assembled.scans) + len(assembled.fixes)
        dead += assembled.dead
    return time.perf_counter() - began, rows, dead
