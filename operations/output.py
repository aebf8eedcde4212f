"""One readable log of many services: a line a message, with a prefix a service, to the terminal and a file.

Nothing here blocks the supervisor: a terminal that does not take lines (a paused one, a pipe nobody reads)
loses lines, the file has them all.
"""

import logging
import logging.handlers
import queue
import unicodedata
from pathlib import Path
from typing import Final, TextIO

LONGEST_LINE: Final = 4_000
FILE_BYTES: Final = 10_000_000
FILES_KEPT: Final = 5
TERMINAL_LINES_WAITING: Final = 10_000
PREFIX_WIDTH: Final = 10
COLOURS: Final = ("36", "32", "33", "35", "34", "96", "92", "93", "95", "94")
"""ANSI foreground colours, in the order in which services first speak."""


class LineSplitter:
    """Bytes as they come → whole lines of text. A line beyond `LONGEST_LINE` characters is cut, not kept in memory."""

    def __init__(self) -> None:
        self._rest = b""
        self._cutting = False

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that `chunk` completes; an empty chunk (end of stream) completes what is left."""
        if not chunk:
            left, self._rest = self._rest, b""
            return [printable(left)] if left and not self._cutting else []
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        lines: list[str] = []
        for line in whole:
            if not self._cutting:
                lines.append(printable(line))
            self._cutting = False
        if len(self._rest) > LONGEST_LINE:
            if not self._cutting:
                lines.append(printable(self._rest))
            self._cutting, self._rest = True, b""
        return lines


def printable(line: bytes) -> str:
    """A line as text without control characters: what a device sends must not drive the operator's terminal."""
    text = line.decode("utf-8", errors="replace").rstrip("\r\n")[:LONGEST_LINE]
    return "".join(each if each == "\t" or unicodedata.category(each) not in ("Cc", "Cs") else "·" for each in text)


class Output:
    """The log of a running system. `say` may be called from any thread; `close` writes out what waits."""

    def __init__(self, terminal: TextIO, folder: Path | None = None, *, colour: bool | None = None) -> None:
        use_colour = terminal.isatty() if colour is None else colour
        waiting: queue.Queue[logging.LogRecord] = queue.Queue(TERMINAL_LINES_WAITING)
        to_terminal = logging.StreamHandler(terminal)
        to_terminal.setFormatter(_PrefixFormatter("%H:%M:%S", colour=use_colour))
        self._listener = logging.handlers.QueueListener(waiting, to_terminal)
        self._handlers: list[logging.Handler] = [_DroppingQueueHandler(waiting)]
        if folder is not None:
            to_file = logging.handlers.RotatingFileHandler(
                folder / "landun.log", maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8"
            )
            to_file.setFormatter(_PrefixFormatter("%Y-%m-%dT%H:%M:%S%z", colour=False))
            self._handlers.append(to_file)
        self._listener.start()

    def say(self, service: str, line: str) -> None:
        """Log one line of a service."""
        record = logging.LogRecord(service, logging.INFO, "", 0, line, None, None)
        for handler in self._handlers:
            handler.handle(record)

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._listener.stop()
        for handler in self._handlers:
            handler.close()


class _DroppingQueueHandler(logging.handlers.QueueHandler):
    """Puts records where a thread takes them to the terminal, and drops them when that one has stopped reading."""

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            return


class _PrefixFormatter(logging.Formatter):
    """``time service | line``, the prefix in the service's colour."""

    def __init__(self, time_format: str, *, colour: bool) -> None:
        super().__init__(datefmt=time_format)
        self._colour = colour
        self._colours: dict[str, str] = {}

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"{self.formatTime(record, self.datefmt)} {record.name:<{PREFIX_WIDTH}} |"
        if self._colour:
            colour = self._colours.setdefault(record.name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        return f"{prefix} {record.getMessage()}"
