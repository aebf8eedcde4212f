"""Readings over time: downsampled for charts, whole for files."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby
from operator import itemgetter
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from monitor.api.context import Context, Now, Shared, SignedIn, requires, visible_site
from monitor.api.refusals import check_zone, not_found, parameter, unacceptable
from monitor.api.schemas import Series
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, SiteInPath
from monitor.api.snapshot import Snapshot
from monitor.api.tables import XLSX_TYPE, Cell, Table, csv_file, xlsx_file
from registry.catalogue import LANGUAGES, indicator_name, text, unit
from registry.indicators import INDICATORS
from registry.model import Channel, Registry, Site
from registry.words import moment
from store import queries
from store.connections import Connection
from store.records import from_us

router = APIRouter(tags=["readings"])

CHANNELS: Final = 50
LONGEST: Final = timedelta(days=366 * 5)
DAY: Final = timedelta(days=1)
MONTH: Final = timedelta(days=31)
PIECE: Final = timedelta(hours=6)
"""How much of an export is read at once: a site that reports every second has some 300 000 readings in it."""

Channels = Annotated[list[int], Query(alias="channel", description=f"Channels, up to {CHANNELS}", examples=[[1, 2]])]
First = Annotated[
    datetime | None, Query(alias="from", description="First instant (included); 24 h before `to` if absent")
]
Last = Annotated[datetime | None, Query(alias="to", description="Last instant (excluded); now if absent")]
Exporter = Annotated[Principal, Depends(requires(Permission.EXPORT))]


@router.get("/readings", response_model=list[Series], summary="Readings of channels, downsampled", responses=NOT_FOUND)
def readings(
    now: Now,
    principal: SignedIn,
    shared: Shared,
    channels: Channels,
    first: First = None,
    last: Last = None,
    points: Annotated[int, Query(ge=2, le=5_000, description="Points wanted for each channel")] = 600,
) -> Response:
    """About `points` buckets a channel, each with minimum, maximum, mean and count, so that no excursion is lost.

    Where the range holds no more readings than points, the readings themselves. Buckets of an hour or more begin by
    the clock of the channel's site and come from aggregates, as `source` says; those are about a minute behind.
    """
    begin, end = time_range(first, last, shared.clock(), DAY)
    found = [_visible_channel(now, principal, channel_id) for channel_id in _distinct(channels)]
    with shared.database.connection() as connection:
        series = [
            _series(connection, channel, now.registry.site_of(channel).zone, begin, end, points) for channel in found
        ]
    return Response(json.dumps(series), media_type="application/json")


@router.get(
    "/sites/{code}/readings.csv",
    summary="A site's readings as CSV",
    response_class=StreamingResponse,
    responses={**NOT_FOUND, 200: {"content": {"text/csv": {}}, "description": "UTF-8 with byte-order mark"}},
)
def readings_csv(
    code: SiteInPath, now: Now, exporter: Exporter, shared: Shared, first: First = None, last: Last = None
) -> StreamingResponse:
    """Every reading of the range, one row a device and instant; times in the site's zone, units in the headers."""
    return csv_file(_table(visible_site(now, exporter, code), now.registry, shared, first, last))


@router.get(
    "/sites/{code}/readings.xlsx",
    summary="A site's readings as XLSX",
    response_class=StreamingResponse,
    responses={**NOT_FOUND, 200: {"content": {XLSX_TYPE: {}}, "description": "A workbook"}},
)
def readings_xlsx(
    code: SiteInPath, now: Now, exporter: Exporter, shared: Shared, first: First = None, last: Last = None
) -> StreamingResponse:
    """Every reading of the range, one row a device and instant; times in the site's zone, units in the headers."""
    return xlsx_file(_table(visible_site(now, exporter, code), now.registry, shared, first, last))


def time_range(
    first: datetime | None, last: datetime | None, now: datetime, length: timedelta
) -> tuple[datetime, datetime]:
    """The range asked for, in UTC. 422 on one without zone, empty or too long."""
    end = last or now
    begin = first or _utc("to", end) - length
    begin, end = _utc("from", begin), _utc("to", end)
    if begin >= end:
        raise unacceptable("readings.backwards", begin=moment(begin), end=moment(end))
    if end - begin > LONGEST:
        raise unacceptable("readings.too_long", days=(end - begin).days, most=LONGEST.days)
    return begin, end


def _utc(name: str, at: datetime) -> datetime:
    check_zone(parameter(name), at)
    return at.astimezone(UTC)


def _distinct(channels: list[int]) -> list[int]:
    distinct = list(dict.fromkeys(channels))
    if len(distinct) > CHANNELS:
        raise unacceptable("readings.too_many", count=len(distinct), most=CHANNELS)
    return distinct


