"""Scoring flags against labelled events, without point adjustment.

An event is a run of labelled rows. An alarm is a run of flagged rows; runs less than an hour apart are one alarm,
and one that stays on counts again every six hours, so that an endless alarm is not cheap. An event is found when an
alarm begins between five minutes before its start and its end: one that was on anyway tells nothing. A false alarm
is one that touches no event. Rows are compared one by one for precision, recall and F1.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

MERGE_S: Final = 3600.0
RENOTIFY_S: Final = 21600.0
BEGIN_MERGE_S: Final = 900.0
"""For the beginning of alarms runs are merged only so far: a new one after a quarter of an hour's calm is a new one."""
LEAD_S: Final = 300.0
BUDGETS: Final = (0.035, 0.1, 0.25, 1.0)
"""False alarms a day at which the best onset recall is told."""
THRESHOLDS: Final = 80


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of one run; None where there is no event or alarm to take them of."""

    rows: int
    precision: float
    recall: float
    f1: float
    events: int
    alarms: int
    onset_recall: float | None
    alarm_precision: float | None
    false_alarms_per_day: float
    median_delay_min: float | None
    onset_recall_at: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """The figures by name, rounded to thousandths."""
        return {name: _rounded(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class _Events:
    found: Bools
    true: Bools
    false_alarms_per_day: float


def score(flag: Bools, value: NDArray[np.float64], label: Bools, step_s: float) -> Score:
    """Score one run.

    Parameters
    ----------
    flag, value, label : shape (rows,), alarm, score and truth of each row
    step_s : time between rows, s

    """
    hits, wrong, missed = (int(np.count_nonzero(each)) for each in (flag & label, flag & ~label, ~flag & label))
    own = _against_events(flag, label, step_s)
    best = dict.fromkeys(BUDGETS, 0.0)
    for threshold in np.unique(np.quantile(value, 1 - np.geomspace(1e-5, 0.3, THRESHOLDS))):
        swept = _against_events(value >= threshold, label, step_s)
        if swept.found.size:
            for budget in BUDGETS:
                if round(swept.false_alarms_per_day, 3) <= budget:
                    best[budget] = max(best[budget], float(swept.found.mean()))
    starts, ends = runs(label)
    delays = [int(np.argmax(flag[a:b])) for a, b in zip(starts.tolist(), ends.tolist(), strict=True) if flag[a:b].any()]
    return Score(
        rows=label.size,
        precision=hits / max(1, hits + wrong),
        recall=hits / max(1, hits + missed),
        f1=2 * hits / max(1, 2 * hits + wrong + missed),
        events=starts.size,
        alarms=own.true.size,
        onset_recall=float(own.found.mean()) if own.found.size else None,
        alarm_precision=float(own.true.mean()) if own.true.size else None,
        false_alarms_per_day=own.false_alarms_per_day,
        median_delay_min=float(np.median(delays)) * step_s / 60 if delays else None,
        onset_recall_at={str(budget): best[budget] for budget in BUDGETS},
    )


def runs(rows: Bools) -> tuple[Ints, Ints]:
    """First row of each run of true ones, and the row after its last."""
    edges = np.diff(np.concatenate([[0], rows.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def merged(flag: Bools, apart_rows: float) -> tuple[Ints, Ints]:
    """Runs of flagged rows, those not more than `apart_rows` apart taken as one."""
    starts, ends = runs(flag)
    if not starts.size:
        return starts, ends
    apart = starts[1:] - ends[:-1] > apart_rows
    return starts[np.append(True, apart)], ends[np.append(apart, True)]


def renotified(starts: Ints, ends: Ints, every_rows: int) -> tuple[Ints, Ints]:
    """Cut alarms that stay on into pieces of `every_rows` rows, each of which is told again."""
    pieces = [np.arange(a, b, every_rows) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    if not pieces:
        return starts, ends
    until = [np.append(piece[1:], b) for piece, b in zip(pieces, ends.tolist(), strict=True)]
    return np.concatenate(pieces), np.concatenate(until)


def _against_events(flag: Bools, label: Bools, step_s: float) -> _Events:
    alarms = renotified(*merged(flag, MERGE_S / step_s), max(1, int(RENOTIFY_S / step_s)))
    begun = merged(flag, BEGIN_MERGE_S / step_s)[0]
    before = np.concatenate([[0], np.cumsum(label)])
    true = before[alarms[1]] > before[alarms[0]]
    starts, ends = runs(label)
    first = np.searchsorted(begun, starts - int(LEAD_S / step_s), side="left")
    found = first < np.searchsorted(begun, ends, side="left")
    days = label.size * step_s / 86400
    return _Events(found, true, float(np.count_nonzero(~true) / days))


def _rounded(figure: Any) -> Any:
    if isinstance(figure, dict):
        return {name: _rounded(each) for name, each in figure.items()}
    return round(figure, 3) if isinstance(figure, float) else figure
