"""Deliveries to arrays: what is right is read with as little Python a value as can be, the rest exactly.

The quick way takes a message only when it is certain that the exact one (`ingest.decoders.native` and
`ingest.validation`) would take all of it; a property test holds the two together.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from ingest.decoders.model import NORMAL_FLAG
from ingest.decoders.sparkplug import Node
from ingest.delivery import Assembled, Delivery
from ingest.directory import Binding, Directory, Layout
from ingest.exact import MOST_LETTERS_A_MESSAGE, Exact, Wrong
from ingest.sequences import Numbered
from ingest.validation import FURTHEST_AHEAD_US, LARGEST_PAYLOAD_BYTES, RETENTION_US, layout_of, unknown_indicator
from store.records import READING, Readings

_LATEST_QUICK_MS: Final = 4_102_444_800_000
_NUMBERS: Final = frozenset((int, float))
_NO_NODES: Final[Mapping[str, Node]] = MappingProxyType({})


def assemble(
    deliveries: Sequence[Delivery],
    directory: Directory,
    nodes: Mapping[str, Node] = _NO_NODES,
    *,
    by_time: bool = False,
) -> Assembled:
    """Readings in arrival order, and dead letters, of deliveries in arrival order; `late` is not set yet.

    `nodes` is what Sparkplug nodes have declared before, by the code of their device. `by_time` orders the readings
    by their own time instead, for what the broker delivered out of order.
    """
    quick, rest = _read_quickly(deliveries, directory)
    assembled = Exact(directory, nodes).read(deliveries, rest, quick.half_read)
    assembled.readings = np.concatenate((quick.readings, assembled.readings))
    assembled.owners = np.concatenate((quick.owners, assembled.owners))
    assembled.numbers += quick.numbers
    unmarked = np.zeros(len(quick.owners), dtype=np.bool_)
    assembled.flagged = np.concatenate((unmarked, assembled.flagged))
    assembled.historical = np.concatenate((unmarked, assembled.historical))
    if rest or by_time:
        # Equal times stay in order of arrival.
        keys = (assembled.owners, assembled.readings["ts"]) if by_time else (assembled.owners,)
        order = np.lexsort(keys)
        assembled.readings = assembled.readings[order]
        assembled.owners = assembled.owners[order]
        assembled.flagged = assembled.flagged[order]
        assembled.historical = assembled.historical[order]
        assembled.numbers.sort(key=_by_time if by_time else None)
    return assembled


def _by_time(number: Numbered) -> tuple[int, int]:
    return number.ts, number.seq


class _Quick(NamedTuple):
    readings: Readings
    owners: NDArray[np.int64]
    numbers: list[Numbered]
    half_read: dict[int, Wrong]


def _read_quickly(deliveries: Sequence[Delivery], directory: Directory) -> tuple[_Quick, list[int]]:
    """The readings of deliveries that are right but for unknown names, and the indices of all that is not right."""
    telemetry = directory.telemetry
    rest: list[int] = []
    ids: list[int] = []
    values: list[float] = []
    messages: list[tuple[int, int, int, int, int]] = []
    numbers: list[Numbered] = []
    strange: dict[int, _Parts] = {}
    for index, (_, _, topic, payload, arrived) in enumerate(deliveries):
        binding = telemetry.get(topic)
        taken = _quick_parts(payload, binding) if binding is not None else None
        if binding is None or taken is None:
            rest.append(index)
            continue
        layout, named, ts, seq = taken
        ids.extend(layout.channel_ids)
        if layout.unknown:
            strange[index] = taken
            values.extend([named[name] for name in layout.known])
        else:
            values.extend(named.values())
        messages.append((index, len(layout.channel_ids), ts, arrived, binding.registered_us))
        if seq is not None:
            numbers.append(Numbered(index, binding.device.code, seq, ts * 1000))
    if not messages:
        return _nothing(), rest
    try:
        values_of = np.array(values, dtype=np.float64)
    except OverflowError:  # an integer beyond any float somewhere: rare, so the exact way takes all
        return _nothing(), list(range(len(deliveries)))
    quick, rest = _to_arrays(
        np.array(messages, dtype=np.int64), np.array(ids, dtype=np.int32), values_of, numbers, rest
    )
    if not strange:
        return quick, rest
    wrong = set(rest)
    for index, (layout, named, _, _) in strange.items():
        if index not in wrong:
            of = telemetry[deliveries[index].topic]
            unknown = [unknown_indicator(name, float(named[name]) + 0.0, of) for name in layout.unknown]
            quick.half_read[index] = Wrong(of, unknown)
    return quick, sorted([*rest, *quick.half_read])


def _nothing() -> _Quick:
    return _Quick(np.empty(0, dtype=READING), np.empty(0, dtype=np.int64), [], {})


_Parts = tuple[Layout, dict[str, float], int, int | None]
"""What the keys stand for, values by key, time (ms) and number of a payload."""


def _quick_parts(payload: bytes, binding: Binding) -> _Parts | None:
    """The parts of a payload whose only peculiarity may be names that are not known; None for any other."""
    if len(payload) > LARGEST_PAYLOAD_BYTES:
        return None
    try:
        content: Any = orjson.loads(payload)
        named = content["values"]
        ts = content["ts"]
        if type(named) is not dict:
            return None
        names = tuple(named)
        layout = binding.layouts.get(names) or layout_of(binding, names)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    if (
        not layout.channel_ids
        or type(ts) is not int
        or not 0 < ts < _LATEST_QUICK_MS
        or content.get("flag", NORMAL_FLAG) != NORMAL_FLAG
        # Every colon belongs to a key: so no key came twice, and no string hides a colon.
        or payload.count(b":") != len(content) + len(named)
        or not _NUMBERS.issuperset(map(type, named.values()))
        or (layout.unknown and not _plainly_unknown(layout.unknown, named))
    ):
        return None
    seq = content.get("seq")
    return layout, named, ts, seq if type(seq) is int else None


def _plainly_unknown(names: tuple[str, ...], values: dict[str, float]) -> bool:
    """Whether all that is wrong with these is that nobody knows the name, and each gets a dead letter of its own."""
    if len(names) >= MOST_LETTERS_A_MESSAGE:
        return False
    for name in names:  # written out: a generator for a name or two costs more than all of the rest
        value = values[name]
        if type(value) is not float or not isfinite(value):
            return False
    return True


def _to_arrays(
    messages: NDArray[np.int64],
    ids: NDArray[np.int32],
    values: NDArray[np.float64],
    numbers: list[Numbered],
    rest: list[int],
) -> tuple[_Quick, list[int]]:
    """Readings of the messages (columns: index, count, ts in ms, arrived, registered) that are right."""
    index, count, ts_ms, arrived, registered = messages.T
    ts = ts_ms * 1000
    right = (ts >= arrived - RETENTION_US) & (ts <= arrived + FURTHEST_AHEAD_US) & (ts >= registered)
    of_message = np.repeat(np.arange(len(index)), count)
    right[of_message[~np.isfinite(values)]] = False
    readings = np.empty(len(ids), dtype=READING)
    readings["channel_id"] = ids
    readings["ts"] = ts[of_message]
    readings["value"] = values + 0.0  # -0.0 becomes 0.0, so that equal readings have equal bytes
    readings["arrived"] = arrived[of_message]
    readings["late"] = False
    owners = index[of_message]
    if not right.all():
        wrong = set(index[~right].tolist())
        rest = sorted([*rest, *wrong])
        numbers = [each for each in numbers if each.place not in wrong]
        kept = right[of_message]
        readings, owners = readings[kept], owners[kept]
    return _Quick(readings, owners, numbers, {}), rest
