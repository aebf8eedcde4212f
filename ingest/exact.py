"""The exact way through a batch: message by message, naming everything that is wrong, and the dead letters of it."""

import json
import logging
from collections import ChainMap
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from ingest import custody
from ingest.decoders import hj212, jt808, sparkplug
from ingest.decoders.model import Decoded
from ingest.decoders.sparkplug import Node
from ingest.delivery import Assembled, Delivery
from ingest.dialects import CUSTODY
from ingest.directory import HJ212_TOPIC, JT808_TOPIC, Address, Binding, Directory
from ingest.rejection import Reason, Rejection, shown, storable
from ingest.sequences import Numbered
from ingest.validation import Good, check_size, combine, validate
from registry.model import Device
from store.records import READING, DeadLetter, from_us
from store.upkeep import DeviceStatus
from store.waste_body import PositionRow
from store.waste_rows import StoredScan

MOST_LETTERS_A_MESSAGE: Final = 16
"""A message of a thousand bad fields must not be kept a thousand times."""

LONGEST_FIRMWARE: Final = 64

FAULT: Final = "the decoder failed on this payload, please report it"

_UNBORN: Final = Node()


class Wrong(NamedTuple):
    """What is wrong beside the readings of a message, and the device it is of."""

    binding: Binding
    rejections: Sequence[Rejection]


HalfRead = Mapping[int, Wrong]
"""Messages whose readings were taken, by their place in the batch."""

_NOTHING: Final[HalfRead] = MappingProxyType({})
_parse = json.JSONDecoder().decode
_log = logging.getLogger(__name__)


