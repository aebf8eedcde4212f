"""Deliveries to arrays: what is right is read with as little Python a value as can be, the rest exactly.

The quick way takes a message only when it is certain that the exact one (`ingest.decoders.native` and
`ingest.validation`) would take all of it; a property test holds the two together.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.decoders import native
from ingest.decoders.model import NORMAL_FLAG
from ingest.rejection import Reason, Rejection, shown, storable
from ingest.validation import (
    FURTHEST_AHEAD_US,
    LARGEST_PAYLOAD_BYTES,
    RETENTION_US,
    Address,
    Binding,
    Directory,
    Good,
    channel_ids,
    check_size,
    combine,
    validate,
)
from registry.model import Device
from store.records import READING, DeadLetter, Message, Readings, from_us
from store.upkeep import DeviceStatus

MOST_LETTERS_A_MESSAGE: Final = 16
"""A message of a thousand bad fields must not be kept a thousand times."""

LONGEST_FIRMWARE: Final = 64

FAULT: Final = "the decoder failed on this payload, please report it"

_LATEST_QUICK_MS: Final = 4_102_444_800_000
_NUMBERS: Final = frozenset((int, float))
_parse = json.JSONDecoder().decode
_log = logging.getLogger(__name__)


class Delivery(NamedTuple):
    """A message as the broker handed it over. `arrived` in us; `epoch` and `mid` say what to acknowledge."""

    epoch: int
    mid: int
    topic: str
    payload: bytes
    arrived: int


@dataclass(slots=True)
class Assembled:
    """What a batch of deliveries comes to.

    `owners`, shape (n,), is the index of the delivery each of the n readings came with; `flagged` marks readings
    the device itself flagged; `silent` counts deliveries that are neither readings nor dead letters (status).
    """

    readings: Readings
    owners: NDArray[np.int64]
    flagged: NDArray[np.bool_]
    letters: list[DeadLetter] = field(default_factory=list)
    dead: int = 0
    silent: int = 0
    statuses: list[DeviceStatus] = field(default_factory=list)
    """What devices said of themselves, in order of arrival."""

    def messages(self, deliveries: Sequence[Delivery]) -> list[Message]:
        """The original messages that brought readings, for the journal."""
        bringing = np.zeros(len(deliveries), dtype=np.bool_)
        bringing[self.owners] = True
        return [Message(each.topic, each.payload, each.arrived) for each in compress(deliveries, bringing.tolist())]


def assemble(deliveries: Sequence[Delivery], directory: Directory, *, by_time: bool = False) -> Assembled:
    """Readings in arrival order, and dead letters, of deliveries in arrival order; `late` is not set yet.

    `by_time` orders the readings by their own time instead, for what the broker delivered out of order.
    """
    quick, rest = _read_quickly(deliveries, directory)
    assembled = _Exact(directory).read(deliveries, rest)
    assembled.readings = np.concatenate((quick.readings, assembled.readings))
    assembled.owners = np.concatenate((quick.owners, assembled.owners))
    assembled.flagged = np.concatenate((np.zeros(len(quick.owners), dtype=np.bool_), assembled.flagged))
    if rest or by_time:
        # Equal times stay in order of arrival.
        keys = (assembled.owners, assembled.readings["ts"]) if by_time else (assembled.owners,)
        order = np.lexsort(keys)
        assembled.readings = assembled.readings[order]
        assembled.owners = assembled.owners[order]
        assembled.flagged = assembled.flagged[order]
    return assembled


class _Quick(NamedTuple):
    readings: Readings
    owners: NDArray[np.int64]


def _read_quickly(deliveries: Sequence[Delivery], directory: Directory) -> tuple[_Quick, list[int]]:
    """The readings of deliveries that are right in every way, and the indices of the others."""
    telemetry = directory.telemetry
    rest: list[int] = []
    ids: list[int] = []
    values: list[float] = []
    messages: list[tuple[int, int, int, int, int]] = []
    for index, (_, _, topic, payload, arrived) in enumerate(deliveries):
        binding = telemetry.get(topic)
        taken = _quick_parts(payload, binding) if binding is not None else None
        if binding is None or taken is None:
            rest.append(index)
            continue
        layout, named, ts = taken
        ids.extend(layout)
        values.extend(named.values())
        messages.append((index, len(layout), ts, arrived, binding.registered_us))
    if not messages:
        return _Quick(np.empty(0, dtype=READING), np.empty(0, dtype=np.int64)), rest
    try:
        numbers = np.array(values, dtype=np.float64)
    except OverflowError:  # an integer beyond any float somewhere: rare, so the exact way takes all
        return _Quick(np.empty(0, dtype=READING), np.empty(0, dtype=np.int64)), list(range(len(deliveries)))
    return _to_arrays(np.array(messages, dtype=np.int64), np.array(ids, dtype=np.int32), numbers, rest)


def _quick_parts(payload: bytes, binding: Binding) -> tuple[tuple[int, ...], dict[str, float], int] | None:
    """Channel ids, values and time (ms) of a payload without any peculiarity; None for any other."""
    if len(payload) > LARGEST_PAYLOAD_BYTES:
        return None
    try:
        content: Any = _parse(payload.decode())
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
    return layout, named, ts


def _to_arrays(
    messages: NDArray[np.int64], ids: NDArray[np.int32], values: NDArray[np.float64], rest: list[int]
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
        rest = sorted([*rest, *index[~right].tolist()])
        kept = right[of_message]
        readings, owners = readings[kept], owners[kept]
    return _Quick(readings, owners), rest


class _Exact:
    """Reads messages one by one, naming everything that is wrong with them."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.rows: list[tuple[int, int, float, int, bool]] = []
        self.owners: list[int] = []
        self.flags: list[bool] = []
        self.letters: list[DeadLetter] = []
        self.dead = 0
        self.silent = 0
        self.statuses: list[DeviceStatus] = []

    def read(self, deliveries: Sequence[Delivery], indices: Sequence[int]) -> Assembled:
        """The readings and dead letters of the deliveries at these indices, in order."""
        for index in indices:
            delivery = deliveries[index]
            address = self.directory.address(delivery.topic)
            if isinstance(address, Rejection):
                self._bury(delivery, [address], None)
            elif (too_large := check_size(delivery.payload)) is not None:
                self._bury(delivery, [too_large], address.binding)
            elif address.kind == "status":
                self._status(delivery, address)
            else:
                self._telemetry(index, delivery, address.binding)
        return Assembled(
            readings=np.array(self.rows, dtype=READING),
            owners=np.array(self.owners, dtype=np.int64),
            flagged=np.array(self.flags, dtype=np.bool_),
            letters=self.letters,
            dead=self.dead,
            silent=self.silent,
            statuses=self.statuses,
        )

    def _telemetry(self, index: int, delivery: Delivery, binding: Binding) -> None:
        try:
            good, rejections = validate(native.decode(delivery.payload), binding, delivery.arrived)
        except Exception as error:
            # A fault of ours: one message must not stop all others, coming back for ever.
            _log.exception("device %s: payload not understood", binding.device.code)
            good, rejections = [], [Rejection(Reason.WRONG_SHAPE, f"{FAULT}: {error!r}")]
        for reading in good:
            self._keep(index, reading, delivery.arrived)
        if rejections and not good:
            self._bury(delivery, rejections, binding)
        elif rejections:
            self._bury_fields(delivery, rejections, binding)

    def _keep(self, index: int, reading: Good, arrived: int) -> None:
        self.rows.append((reading.channel_id, reading.ts, reading.value, arrived, False))
        self.owners.append(index)
        self.flags.append(reading.flagged)

    def _status(self, delivery: Delivery, address: Address) -> None:
        wrong = check_status(delivery.payload)
        if wrong is None:
            self.silent += 1
            if (status := status_of(delivery, address.binding)) is not None:
                self.statuses.append(status)
        else:
            self._bury(delivery, [wrong], address.binding)

    def _bury(self, delivery: Delivery, rejections: Sequence[Rejection], binding: Binding | None) -> None:
        self.dead += 1
        self.letters.append(letter(delivery, combine(rejections), binding))

    def _bury_fields(self, delivery: Delivery, rejections: Sequence[Rejection], binding: Binding) -> None:
        shown_singly = rejections[: MOST_LETTERS_A_MESSAGE - 1]
        self.letters += [letter(delivery, each, binding) for each in shown_singly]
        if len(rejections) > len(shown_singly):
            remaining = rejections[len(shown_singly) :]
            last = combine(remaining)
            detail = f"{len(remaining)} more in this message, first: {last.detail}"
            self.letters.append(letter(delivery, Rejection(last.reason, detail, last.field), binding))


