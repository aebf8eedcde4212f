"""Scoring a file of flags, as `landun detect` writes it, against a labelled series."""

import csv
import gzip
from pathlib import Path

import numpy as np

from operations.detection.series import instant
from operations.errors import OperatorError
from operations.evaluation.labelled import Score, score


def scored(flags: Path, labelled: Path, label: str, after: str | None) -> Score:
    """The figures of the labelled rows from `after` on. Raises `OperatorError` where one of them has no flag."""
    truth, said = _columns(labelled, ("time", label)), _columns(flags, ("time", "score", "flag"))
    ts = np.array([instant(text) for text in truth["time"]])
    start = int(ts.min()) if after is None else instant(after)
    kept = ts >= start
    ts, known = ts[kept], np.array([instant(text) for text in said["time"]])
    place = np.minimum(np.searchsorted(known, ts), known.size - 1)
    if (known[place] != ts).any():
        absent = truth["time"][int(np.flatnonzero(kept)[int(np.argmax(known[place] != ts))])]
        raise OperatorError(f"{flags}: no row for {absent} of {labelled}; name the first judged time with --after")
    flag = np.array([float(each or 0) > 0 for each in said["flag"]])[place]
    value = np.array([float(each or 0) for each in said["score"]])[place]
    positive = np.array([float(each or 0) > 0 for each in truth[label]])[kept]
    step_s = float(np.median(np.diff(ts))) / 1e6 if ts.size > 1 else 60.0
    return score(flag, np.nan_to_num(value), positive, step_s)


def _columns(path: Path, names: tuple[str, ...]) -> dict[str, list[str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}") from error
    if not rows or not set(names) <= rows[0].keys():
        raise OperatorError(f"{path}: columns {', '.join(names)} are needed")
    return {name: [row[name] for row in rows] for name in names}
