"""Values, the newest and those of the past."""

from typing import TypedDict


class Latest(TypedDict):
    """A channel's newest value and state."""

    channel_id: int
    ts: str
    value: float
    state: str
    since: str | None


class Points(TypedDict):
    """Columns of equal length, one entry a bucket."""

    ts: list[str]
    min: list[float]
    max: list[float]
    mean: list[float]
    count: list[int]
    beyond: list[int]


class Series(TypedDict):
    """A channel's readings over time."""

    channel_id: int
    indicator: str
    unit: str
    bucket_s: float
    source: str
    points: Points
