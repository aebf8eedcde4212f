"""The ground truth: every fault that was put in, with its start and end."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from simulators.clock import MINUTE_US, PhysicsClock
from simulators.errors import ConflictError, UnknownError
from simulators.every_fault import SPECS, Kind
from simulators.fault_kinds import FaultKind, natural_minutes
from simulators.faults import Fault

REMEMBERED: Final = 1_000
"""Ended faults that are kept; the monitoring side stores them for good."""


class Ledger:
    """Faults by id, oldest first. Instants are µs since the epoch."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = {fault.id: fault for fault in faults}

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults.values())

    @property
    def active(self) -> tuple[Fault, ...]:
        """Those that have not ended."""
        return tuple(fault for fault in self if fault.ended_at is None)

    def of(self, device: str) -> tuple[Fault, ...]:
        """The active faults of a device's basin."""
        return tuple(fault for fault in self.active if fault.device == device)

    def begin(
        self,
        device: str,
        kind: Kind,
        minutes: float | None,
        now: int,
        clock: PhysicsClock,
        *,
        size: float | None = None,
        source: str | None = None,
    ) -> Fault:
        """Put a fault in, for `minutes` of the physics or until it is ended.

        Where size is duration, the one stands for the other. Raises `ConflictError`, and `NotAllowedError` on a
        size outside the table.
        """
        spec = SPECS[kind]
        if size is not None:
            spec.checked(size)
        if spec.unit == "min":
            minutes = size if minutes is None else minutes
            size = minutes
        elif minutes is None:
            minutes = natural_minutes(kind, size) if isinstance(kind, FaultKind) else spec.minutes
        if any(fault.kind is kind for fault in self.of(device)):
            raise ConflictError(f"device {device} has fault {kind.value!r} already: end it first")
        starts = clock.at(now)
        fault = Fault(
            id=self._new_id(starts, device, kind),
            device=device,
            kind=kind,
            starts=starts,
            ends=None if minutes is None else starts + max(1, round(minutes * MINUTE_US)),
            started_at=now,
            size=size,
            source=source,
        )
        self._faults[fault.id] = fault
        self._forget_oldest()
        return fault

    def end(self, fault_id: str, now: int, clock: PhysicsClock) -> Fault:
        """End a fault; one that has ended stays as it was. Raises `UnknownError`."""
        if fault_id not in self._faults:
            raise UnknownError(
                f"fault {fault_id!r} does not exist; active are {', '.join(e.id for e in self.active) or 'none'}"
            )
        fault = self._faults[fault_id]
        if fault.ended_at is None:
            fault = replace(fault, ends=clock.at(now), ended_at=now)
            self._faults[fault_id] = fault
        return fault

    def end_due(self, now: int, clock: PhysicsClock) -> tuple[Fault, ...]:
        """End those whose time is over; the faults that ended just now."""
        over = [each for each in self.active if each.ends is not None and each.ends <= clock.at(now)]
        ended = tuple(replace(each, ended_at=min(now, clock.wall_at(each.ends or 0))) for each in over)
        self._faults.update({fault.id: fault for fault in ended})
        return ended

    def _new_id(self, starts: int, device: str, kind: Kind) -> str:
        return f"{device}-{kind.value}-{starts}"

    def _forget_oldest(self) -> None:
        ended = [fault.id for fault in self if fault.ended_at is not None]
        for fault_id in ended[: max(0, len(ended) - REMEMBERED)]:
            del self._faults[fault_id]