def _visible_channel(now: Snapshot, principal: Principal, channel_id: int) -> Channel:
    channel = now.registry.channels.get(channel_id)
    if channel is None or not principal.sees(now.registry.site_of(channel)):
        raise not_found("readings.no_channel", channel=channel_id)
    return channel


def _series(
    connection: Connection, channel: Channel, zone: str, begin: datetime, end: datetime, points: int
) -> dict[str, Any]:
    """A `monitor.api.schemas.Series`, encoded from arrays without an object a point."""
    width, buckets = queries.chart(connection, channel.id, begin, end, points, zone)
    indicator = INDICATORS[channel.indicator]
    return {
        "channel_id": channel.id,
        "indicator": indicator.code,
        "unit": indicator.unit,
        "bucket_s": width.total_seconds(),
        "source": buckets.source,
        "points": {
            "ts": np.datetime_as_string(buckets.ts.astype("datetime64[us]"), unit="ms", timezone="UTC").tolist(),
            "min": buckets.lowest.tolist(),
            "max": buckets.highest.tolist(),
            # A mean has no more to say than two decimals beyond the instrument's own.
            "mean": np.round(buckets.mean, indicator.precision + 2).tolist(),
            "count": buckets.count.tolist(),
            "beyond": buckets.beyond.tolist(),
        },
    }


def _table(site: Site, registry: Registry, shared: Context, first: datetime | None, last: datetime | None) -> Table:
    begin, end = time_range(first, last, shared.clock(), MONTH)
    zone = ZoneInfo(site.zone)
    channels = [
        channel
        for device in registry.devices_of_site[site.code]
        for channel in registry.channels_of_device[device.code]
    ]
    indicators = [code for code in INDICATORS if any(channel.indicator == code for channel in channels)]
    span = {
        "first": f"{begin.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        "last": f"{end.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        "zone": site.zone,
    }
    return Table(
        name=f"landun-{site.code}",
        title=text("zh", "export.readings"),
        notes=[
            f"{site.name_zh} {site.name_en}",
            *(text(language, "export.note") for language in LANGUAGES),
            *(text(language, "export.range", **span) for language in LANGUAGES),
        ],
        headers=[
            " ".join(text(language, "export.time", zone=site.zone) for language in LANGUAGES),
            *(" ".join(text(language, f"export.{name}") for language in LANGUAGES) for name in _FIXED),
            *(_indicator_header(code) for code in indicators),
        ],
        rows=started(_rows(shared, registry, site, channels, indicators, begin, end)),
    )


_FIXED: Final = ("sampling_point", "device", "source")


def _indicator_header(code: str) -> str:
    symbol = unit("zh", code)
    name = f"{indicator_name('zh', code)} {indicator_name('en', code)}"
    return name if symbol == "pH" else f"{name} ({symbol})"


def _rows(
    shared: Context,
    registry: Registry,
    site: Site,
    channels: Sequence[Channel],
    indicators: Sequence[str],
    begin: datetime,
    end: datetime,
) -> Iterator[Sequence[Cell]]:
    """One row for each device and instant, in order of time; the read piece by piece."""
    zone = ZoneInfo(site.zone)
    source = " ".join(
        text(language, "export.simulated" if site.simulated else "export.instrument") for language in LANGUAGES
    )
    column = {code: number for number, code in enumerate(indicators)}
    of_channel = {channel.id: channel for channel in channels}
    head = {
        device.code: (f"{point.name_zh} {point.name_en}", device.code, source)
        for device in registry.devices_of_site[site.code]
        for point in (registry.sampling_point_of(device),)
    }
    begins = [begin + n * PIECE for n in range(-(-(end - begin) // PIECE))]
    for first in begins:
        # Borrowed anew for each piece, so that a slow download does not keep a connection from others.
        with shared.database.connection() as connection:
            found = queries.reading_rows(connection, list(of_channel), first, min(first + PIECE, end))
        rows = zip(found.ts.tolist(), found.channel_id.tolist(), found.value.tolist(), strict=True)
        for ts, at_once in groupby(rows, key=itemgetter(0)):
            by_device: dict[str, list[Cell]] = {}
            for _, channel_id, value in at_once:
                channel = of_channel[channel_id]
                values = by_device.setdefault(channel.device, [None] * len(indicators))
                values[column[channel.indicator]] = value
            at = from_us(ts).astimezone(zone)
            for device, values in by_device.items():
                yield [at, *head[device], *values]


def started(rows: Iterator[Sequence[Cell]]) -> Iterator[Sequence[Cell]]:
    """The same rows, the first already fetched: a missing database shows as an error and not as a torn file."""
    try:
        first = next(rows)
    except StopIteration:
        return iter(())
    return chain((first,), rows)
