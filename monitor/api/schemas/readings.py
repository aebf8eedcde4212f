"""Readings over time."""

from pydantic import BaseModel, Field

from monitor.api.schemas.common import ChannelId, IndicatorCode, Time, UnitSymbol
from store.queries import Source


class Points(BaseModel):
    """Columns of equal length; index i of each is one bucket."""

    ts: list[Time] = Field(description="Start of the bucket; of a single reading, its time")
    min: list[float]
    max: list[float]
    mean: list[float]
    count: list[int] = Field(description="Readings in the bucket")
    beyond: list[int] = Field(description="Those of them that were judged beyond the limit in force at their time")


class Series(BaseModel):
    """A channel's readings, downsampled so that no extreme is lost."""

    channel_id: ChannelId
    indicator: IndicatorCode
    unit: UnitSymbol
    bucket_s: float = Field(description="Width of a bucket, s; 0 = single readings")
    source: Source = Field(description="What the buckets were made from: readings, or the aggregates of a unit of time")
    points: Points
