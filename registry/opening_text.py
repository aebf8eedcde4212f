"""Opening hours as people write them, and back: ``06:00-22:00``, ``周一至周五 06:00-21:00；周末 08:00-22:00``.

The English form is the everyday part of OpenStreetMap's ``opening_hours``: ``Mo-Fr 06:00-21:00; Sa,Su 08:00-20:00``.
A day that is not named is closed.
"""

import re
from typing import Final

from registry.opening import MINUTES_A_DAY, OpeningHours

Day = tuple[tuple[int, int], ...]

ALWAYS: Final = "24/7"
CLOSED: Final = "closed"
_ALWAYS_WORDS: Final = frozenset(("24/7", "24h", "always", "全天", "24小时", "全天开放", "全年无休24小时"))
_NAMES: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_DAYS: Final = {
    **{name.casefold(): number for number, name in enumerate(_NAMES)},
    **{name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))},
    **{
        f"{prefix}{sign}": number
        for prefix in ("周", "星期", "礼拜")
        for signs in ("一二三四五六日", "1234567")
        for number, sign in enumerate(signs)
    },
    "周天": 6,
    "星期天": 6,
}
_GROUPS: Final = {
    "每天": range(7),
    "每日": range(7),
    "daily": range(7),
    "工作日": range(5),
    "weekdays": range(5),
    "周末": range(5, 7),
    "双休日": range(5, 7),
    "weekend": range(5, 7),
}
_SPAN: Final = re.compile(r"(\d{1,2})[:.](\d{2})-(\d{1,2})[:.](\d{2})")
_DAY_RANGE: Final = re.compile(r"([^\d\s,-]+\d?)-([^\d\s,-]+\d?)")


def parse_opening(written: str) -> OpeningHours:
    """The week that is written. Raises `ValueError` naming the part that is not understood."""
    narrow = written.strip().casefold()
    for wide, plain in (("：", ":"), ("；", ";"), ("，", ","), ("、", ","), ("－", "-"), ("–", "-"), ("—", "-")):
        narrow = narrow.replace(wide, plain)
    narrow = narrow.replace("~", "-").replace("至", "-").replace("到", "-")
    narrow = re.sub(r"\s*([-,;:])\s*", r"\1", narrow)
    if narrow.replace(" ", "") in _ALWAYS_WORDS:
        return OpeningHours.always()
    if narrow == CLOSED:
        return OpeningHours(week=((),) * 7)
    week: list[Day] = [()] * 7
    for part in filter(None, (each.strip() for each in narrow.split(";"))):
        days, spans = _part(part)
        for day in days:
            week[day] = tuple(sorted((*week[day], *spans)))
    return OpeningHours(week=tuple(week))


def format_opening(opening: OpeningHours) -> str:
    """The week in the form `parse_opening` reads, days with the same hours together."""
    if opening.around_the_clock:
        return ALWAYS
    groups: dict[Day, list[int]] = {}
    for day, spans in enumerate(opening.week):
        if spans:
            groups.setdefault(spans, []).append(day)
    if not groups:
        return CLOSED
    if len(groups) == 1 and len(next(iter(groups.values()))) == 7:
        return _spans(next(iter(groups)))
    return "; ".join(f"{_day_names(days)} {_spans(spans)}" for spans, days in groups.items())


def _part(part: str) -> tuple[list[int], Day]:
    spans = tuple(_span(match) for match in _SPAN.finditer(part))
    rest = _SPAN.sub("", part).strip(" ,:")
    if not spans:
        raise ValueError(part)
    return (_days(rest) if rest else list(range(7))), spans


def _span(match: "re.Match[str]") -> tuple[int, int]:
    hour, minute, until_hour, until_minute = map(int, match.groups())
    opens, closes = hour * 60 + minute, until_hour * 60 + until_minute
    if minute > 59 or until_minute > 59 or not 0 <= opens < closes <= MINUTES_A_DAY:
        raise ValueError(match.group())
    return opens, closes


def _days(written: str) -> list[int]:
    found: list[int] = []
    for name in filter(None, written.replace(" ", ",").split(",")):
        if name in _GROUPS:
            found += _GROUPS[name]
        elif name in _DAYS:
            found.append(_DAYS[name])
        elif (span := _DAY_RANGE.fullmatch(name)) and span[1] in _DAYS:
            last = _DAYS.get(span[2], _DAYS.get(span[1][:-1] + span[2]))
            if last is None or last < _DAYS[span[1]]:
                raise ValueError(name)
            found += range(_DAYS[span[1]], last + 1)
        else:
            raise ValueError(name)
    return found


def _day_names(days: list[int]) -> str:
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return f"{_NAMES[days[0]]}-{_NAMES[days[-1]]}"
    return ",".join(_NAMES[day] for day in days)


def _spans(spans: Day) -> str:
    return ",".join(f"{a // 60:02d}:{a % 60:02d}-{b // 60:02d}:{b % 60:02d}" for a, b in spans)
