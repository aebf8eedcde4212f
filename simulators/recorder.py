"""An append-only file of what the broker acknowledged, to be compared with what was stored (loss checks)."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Final

from simulators.outbox import Sample

COLUMNS: Final = ("device", "seq", "ts_ms", "puback_us")


class Recorder:
    """One line for each acknowledged sample: device, sequence number, its time in ms, time of the PUBACK in µs."""

    def __init__(self, path: Path, now: Callable[[], int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not path.exists() or path.stat().st_size == 0
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._now = now
        if fresh:
            self._writer.writerow(COLUMNS)
            self.flush()

    def note(self, device: str, samples: tuple[Sample, ...]) -> None:
        """Note the samples of an acknowledged message."""
        at = self._now()
        self._writer.writerows((device, sample.seq, sample.ts, at) for sample in samples)

    def flush(self) -> None:
        """Hand what was noted to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()
