"""The detector on labelled series of real water, and on unlabelled ones for their false alarms: every file of a folder.

Protocol: one set of parameters, 0.5 false alarms a day asked for, no labels read but for scoring. The first ten days
only calibrate; so much of gecco2018 as the peers' published figures rest on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from operations.detection.detect import detect, roles_of
from operations.detection.series import Series, labels, read
from operations.errors import OperatorError
from operations.evaluation.labelled import Score, score
from store.records import to_us

BUDGET_PER_DAY: Final = 0.5
CALIBRATION_US: Final = 10 * 86_400_000_000
CALIBRATED: Final = {"gecco2018_train": to_us(datetime(2016, 8, 14, 15, 14, tzinfo=UTC))}
GECCO_ROLES: Final = "quality=Cl,pH,Redox,Leit,Trueb,Cl_2;operational=Fm,Fm_2;context=Tp"
"""The organisers' rules: these six are quality indicators; changes of flow and temperature are no events."""
COLUMNS: Final = (
    ("f1", "F1", "{:.3f}"),
    ("precision", "precision", "{:.3f}"),
    ("recall", "recall", "{:.3f}"),
    ("onset_recall", "onset recall", "{:.3f}"),
    ("alarm_precision", "alarm precision", "{:.3f}"),
    ("false_alarms_per_day", "false alarms/day", "{:.3f}"),
    ("median_delay_min", "delay min", "{:.0f}"),
)


@dataclass(frozen=True, slots=True)
class Result:
    """The score of one file; `roles` says whether they were given or guessed, `labelled` whether there is a truth."""

    name: str
    roles: str
    labelled: bool
    days: float
    score: Score

    def as_dict(self) -> dict[str, Any]:
        """The figures by name; without labels, alarms and alarms a day are all there is."""
        figures = {"series": self.name, "roles": self.roles, "days": round(self.days, 1)} | self.score.as_dict()
        if self.labelled:
            return figures
        return {name: figures[name] for name in ("series", "roles", "days", "rows", "alarms", "false_alarms_per_day")}


def evaluate(folder: Path, said: Callable[[str], None]) -> Iterator[Result]:
    """Every ``*.csv`` and ``*.csv.gz`` below a folder, in order of its name. Raises `OperatorError` where none is."""
    files = sorted([*folder.rglob("*.csv.gz"), *folder.rglob("*.csv")])
    found = False
    for file in files:
        if file.stem.upper() == "MANIFEST":
            continue
        found = True
        name = file.name.removesuffix(".gz").removesuffix(".csv")
        series, truth = read(file), labels(file)
        given = GECCO_ROLES if name.startswith("gecco") else None
        for roles in [given, None] if given else [None]:
            said(f"{name}, roles {'given' if roles else 'guessed'}")
            yield _one(name, series, truth, roles)
    if not found:
        raise OperatorError(f"{folder}: no .csv or .csv.gz files below it")


def _one(name: str, series: Series, truth: np.ndarray[Any, Any] | None, roles: str | None) -> Result:
    first, last = int(series.ts[0]), int(series.ts[-1])
    # Of a short file a third calibrates.
    until = CALIBRATED.get(name, first + min(CALIBRATION_US, (last - first) // 3))
    found = detect(series, roles_of(roles, series, until), BUDGET_PER_DAY)
    judged = slice(int(np.searchsorted(series.ts, until)), None)
    label = np.zeros(series.ts.size, dtype=np.bool_) if truth is None else truth
    figures = score(found.flag[judged], found.score[judged], label[judged], series.period_s)
    days = figures.rows * series.period_s / 86400
    return Result(name, "given" if roles else "guessed", truth is not None, days, figures)


def table(results: list[Result]) -> str:
    """The results as a table in Markdown."""
    at = ("0.035", "0.1", "0.25", "1.0")
    head = [
        "series",
        "roles",
        "days",
        "events",
        *(title for _, title, _ in COLUMNS),
        *(f"onset @{each}" for each in at),
    ]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for result in results:
        cells = [result.name, result.roles, f"{result.days:.0f}"]
        cells.append(str(result.score.events) if result.labelled else "not labelled")
        for field, _, form in COLUMNS:
            figure = getattr(result.score, field)
            told = result.labelled or field == "false_alarms_per_day"
            cells.append(form.format(figure) if figure is not None and told else "")
        recalls = result.score.onset_recall_at
        cells += [f"{recalls[each]:.3f}" if result.labelled and result.score.events else "" for each in at]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
