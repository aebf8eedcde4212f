"""The devices' append-only record: what they published, what was acknowledged, what of it was planted to be bad."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from simulators.outbox import Sample

PUBLISHED: Final = "published"
ACKNOWLEDGED: Final = "acknowledged"


class Flaw(NamedTuple):
    """What is wrong with a planted sample: the dead letter's reason, and the value's key (None: all of the sample)."""

    reason: str
    field: str | None


class Letter(NamedTuple):
    """A dead letter that must be there, and nothing else."""

    device: str
    seq: int
    reason: str


@dataclass(slots=True)
class Published:
    """A sample as its device recorded it. Times in ms and us since the epoch."""

    ts_ms: int
    values: Mapping[str, Any]
    flaw: Flaw | None
    acknowledged_us: int | None = None

    @property
    def good(self) -> Mapping[str, float]:
        """The values that must be stored."""
        if self.flaw is None:
            return self.values
        if self.flaw.field is None:
            return {}
        return {name: value for name, value in self.values.items() if name != self.flaw.field}


@dataclass
class Record:
    """Everything the devices recorded, by device and sequence number."""

    samples: dict[tuple[str, int], Published] = field(default_factory=dict)

    @property
    def letters(self) -> set[Letter]:
        """The dead letters to expect."""
        return {
            Letter(device, seq, sample.flaw.reason)
            for (device, seq), sample in self.samples.items()
            if sample.flaw is not None
        }


class Recorder:
    """Appends to the record; every line is with the operating system after `flush`."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)

    def published(self, device: str, sample: Sample, flaw: Flaw | None) -> None:
        """Note a sample before it is sent."""
        flawed = json.dumps(flaw) if flaw else ""
        self._writer.writerow((PUBLISHED, device, sample.seq, sample.ts, json.dumps(sample.values), flawed))

    def acknowledged(self, device: str, samples: Sequence[Sample], at_us: int) -> None:
        """Note the samples of a message whose PUBACK came."""
        self._writer.writerows((ACKNOWLEDGED, device, sample.seq, at_us) for sample in samples)

    def flush(self) -> None:
        """Hand what was noted to the operating system."""
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()


def read_record(path: Path) -> Record:
    """The record of a file; a last line cut short by a crash is left out."""
    record = Record()
    with path.open(encoding="utf-8", newline="") as lines:
        for what, device, seq, *rest in csv.reader(line for line in lines if line.endswith("\n")):
            key = (device, int(seq))
            if what == ACKNOWLEDGED:
                record.samples[key].acknowledged_us = int(rest[0])
                continue
            ts, values, flaw = rest
            record.samples[key] = Published(int(ts), json.loads(values), Flaw(*json.loads(flaw)) if flaw else None)
    return record
