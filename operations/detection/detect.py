"""A file of readings through the monitor's detector: causally, in order of time, without labels."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.detector.flags import Flag
from monitor.detector.layout import ChannelSpec, Layout, SiteSpec
from monitor.detector.roles import guess_roles
from monitor.detector.state import State
from monitor.detector.step import Rows, Step, flush, step
from monitor.detector.verdict import Kind
from monitor.detector.verdicts import Finding, Verdicts
from operations.detection.kinds import Tested, kinds_of
from operations.detection.series import Series
from operations.errors import OperatorError
from registry.indicators import INDICATORS
from registry.model import Role

CHUNK: Final = 20_000
"""Rows in a call: the result does not depend on it."""
SITE: Final = "file"
DAYS_A_WEEK: Final = 7
END_US: Final = 2**61
LEAST_INDICATORS: Final = 3
"""So many columns must be named as the registry's indicators for a file to be a pool's."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What the detector says of a file, a row each: site score (1 = alarm threshold), alarm, kind, loudest channel.

    `channel_score` has shape (rows, channels): NaN where the channel had no reading.
    """

    score: NDArray[np.float64]
    flag: NDArray[np.bool_]
    kind: tuple[str, ...]
    channel: tuple[str, ...]
    channel_score: NDArray[np.float64]


def roles_of(text: str | None, series: Series, until: int | None) -> dict[str, Role]:
    """The roles that a text like ``quality=Cl,pH;operational=Fm`` gives, or a guess where there is none.

    Channels that it does not name are not used. Raises `OperatorError` on a role or channel that is not known.
    """
    if text is None:
        past = series.ts < (until if until is not None else series.ts[0])
        return guess_roles(series.channels, series.ts[past], series.values[past], series.period_s)
    roles: dict[str, Role] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, _, members = part.partition("=")
        try:
            role = Role(name.strip().lower())
        except ValueError as error:
            known = ", ".join(each.value for each in Role)
            raise OperatorError(f"--roles: {name.strip()!r} is not a role; there are {known}") from error
        for member in filter(None, (each.strip() for each in members.split(","))):
            if member not in series.channels:
                raise OperatorError(f"--roles: no channel {member!r}; the file has {', '.join(series.channels)}")
            roles[member] = role
    if Role.QUALITY not in roles.values():
        raise OperatorError("--roles: no quality channel; write --roles 'quality=Cl,pH;operational=Flow'")
    return roles


def detect(series: Series, roles: Mapping[str, Role], budget_per_day: float) -> Detection:
    """Judge the whole series with the production detector; `budget_per_day` is expected false alarms."""
    used = [name for name in series.channels if name in roles]
    layout = _layout(series, used, roles, budget_per_day)
    state, verdicts = State(layout), Verdicts(layout)
    observers = [verdicts] if verdicts.known.any() else []
    values = series.values[:, [series.channels.index(name) for name in used]]
    tested: list[Tested] = []
    ticks: list[NDArray[Any]] = []
    findings: list[Finding] = []
    for start in range(0, series.ts.size, CHUNK):
        ts, part = series.ts[start : start + CHUNK], values[start : start + CHUNK]
        slot = np.tile(np.arange(len(used), dtype=np.int64), ts.size)
        late = np.zeros(slot.size, dtype=np.bool_)
        found = step(state, layout, Rows(slot, np.repeat(ts, len(used)), part.ravel(), late), observers)
        tested.append(_tested(found, ts, part))
        ticks.append(found.ticks)
        findings += verdicts.finish(found.ticks)
    ticks.append(flush(state, layout, END_US, observers))
    findings += verdicts.finish(ticks[-1])
    whole = Tested(
        series.ts,
        values,
        np.concatenate([each.expected for each in tested]),
        np.concatenate([each.z for each in tested]),
        np.concatenate([each.score for each in tested]),
        np.concatenate([each.flags for each in tested], axis=1),
    )
    return _by_row(series, used, [roles[name] for name in used], np.concatenate(ticks), findings, whole)


def _tested(found: Step, ts: NDArray[np.int64], value: NDArray[np.float64]) -> Tested:
    """What a call said, by row and channel."""
    shape = value.shape
    expected, z, score = found.expected.reshape(shape), found.z.reshape(shape), found.score.reshape(shape)
    return Tested(ts, value, expected, z, score, found.flags.reshape(-1, *shape))


def _layout(series: Series, used: list[str], roles: Mapping[str, Role], budget_per_day: float) -> Layout:
    apart = np.diff(series.ts)
    apart = apart[apart > 0]
    # A tick for each time in the file.
    tick_s = min(1.0, float(apart.min()) / 1e6) if apart.size else 1.0
    # Verdicts rest on the chemistry of a pool: they are given where the columns bear the registry's own codes.
    pool = sum(name in INDICATORS for name in used) >= LEAST_INDICATORS
    channels = [
        ChannelSpec(name, SITE, name if pool else f"column {name}", roles[name], period_s=series.period_s)
        for name in used
    ]
    return Layout.of(channels, [SiteSpec(SITE, budget=budget_per_day * DAYS_A_WEEK, zone="UTC", tick_s=tick_s)])


def _by_row(
    series: Series,
    used: list[str],
    roles: list[Role],
    ticks: NDArray[Any],
    findings: list[Finding],
    tested: Tested,
) -> Detection:
    """Give every row the tick of its time; a row without any reading has what the one before it had."""
    place = np.searchsorted(ticks["ts"], series.ts, side="right") - 1
    known = place >= 0
    place = np.maximum(place, 0)
    score = np.where(known, ticks["score"][place], 0.0).astype(np.float64)
    flag = known & (ticks["flag"][place] == Flag.SUSPECT)
    loudest = ticks["slot"][place].astype(np.int64)
    kinds = _standing(series.ts, findings)
    # Where no verdict of a pool stands, the tests that spoke tell.
    open_rows = np.flatnonzero(flag & (kinds == Kind.NONE))
    kinds[open_rows] = kinds_of(used, roles, tested, loudest[open_rows], open_rows, series.period_s)
    return Detection(
        score=score,
        flag=flag,
        kind=tuple(Kind(kind).code if hot else "" for kind, hot in zip(kinds.tolist(), flag.tolist(), strict=True)),
        channel=tuple(
            used[slot] if hot and slot >= 0 else "" for slot, hot in zip(loudest.tolist(), flag.tolist(), strict=True)
        ),
        channel_score=np.where(np.isnan(tested.value), np.nan, tested.score).astype(np.float64),
    )


def _standing(ts: NDArray[np.int64], findings: list[Finding]) -> NDArray[np.int64]:
    """The verdict (`Kind`) that stands at each time, 0 where none does; of several the one of the first lane."""
    kinds = np.zeros(ts.size, dtype=np.int64)
    for lane in sorted({finding.lane for finding in findings}, reverse=True):
        own = [finding for finding in findings if finding.lane is lane]
        at = np.searchsorted(np.array([finding.ts for finding in own]), ts, side="right") - 1
        standing = np.where(at >= 0, np.array([int(finding.kind) for finding in own])[np.maximum(at, 0)], 0)
        kinds = np.where(standing > 0, standing, kinds)
    return kinds


def write(path: Path, series: Series, detection: Detection, used: list[str], until: int | None) -> int:
    """Write the rows from `until` (us) on; returns how many. Raises `OperatorError` where the file can't be written."""
    first = 0 if until is None else int(np.searchsorted(series.ts, until, side="left"))
    scores = [["" if np.isnan(x) else f"{x:.4g}" for x in row] for row in detection.channel_score[first:].tolist()]
    rows = zip(
        series.told[first:],
        (f"{score:.6g}" for score in detection.score[first:].tolist()),
        detection.flag[first:].astype(int).tolist(),
        detection.kind[first:],
        detection.channel[first:],
        scores,
        strict=True,
    )
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(["time", "score", "flag", "kind", "channel", *(f"score_{name}" for name in used)])
            out.writerows([*each, *scores] for *each, scores in rows)
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}") from error
    return len(series.told) - first
