"""The table of manual results as people fill it in, and from its rows to results, with every mistake named.

A row is one result of one indicator. A site is named by its code or its whole name; so is a sampling point, which
may be left out where the site has only one. A result is a number, ``<0.05``, or 未检出.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from registry.cells import a_choice, a_text
from registry.indicators import INDICATORS
from registry.model import Registry, SamplingPoint, Site
from registry.samples import Comparison, Sample, SampleKind
from registry.scenarios import scenario_of
from registry.tabular import Cell, CellError, Column, Mistake, Read, Sheet, did_you_mean, read
from registry.templates import to_xlsx
from registry.words import Words

AHEAD: Final = timedelta(minutes=5)
"""A result cannot be of the future, but clocks differ by a little."""

OLDEST: Final = timedelta(days=3653)
"""A result older than ten years is taken for a mistyped date."""

_RESULT: Final = re.compile(r"([<>＜＞≤≥=]?)\s*([0-9]+(?:\.[0-9]+)?)\Z")
_NOT_DETECTED: Final = frozenset({"未检出", "不得检出", "nd", "n.d.", "notdetected", "阴性", "negative"})
_PLAIN_TIMES: Final = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y年%m月%d日 %H:%M",
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """A result as it is stated."""

    value: float
    comparison: Comparison = Comparison.EQUAL


@dataclass(slots=True)
class SamplePlan:
    """What importing a file would add. `rows` counts the filled-in ones, `samples` are those without mistake."""

    rows: int = 0
    samples: list[Sample] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def a_result(cell: Cell) -> Result:
    """A number, a number with < or >, or a word for not detected, which is 0."""
    text = "".join(str(cell).split())
    if text.casefold() in _NOT_DETECTED:
        return Result(0.0)
    found = _RESULT.match(text)
    if found is None:
        raise CellError(Words.of("sample.not_a_result"))
    sign = {"": "=", "＜": "<", "＞": ">", "≤": "<", "≥": ">"}.get(found[1], found[1])
    return Result(float(found[2]), Comparison(sign))


def a_moment(cell: Cell) -> datetime:
    """An instant. Without an offset it is by the site's clock, which only the row knows; a day is its beginning."""
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    text = str(cell)
    for pattern in _PLAIN_TIMES:
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - the site's zone is added with the row
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise CellError(Words.of("tabular.not_a_time")) from None


def _kinds() -> Callable[[Cell], SampleKind]:
    spellings = {
        "实验室": SampleKind.LABORATORY,
        "实验室检测": SampleKind.LABORATORY,
        "laboratory": SampleKind.LABORATORY,
        "lab": SampleKind.LABORATORY,
        "快检": SampleKind.QUICK_TEST,
        "现场快检": SampleKind.QUICK_TEST,
        "现场快速检测": SampleKind.QUICK_TEST,
        "quick test": SampleKind.QUICK_TEST,
        "quick_test": SampleKind.QUICK_TEST,
    }
    return a_choice(spellings, Words("实验室、快检", "laboratory, quick test"))


def _indicator_of() -> Callable[[Cell], str]:
    spellings: dict[str, str] = {
        "余氯": "free_chlorine",
        "ph": "ph",
        "浊度": "turbidity",
        "总大肠菌群": "total_coliform",
    }
    for each in INDICATORS.values():
        spellings |= dict.fromkeys((each.code, each.name_zh, each.name_en), each.code)
    offered = ("free_chlorine", "ph", "turbidity", "urea", "colony_count", "total_coliform")
    known = Words(
        "、".join(INDICATORS[code].name_zh for code in offered) + "等",
        ", ".join(INDICATORS[code].name_en for code in offered) + " …",
    )
    return a_choice(spellings, known)


SHEET: Final = Sheet(
    "sample",
    "sample.sheet",
    (
        Column("site", a_text, required=True, example="nt-cc-041"),
        Column("sampling_point", a_text, example="标准池"),
        Column("taken_at", a_moment, required=True, example="2026-11-20 09:30"),
        Column("kind", _kinds(), required=True, example="实验室"),
        Column("indicator", _indicator_of(), required=True, example="菌落总数"),
        Column("result", a_result, required=True, example="120"),
        Column("taken_by", a_text, default="", example="王芳"),
        Column("laboratory", a_text, default="", example="市疾控中心"),
        Column("report", a_text, default="", example="NT-2026-1120"),
        Column("note", a_text, default="", example=""),
    ),
)


def template() -> bytes:
    """An empty workbook with an example row and an explanation of every column."""
    return to_xlsx([(SHEET, [])], examples=True)


