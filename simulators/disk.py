"""Stops the simulators before they fill the disk that real readings need."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from simulators.clock import SECOND_US

log = logging.getLogger(__name__)

CHECK_EVERY_US: Final = 5 * SECOND_US


def free_bytes(path: Path) -> int:
    """Free space of the file system that holds `path`, bytes."""
    return shutil.disk_usage(path).free


class DiskGuard:
    """Whether there is room to go on: `low` is true while less than `min_free` bytes are free."""

    def __init__(self, min_free: int, measure: Callable[[], int]) -> None:
        self._min_free = min_free
        self._measure = measure
        self._next_check = 0
        self.free = 0
        self.low = False

    def check(self, now: int) -> None:
        """Look at the disk if it is time to, and say so when the answer changes. `now` is µs since the epoch."""
        if now < self._next_check:
            return
        self._next_check = now + CHECK_EVERY_US
        self.free = self._measure()
        low = self.free < self._min_free
        if low and not self.low:
            log.error(
                "%.2f GB of disk space are free, less than %.2f GB: the simulators stop publishing until there is more",
                self.free / 1e9,
                self._min_free / 1e9,
            )
        elif self.low and not low:
            log.info("%.2f GB of disk space are free again: the simulators go on publishing", self.free / 1e9)
        self.low = low
