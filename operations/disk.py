"""Warns when the disk that holds the data runs full. The simulators stop themselves at the same bound."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

MIN_FREE_BYTES: Final = 2_000_000_000
EVERY_S: Final = 10.0
GIGA: Final = 1e9


def message(free: int, least: int, was_low: bool) -> str | None:
    """What to say when `free` bytes have come below `least`, or are above it again; nothing when nothing changed."""
    if free < least and not was_low:
        return (
            f"only {free / GIGA:.2f} GB are free on the data's disk (bound {least / GIGA:.2f} GB): "
            "the simulators stop publishing until there is more; real devices go on"
        )
    if free >= least and was_low:
        return f"{free / GIGA:.2f} GB are free again: the simulators go on"
    return None


class DiskGuard:
    """Looks at the free space of a folder's disk every `EVERY_S` seconds, in a thread, until `close`."""

    def __init__(self, folder: Path, said: Callable[[str], None], least: int = MIN_FREE_BYTES) -> None:
        self._folder = folder
        self._said = said
        self._least = least
        self._low = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="disk guard", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._closing.set()
        self._thread.join(timeout=1)

    def _watch(self) -> None:
        while True:
            free = shutil.disk_usage(self._folder).free
            if line := message(free, self._least, self._low):
                self._said(line)
            self._low = free < self._least
            if self._closing.wait(EVERY_S):
                return
