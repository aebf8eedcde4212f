"""Deliveries to arrays: what is right is read with as little Python a value as can be, the rest exactly.

The quick way takes a message only when it is certain that the exact one (`ingest.decoders.native` and
`ingest.validation`) would take all of it; a property test holds the two together.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from ingest.decoders.model import NORMAL_FLAG
from ingest.decoders.sparkplug import Node
from ingest.delivery import Assembled, Delivery
from ingest.directory import Binding, Directory
from ingest.exact import Exact
from ingest.sequences import Numbered
from ingest.validation import FURTHEST_AHEAD_US, LARGEST_PAYLOAD_BYTES, RETENTION_US, channel_ids
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
    assembled = Exact(directory, nodes).read(deliveries, rest)
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


def _read_quickly(deliveries: Sequence[Delivery], directory: Directory) -> tuple[_Quick, list[int]]:
    """The readings of deliveries that are right in every way, and the indices of the others."""
    telemetry = directory.telemetry
    rest: list[int] = []
    ids: list[int] = []
    values: list[float] = []
    messages: list[tuple[int, int, int, int, int]] = []
    numbers: list[Numbered] = []
    for index, (_, _, topic, payload, arrived) in enumerate(deliveries):
        binding = telemetry.get(topic)
        taken = _quick_parts(payload, binding) if binding is not None else None
        if binding is None or taken is None:
            rest.append(index)
            continue
        layout, named, ts, seq = taken
        ids.extend(layout)
        values.extend(named.values())
        messages.append((index, len(layout), ts, arrived, binding.registered_us))
        if seq is not None:
            numbers.append(Numbered(index, binding.device.code, seq, ts * 1000))
    if not messages:
        return _nothing(), rest
    try:
        values_of = np.array(values, dtype=np.float64)
    except OverflowError:  # an integer beyond any float somewhere: rare, so the exact way takes all
        return _nothing(), list(range(len(deliveries)))
    return _to_arrays(np.array(messages, dtype=np.int64), np.array(ids, dtype=np.int32), values_of, numbers, rest)


def _nothing() -> _Quick:
    return _Quick(np.empty(0, dtype=READING), np.empty(0, dtype=np.int64), [])


def _quick_parts(payload: bytes, binding: Binding) -> tuple[tuple[int, ...], dict[str, float], int, int | None] | None:
    """Channel ids, values, time (ms) and number of a payload without any peculiarity; None for any other."""
    if len(payload) > LARGEST_PAYLOAD_BYTES:
        return None
    try:
        content: Any = orjson.loads(payload)
        named = content["values"]
        ts = content["ts"]
        names = tuple(named)
        layout = binding.layouts.get(names) or channel_ids(binding, names)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    if (
        not layout
        or type(named) is not dict
        or type(ts) is not int
        or not 0 < ts < _LATEST_QUICK_MS
        or content.get("flag", NORMAL_FLAG) != NORMAL_FLAG
        # Every colon belongs to a key: so no key came twice, and no string hides a colon.
        or payload.count(b":") != len(content) + len(named)
        or not _NUMBERS.issuperset(map(type, named.values()))
    ):
        return None
    seq = content.get("seq")
    return layout, named, ts, seq if type(seq) is int else None


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
    return _Quick(readings, owners, numbers), rest