def plan_samples(
    name: str, content: bytes, registry: Registry, now: datetime, sees: Callable[[Site], bool]
) -> SamplePlan:
    """What importing a file would add. Raises `registry.tabular.TableError` where it is not such a table.

    `sees` says which sites the person who imports may enter results for; others are unknown to them.
    """
    table = read(name, content, (SHEET,))[SHEET.code]
    plan = SamplePlan(rows=table.count, mistakes=list(table.mistakes))
    rows = _Rows([site for site in registry.sites.values() if sees(site)], registry.sampling_points.values(), now)
    seen: dict[object, int] = {}
    for row in table.rows:
        try:
            sample = rows.sample(row.values)
            _once(sample, row, seen)
        except RowError as error:
            plan.mistakes.append(table.mistake(row, error.column, error.words, error.value))
        else:
            plan.samples.append(sample)
    plan.mistakes.sort(key=lambda each: each.row)
    return plan


class RowError(Exception):
    """A row's value is not acceptable; `words` say what would be right in `column`."""

    def __init__(self, column: str, words: Words, value: object = "") -> None:
        super().__init__(words.en)
        self.column, self.words, self.value = column, words, value


def _once(sample: Sample, row: Read, seen: dict[object, int]) -> None:
    key = (sample.site, sample.sampling_point, sample.indicator, sample.taken_at, sample.kind)
    if key in seen:
        raise RowError("result", Words.of("sample.twice", row=seen[key]), sample.value)
    seen[key] = row.number


class _Rows:
    """Makes results of rows, by the sites and sampling points that are known."""

    def __init__(self, sites: Iterable[Site], points: Iterable[SamplingPoint], now: datetime) -> None:
        self.now = now
        self.sites: dict[str, list[Site]] = {}
        for site in sites:
            for name in {site.code, site.name_zh, site.name_en}:
                self.sites.setdefault(_folded(name), []).append(site)
        self.points: dict[str, list[SamplingPoint]] = {}
        for point in points:
            self.points.setdefault(point.site, []).append(point)

    def sample(self, values: Mapping[str, Any]) -> Sample:
        """The result of a row."""
        site = self._site(values["site"])
        point = self._point(site, values["sampling_point"])
        result: Result = values["result"]
        check_result(values["indicator"], result, scenario=site.scenario)
        return Sample(
            id=0,
            site=site.code,
            sampling_point=point.code,
            indicator=values["indicator"],
            value=result.value,
            comparison=result.comparison,
            kind=values["kind"],
            taken_at=self._moment(site, values["taken_at"]),
            **{name: values[name] for name in ("taken_by", "laboratory", "report", "note")},
        )

    def _site(self, said: str) -> Site:
        found = self.sites.get(_folded(said), [])
        if len(found) == 1:
            return found[0]
        if found:
            codes = ", ".join(sorted(each.code for each in found))
            raise RowError("site", Words.of("sample.site_ambiguous", codes=codes), said)
        raise RowError("site", _hinted("sample.site_unknown", said, self.sites), said)

    def _point(self, site: Site, said: str | None) -> SamplingPoint:
        points = self.points.get(site.code, [])
        listed = Words("、".join(each.name_zh for each in points), ", ".join(each.name_en for each in points))
        if said is None:
            if len(points) == 1:
                return points[0]
            key = "sample.point_needed" if points else "sample.no_points"
            raise RowError("sampling_point", Words.of(key, known=listed))
        for point in points:
            if _folded(said) in {_folded(point.code), _folded(point.name_zh), _folded(point.name_en)}:
                return point
        raise RowError("sampling_point", Words.of("sample.point_unknown", known=listed), said)

    def _moment(self, site: Site, said: datetime) -> datetime:
        at = said if said.tzinfo is not None else said.replace(tzinfo=ZoneInfo(site.zone))
        try:
            check_moment(at, self.now)
        except CellError as error:
            raise RowError("taken_at", error.words, said) from error
        return at


def check_moment(at: datetime, now: datetime) -> None:
    """Raise `CellError` on an instant at which no result can have been taken."""
    if at > now + AHEAD:
        raise CellError(Words.of("sample.in_the_future"))
    if at < now - OLDEST:
        raise CellError(Words.of("sample.too_old"))


def check_result(indicator: str, result: Result, *, scenario: str) -> None:
    """Raise `RowError` on a value that the indicator cannot have, naming what the scenario's sites are tested for."""
    known = INDICATORS[indicator]
    if not known.physical_lo <= result.value <= known.physical_hi:
        raise RowError(
            "result",
            Words.of("tabular.out_of_range", lo=f"{known.physical_lo:g}", hi=f"{known.physical_hi:g}", unit=known.unit),
            result.value,
        )
    offered = scenario_of(scenario).page.samples
    if offered and indicator not in offered:
        listed = Words(
            "、".join(INDICATORS[each].name_zh for each in offered),
            ", ".join(INDICATORS[each].name_en for each in offered),
        )
        raise RowError("indicator", Words.of("sample.not_tested", known=listed), known.name_zh)


def _hinted(key: str, said: str, known: Iterable[str]) -> Words:
    words, meant = Words.of(key), did_you_mean(said, known)
    if meant is None:
        return words
    hint = Words.of("tabular.did_you_mean", meant=meant)
    return Words(f"{words.zh}{hint.zh}", f"{words.en} {hint.en}")


def _folded(text: str) -> str:
    return "".join(text.casefold().split())
