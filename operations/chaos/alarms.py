"""Were the alarms the same? Those of readings as in an undisturbed run; those of silence as the record has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from monitor.alarms.book import Changes
from monitor.engine import Engine
from operations.chaos.record import Record
from registry.model import Registry
from store.connections import Connection
from store.journal import Entry
from store.journal_body import encode_readings
from store.records import Readings, to_us

OF_READINGS: Final = ("limit", "circulation")
COMPARED: Final = ("condition", "since", "raised_at", "value", "returned_at", "return_reason")
READINGS_AN_ENTRY: Final = 5_000
SILENT_S: Final = 10.0
"""How long a device must be silent at the speed of the run."""
LEEWAY_S: Final = 1.5
"""Between a device's PUBACK and ingest's note of the arrival; two processes on a busy machine."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many alarms there are, and what does not fit.

    `missing` and `surplus` are alarms of readings against the undisturbed run; `offline_unexplained` are alarms of
    silence of a device that was heard; `offline_missed` planted silences that raised none.
    """

    alarms: int
    missing: int
    surplus: int
    offline: int
    offline_unexplained: int
    offline_missed: int

    @property
    def equal(self) -> bool:
        """Whether everything fits."""
        return self.missing == self.surplus == self.offline_unexplained == self.offline_missed == 0


def compare(
    connection: Connection,
    registry: Registry,
    record: Record,
    published: Readings,
    *,
    config: Sequence[Entry],
    planted: Mapping[str, tuple[float, float]],
) -> Comparison:
    """Compare the alarms of a run.

    Parameters
    ----------
    published : the good readings of the record in order of time
    config : the journal's rows that set the scene (the speed of the simulation)
    planted : silences long enough and undisturbed: site → from, to (s since the epoch)

    """
    expected = {_fingerprint(row) for row in undisturbed(registry, published, config)}
    rows = _rows(connection)
    actual = {_fingerprint(row) for row in rows if row["kind"] in OF_READINGS}
    silent = [row for row in rows if row["kind"] == "offline"]
    found = [site for site, (first, last) in planted.items() if any(_within(row, site, first, last) for row in silent)]
    return Comparison(
        alarms=len(actual),
        missing=len(expected - actual),
        surplus=len(actual - expected),
        offline=len(silent),
        offline_unexplained=sum(not _explained(row, record, registry) for row in silent),
        offline_missed=len(planted) - len(found),
    )


def undisturbed(registry: Registry, published: Readings, config: Sequence[Entry]) -> list[dict[str, Any]]:
    """The alarms that readings raise when each arrives at once and in order: the monitor's own fold."""
    engine, changes = Engine(registry), Changes()
    entries = list(config)
    first = max((entry.id for entry in config), default=0) + 1
    for number, start in enumerate(range(0, len(published), READINGS_AN_ENTRY)):
        rows = published[start : start + READINGS_AN_ENTRY]
        body = encode_readings(rows)
        at = datetime.fromtimestamp(float(rows["ts"][-1]) / 1e6, UTC)
        entries.append(Entry(first + number, "readings", at, len(rows), number + 1, body, None, b"", b""))
    engine.fold(entries, changes)
    return [row for row in changes.raised.values() if row["kind"] in OF_READINGS]


def _fingerprint(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in COMPARED)


def _rows(connection: Connection) -> list[dict[str, Any]]:
    names = (*COMPARED, "kind", "site", "device")
    found = connection.execute(f"SELECT {', '.join(names)} FROM alarm ORDER BY id")  # noqa: S608 - constants
    return [dict(zip(names, row, strict=True)) for row in found]


def _within(row: Mapping[str, Any], site: str, first: float, last: float) -> bool:
    """Whether an alarm of silence is that of a planted one: raised in it and over after it."""
    over = row["returned_at"] is not None and row["returned_at"].timestamp() >= last
    return row["site"] == site and first <= row["raised_at"].timestamp() <= last + LEEWAY_S and over


def _explained(row: Mapping[str, Any], record: Record, registry: Registry) -> bool:
    """Whether the broker had acknowledged nothing to the silent devices for as long as silence takes."""
    codes = {row["device"]} if row["device"] else {each.code for each in registry.devices_of_site[row["site"]]}
    raised = to_us(row["raised_at"])
    acknowledged = np.array(
        [
            sample.acknowledged_us
            for (device, _), sample in record.samples.items()
            if device in codes and sample.acknowledged_us is not None and sample.acknowledged_us <= raised
        ],
        dtype=np.int64,
    )
    return not acknowledged.size or raised - int(acknowledged.max()) >= (SILENT_S - LEEWAY_S) * 1e6
