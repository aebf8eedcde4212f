"""Invented names and habits of demonstration venues: two-character words that name no place, and kinds of pool."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from registry.opening import OpeningHours

_FIRST: Final = (
    "澄Cheng 碧Bi 云Yun 听Ting 沐Mu 蓝Lan 星Xing 鹭Lu 青Qing 明Ming 映Ying 悦Yue 润Run 泓Hong 涵Han 汇Hui "
    "逸Yi 朗Lang 翠Cui 银Yin 锦Jin 和He 朝Zhao 霁Ji 皓Hao 恬Tian 舒Shu 宁Ning 景Jing 沛Pei 溯Su 宸Chen"
)
_SECOND: Final = (
    "波bo 澜lan 汀ting 屿yu 洲zhou 泉quan 渚zhu 川chuan 池chi 潮chao 浦pu 沙sha 桥qiao 苑yuan 台tai 堤di 帆fan "
    "月yue 矶ji 林lin 阁ge 轩xuan"
)
_WEEKDAYS: Final = 5


@dataclass(frozen=True, slots=True)
class VenueKind:
    """A kind of venue. `hours` and `weekend_hours` are (opens, closes) in hours of the day; `{}` takes the name."""

    name_zh: str
    name_en: str
    weight: int
    hours: tuple[float, float]
    weekend_hours: tuple[float, float]
    may_stay_open: bool = False
    outdoor: bool = False

    def opening(self, rng: random.Random) -> OpeningHours:
        """Draw opening hours of the kind, shifted by up to half an hour either way."""
        shift = rng.choice((-30, 0, 0, 30))
        week = (self.hours,) * _WEEKDAYS + (self.weekend_hours,) * (7 - _WEEKDAYS)
        return OpeningHours(
            week=tuple(((int(opens * 60) + shift, int(closes * 60) + shift),) for opens, closes in week)
        )


_KINDS: Final = (
    VenueKind("{}酒店游泳池", "{} Hotel Pool", 8, (6.5, 23), (6.5, 23), may_stay_open=True),
    VenueKind("{}健身会所游泳池", "{} Fitness Club Pool", 7, (7, 22.5), (8, 22), may_stay_open=True),
    VenueKind("{}学校游泳馆", "{} School Natatorium", 5, (15, 20.5), (9, 20)),
    VenueKind("{}社区文体中心游泳馆", "{} Community Centre Pool", 6, (9, 21), (8.5, 21)),
    VenueKind("{}体育中心游泳馆", "{} Sports Centre Natatorium", 4, (6.5, 21.5), (6.5, 21.5)),
    VenueKind("{}恒温水上乐园", "{} Heated Water Park", 2, (10, 21), (9, 22), outdoor=True),
)


def venue_names(rng: random.Random, count: int) -> list[tuple[str, str]]:
    """`count` different names, each in Chinese and in pinyin. Raises `ValueError` when there are not so many."""
    words = [
        (first[0] + second[0], first[1:] + second[1:])
        for first in _FIRST.split()
        for second in _SECOND.split()
        if first[1:].lower() != second[1:]
    ]
    rng.shuffle(words)
    words += [(zh + "新", en + "xin") for zh, en in words]
    if count > len(words):
        raise ValueError(f"{count} venues wanted, there are names for {len(words)}")
    return words[:count]


def venue_kinds(rng: random.Random, count: int) -> Sequence[VenueKind]:
    """`count` kinds in the city's proportions, in an order of their own."""
    total = sum(kind.weight for kind in _KINDS)
    edges = [round(count * sum(each.weight for each in _KINDS[:n]) / total) for n in range(len(_KINDS) + 1)]
    kinds = [kind for kind, (lo, hi) in zip(_KINDS, pairwise(edges), strict=True) for _ in range(hi - lo)]
    rng.shuffle(kinds)
    return kinds