def check_status(payload: bytes) -> Rejection | None:
    """What is wrong with a status payload; an empty one clears the retained message and is right."""
    if not payload:
        return None
    try:
        content: Any = _parse(payload.decode())
    except (ValueError, RecursionError) as error:
        return Rejection(Reason.MALFORMED_JSON, f'status: {error}; must be {{"online": true}} or {{"online": false}}')
    if isinstance(content, dict) and isinstance(content.get("online"), bool):
        return None
    return Rejection(
        Reason.WRONG_SHAPE, f'status is {shown(content)}; must be {{"online": true}} or {{"online": false}}'
    )


def status_of(delivery: Delivery, binding: Binding) -> DeviceStatus | None:
    """What a right status payload says; None for the empty one, which clears the retained message."""
    if not delivery.payload:
        return None
    content = _parse(delivery.payload.decode())
    firmware = content.get("firmware")
    told = storable(str(firmware))[:LONGEST_FIRMWARE] if firmware is not None else None
    return DeviceStatus(binding.device.code, content["online"], told, from_us(delivery.arrived))


def letter(delivery: Delivery, rejection: Rejection, binding: Binding | None) -> DeadLetter:
    """The dead letter of a rejected message or field."""
    device: Device | None = binding.device if binding is not None else None
    return DeadLetter(
        received_at=from_us(delivery.arrived),
        topic=storable(delivery.topic),
        payload=delivery.payload,
        reason=rejection.reason.value,
        detail=storable(rejection.detail),
        site=device.site if device is not None else None,
        device=device.code if device is not None else _claimed_device(delivery.topic, rejection),
        field=storable(rejection.field) if rejection.field is not None else None,
    )


def _claimed_device(topic: str, rejection: Rejection) -> str | None:
    """The device code in the topic of an unregistered device, so that the operator sees who is knocking."""
    return topic.split("/")[4] if rejection.reason is Reason.UNKNOWN_DEVICE else None
