"""Reading a wide CSV: one column of times, one column a channel."""

import csv
import gzip
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operations.errors import OperatorError
from store.records import to_us

TIME_NAMES: Final = ("time", "timestamp", "datetime", "date_time", "date", "ts", "t", "时间", "采样时间")
NEVER_READ: Final = re.compile(r"(label|code_|type_)", re.IGNORECASE)
"""Columns that say what is true, or that a person judged: a detector must not see them."""
MISSING: Final = frozenset({"", "na", "nan", "null", "none", "-", "n/a", "#n/a"})
_EPOCH_UNITS: Final = ((1e17, 1e-3), (1e14, 1.0), (1e11, 1e3), (0.0, 1e6))
"""Numbers from the first on are in ns, us, ms, s; the second turns them into us."""


@dataclass(frozen=True, slots=True)
class Series:
    """A file in order of time. `ts` us, shape (rows,); `values` (rows, channels), NaN missing; `told` as written."""

    channels: tuple[str, ...]
    ts: NDArray[np.int64]
    values: NDArray[np.float64]
    told: tuple[str, ...]

    @property
    def period_s(self) -> float:
        """Median time between rows, s."""
        apart = np.diff(self.ts)
        return float(np.median(apart[apart > 0]) / 1e6) if (apart > 0).any() else 60.0


def read(path: Path) -> Series:
    """Read a file. Raises `OperatorError` naming file, line and column of what can't be read."""
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            return _parsed(path, csv.reader(file))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise OperatorError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def labels(path: Path, column: str = "label") -> NDArray[np.bool_] | None:
    """The truth of each row in order of time, for scoring alone; nothing where the file has no such column."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = [name.strip() for name in next(rows, [])]
        if column not in header:
            return None
        body = [row for row in rows if row]
    at, time = header.index(column), _time_column(path, header, body[0])
    order = np.argsort(np.array([instant(row[time]) for row in body]), kind="stable")
    return np.array([float(row[at] or 0) > 0 for row in body], dtype=np.bool_)[order]


def instant(text: str) -> int:
    """A time as us since the epoch: RFC 3339, ISO 8601, or a number of s, ms, us or ns. Without a zone it is UTC.

    Raises `ValueError` on anything else.
    """
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        at = datetime.fromisoformat(text.replace("/", "-"))
        return to_us(at if at.tzinfo else at.replace(tzinfo=UTC))
    if not np.isfinite(number):
        raise ValueError(f"time {text!r} is not finite")
    factor = next(factor for least, factor in _EPOCH_UNITS if abs(number) >= least)
    return round(number * factor)


def _parsed(path: Path, lines: Iterable[Sequence[str]]) -> Series:
    rows = iter(lines)
    header = [name.strip() for name in next(rows, [])]
    body = [row for row in rows if row]
    if not header or not body:
        raise OperatorError(f"{path}: no rows; a header and at least one row of readings are needed")
    if len(set(header)) != len(header):
        raise OperatorError(f"{path}: column {next(n for n in header if header.count(n) > 1)!r} is there twice")
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise OperatorError(f"{path}: line {number} has {len(row)} cells, the header has {len(header)}")
    time = _time_column(path, header, body[0])
    told = [row[time] for row in body]
    ts = np.empty(len(body), dtype=np.int64)
    for at, text in enumerate(told):
        try:
            ts[at] = instant(text)
        except ValueError as error:
            raise OperatorError(f"{path}: line {at + 2}, column {header[time]!r}: {text!r} is not a time") from error
    channels, columns = [], []
    for at, name in enumerate(header):
        if at != time and not NEVER_READ.match(name):
            numbers = _numbers(path, name, [row[at] for row in body])
            if numbers is not None:
                channels.append(name)
                columns.append(numbers)
    if not channels:
        raise OperatorError(f"{path}: no column of numbers beside {header[time]!r}")
    order = np.argsort(ts, kind="stable")
    values = np.column_stack(columns)[order]
    return Series(tuple(channels), ts[order], values, tuple(told[at] for at in order.tolist()))


def _time_column(path: Path, header: Sequence[str], first: Sequence[str]) -> int:
    lowered = [name.lower() for name in header]
    named: list[int] = [lowered.index(name) for name in TIME_NAMES if name in lowered]
    for at in [*named, *range(len(header))]:
        try:
            instant(first[at])
        except ValueError:
            continue
        # A plain number may be a reading: only a column named as time may hold numbers.
        if at in named or not re.fullmatch(r"[-+0-9.eE ]+", first[at]):
            return int(at)
    raise OperatorError(f"{path}: no column of times; name it 'time' and write times like 2026-05-01T08:00:00Z")


def _numbers(path: Path, name: str, cells: Sequence[str]) -> NDArray[np.float64] | None:
    """The column's numbers, or nothing where it holds words from its first filled cell on."""
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)
    except ValueError:
        pass
    found = np.full(len(cells), np.nan)
    some = False
    for at, cell in enumerate(cells):
        if cell.strip().lower() in MISSING:
            continue
        try:
            found[at] = float(cell)
        except ValueError as error:
            if not some:
                return None
            raise OperatorError(f"{path}: line {at + 2}, column {name!r}: {cell!r} is not a number") from error
        some = True
    return found