class Exact:
    """Reads messages one by one, naming everything that is wrong with them.

    `nodes` is what Sparkplug nodes have declared before; it stays as it is, what is new is in the result.
    """

    def __init__(self, directory: Directory, nodes: Mapping[str, Node]) -> None:
        self.directory = directory
        self._nodes = ChainMap({}, dict(nodes))
        self._rebirths: dict[str, str] = {}
        self.rows: list[tuple[int, int, float, int, bool]] = []
        self.owners: list[int] = []
        self.flags: list[bool] = []
        self.historical: list[bool] = []
        self.letters: list[DeadLetter] = []
        self.dead = 0
        self.silent = 0
        self.statuses: list[DeviceStatus] = []
        self.numbers: list[Numbered] = []
        self.scans: list[StoredScan] = []
        self.scan_owners: list[int] = []
        self.fixes: list[PositionRow] = []
        self.fix_owners: list[int] = []

    def read(self, deliveries: Sequence[Delivery], indices: Sequence[int], half_read: HalfRead = _NOTHING) -> Assembled:
        """The readings and dead letters of the deliveries at these indices, in order.

        Of those in `half_read` the readings were taken already, and what is wrong beside them is known.
        """
        for index in indices:
            delivery = deliveries[index]
            if (wrong := half_read.get(index)) is not None:
                self._bury_fields(delivery, wrong.rejections, wrong.binding)
                continue
            address = self.directory.address(delivery.topic)
            if address is None:
                self.silent += 1
            elif isinstance(address, Rejection):
                self._bury(delivery, _damage(delivery) or [address], None)
            elif (too_large := check_size(delivery.payload)) is not None:
                self._bury(delivery, [too_large], address.binding)
            elif address.kind == "status":
                self._status(delivery, address)
            elif address.kind in custody.KINDS:
                self._custody(index, delivery, address)
            else:
                self._telemetry(index, delivery, address)
        return Assembled(
            readings=np.array(self.rows, dtype=READING),
            owners=np.array(self.owners, dtype=np.int64),
            flagged=np.array(self.flags, dtype=np.bool_),
            historical=np.array(self.historical, dtype=np.bool_),
            letters=self.letters,
            dead=self.dead,
            silent=self.silent,
            statuses=self.statuses,
            nodes=dict(self._nodes.maps[0]),
            rebirths=self._rebirths,
            numbers=self.numbers,
            scans=self.scans,
            scan_owners=self.scan_owners,
            fixes=self.fixes,
            fix_owners=self.fix_owners,
        )

    def _telemetry(self, index: int, delivery: Delivery, address: Address) -> None:
        binding = address.binding
        try:
            decoded = self._decode(delivery, address)
            good, rejections = validate(decoded, binding, delivery.arrived)
        except Exception as error:
            # A fault of ours: one message must not stop all others, coming back for ever.
            _log.exception("device %s: payload not understood", binding.device.code)
            good, rejections = [], [Rejection(Reason.WRONG_SHAPE, f"{FAULT}: {error!r}")]
        else:
            self._number(index, delivery, decoded, binding)
        for reading in good:
            self._keep(index, reading, delivery.arrived)
        self._settle(delivery, rejections, binding, bringing=bool(good))

    def _custody(self, index: int, delivery: Delivery, address: Address) -> None:
        binding = address.binding
        decode = CUSTODY["jt808" if delivery.topic.startswith(JT808_TOPIC) else address.kind]
        try:
            decoded = decode(delivery.payload)
            good, rejections = custody.accept(decoded, address.kind, binding, self.directory.waste, delivery.arrived)
        except Exception as error:
            _log.exception("device %s: payload not understood", binding.device.code)
            good, rejections = custody.Accepted(), [Rejection(Reason.WRONG_SHAPE, f"{FAULT}: {error!r}")]
        else:
            self._number(index, delivery, decoded, binding)
        self.scans += good.scans
        self.scan_owners += [index] * len(good.scans)
        self.fixes += good.fixes
        self.fix_owners += [index] * len(good.fixes)
        self._settle(delivery, rejections, binding, bringing=bool(good.scans or good.fixes))

    def _number(self, index: int, delivery: Delivery, decoded: Decoded, binding: Binding) -> None:
        device = binding.device.code
        self.numbers += [
            Numbered(index, device, seq, delivery.arrived if ts is None else ts) for seq, ts in decoded.numbers
        ]

    def _settle(self, delivery: Delivery, rejections: Sequence[Rejection], binding: Binding, *, bringing: bool) -> None:
        """Account for a message that has been read: whether it brought anything, and what is wrong with it."""
        if rejections and not bringing:
            self._bury(delivery, rejections, binding)
        elif rejections:
            self._bury_fields(delivery, rejections, binding)
        elif not bringing:
            self.silent += 1  # a death, a birth that declares nothing of ours, a vehicle that does not know where it is

    def _decode(self, delivery: Delivery, address: Address) -> Decoded:
        device = address.binding.device.code
        if address.levels is not None:
            step = sparkplug.decode(address.levels, delivery.payload, self._nodes.get(device, _UNBORN))
            self._nodes[device] = step.node
            if (said := _life_of(address, delivery)) is not None:
                self.statuses.append(said)
            if step.rebirth is not None:
                self._rebirths[device] = step.rebirth
            else:
                self._rebirths.pop(device, None)
            return step.decoded
        decode = address.binding.decode
        if decode is None:
            raise TypeError(f"device {device} has no decoder")  # the directory lets nothing of it through
        return decode(delivery.payload, delivery.arrived)

    def _keep(self, index: int, reading: Good, arrived: int) -> None:
        self.rows.append((reading.channel_id, reading.ts, reading.value, arrived, False))
        self.owners.append(index)
        self.flags.append(reading.flagged)
        self.historical.append(reading.historical)

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


def _life_of(address: Address, delivery: Delivery) -> DeviceStatus | None:
    """What a Sparkplug birth or death says of a device: that it is on line, or no longer."""
    levels = address.levels
    if levels is None or levels.kind[1:] not in ("BIRTH", "DEATH"):
        return None
    speaker = address.binding.speaks_for.get(levels.device or levels.edge)
    if speaker is None:
        return None
    return DeviceStatus(speaker.device.code, levels.kind[1:] == "BIRTH", None, from_us(delivery.arrived))


def _damage(delivery: Delivery) -> list[Rejection]:
    """What is wrong with a frame itself, from whom it may be: the name in it can't be believed then."""
    decoded = Decoded()
    if delivery.topic.startswith(HJ212_TOPIC):
        hj212.read_packet(delivery.payload, decoded)
    elif delivery.topic.startswith(JT808_TOPIC):
        jt808.read_packet(delivery.payload, decoded)
    return decoded.rejections


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
    claimed = rejection.field if rejection.reason is Reason.UNKNOWN_DEVICE else None
    return DeadLetter(
        received_at=from_us(delivery.arrived),
        topic=storable(delivery.topic),
        payload=delivery.payload,
        reason=rejection.reason.value,
        detail=storable(rejection.detail),
        site=device.site if device is not None else None,
        device=device.code if device is not None else claimed,
        # Of an unknown device the field is the device itself.
        field=storable(rejection.field) if rejection.field is not None and not claimed else None,
    )
