"""A message on its way through ingest, and what a batch of them comes to."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.decoders.sparkplug import Node
from ingest.sequences import Numbered
from store.records import DeadLetter, Message, Readings
from store.upkeep import DeviceStatus
from store.waste_body import PositionRow
from store.waste_rows import StoredScan


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
    the device itself flagged, `historical` those it says it had stored; `silent` counts deliveries that are neither
    readings nor dead letters (status). `nodes` holds the Sparkplug nodes that have declared something new, by code,
    and `rebirths` why some of them must be asked for their births again.
    """

    readings: Readings
    owners: NDArray[np.int64]
    flagged: NDArray[np.bool_]
    historical: NDArray[np.bool_]
    letters: list[DeadLetter] = field(default_factory=list)
    dead: int = 0
    silent: int = 0
    statuses: list[DeviceStatus] = field(default_factory=list)
    """What devices said of themselves, in order of arrival."""

    nodes: dict[str, Node] = field(default_factory=dict)
    rebirths: dict[str, str] = field(default_factory=dict)
    numbers: list[Numbered] = field(default_factory=list)
    """The sequence numbers that samples carry, in the order of the readings."""

    scans: list[StoredScan] = field(default_factory=list)
    scan_owners: list[int] = field(default_factory=list)
    """Events of custody, and the index of the delivery each came with."""

    fixes: list[PositionRow] = field(default_factory=list)
    fix_owners: list[int] = field(default_factory=list)
    """Positions, and the index of the delivery each came with."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to be written in the batch's transaction."""
        return not (len(self.readings) or self.letters or self.scans or self.fixes)

    @property
    def bringing(self) -> set[int]:
        """The indices of the deliveries that brought anything to be stored."""
        return {*self.owners.tolist(), *self.scan_owners, *self.fix_owners}

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Leave out the readings that `kept`, shape (n,), does not mark."""
        self.readings, self.owners = self.readings[kept], self.owners[kept]
        self.flagged, self.historical = self.flagged[kept], self.historical[kept]

    def keep_custody(self, scans: Container[int], fixes: Container[int]) -> None:
        """Leave out the events and fixes at these places."""
        kept = [number not in scans for number in range(len(self.scans))]
        self.scans, self.scan_owners = list(compress(self.scans, kept)), list(compress(self.scan_owners, kept))
        kept = [number not in fixes for number in range(len(self.fixes))]
        self.fixes, self.fix_owners = list(compress(self.fixes, kept)), list(compress(self.fix_owners, kept))

    def messages(self, deliveries: Sequence[Delivery], owners: Sequence[int] | NDArray[np.int64]) -> list[Message]:
        """The original messages that rows with these owners came with, for the journal."""
        bringing = np.zeros(len(deliveries), dtype=np.bool_)
        bringing[owners] = True
        return [Message(each.topic, each.payload, each.arrived) for each in compress(deliveries, bringing.tolist())]
