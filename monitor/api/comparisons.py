"""A quick test beside the instrument: it tells the water from the probe."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path

from monitor.api.alarms import Reader
from monitor.api.context import Now, Shared
from monitor.api.samples import visible_sample
from monitor.api.sampling import judged
from monitor.api.schemas.samples import SampleComparison
from monitor.api.sites import NOT_FOUND
from monitor.api.snapshot import Snapshot
from registry.agreement import agreement, finding, tolerances
from registry.model import Channel
from registry.samples import Comparison, Judged, Sample
from store import queries
from store.connections import Connection

router = APIRouter(prefix="/samples", tags=["samples"])

AROUND: Final = timedelta(minutes=5)
"""On-line readings so long before and after a test are its own time: a probe takes a minute or two to follow."""
AROUND_SIMULATED: Final = timedelta(seconds=10)
"""With a fast simulator the water changes as much in less, so the time shrinks with it, down to this."""


@router.get("/{sample_id}/comparison", summary="A result beside the on-line value", responses=NOT_FOUND)
def comparison(
    sample_id: Annotated[int, Path(description="The result")], shared: Shared, now: Now, reader: Reader
) -> SampleComparison:
    """The mean of the on-line readings within five minutes of the sampling, and what the two say together.

    How far they may lie apart is a default of the platform, not a standard's.
    """
    with shared.database.connection() as connection:
        sample = visible_sample(connection, sample_id, now, reader).sample
        around = _around(now, sample.site)
        channel, mean, count = _online(connection, now, sample, around)
    test = _judged(now, sample, sample.value, sample.comparison)
    online = None if mean is None else _judged(now, sample, mean, Comparison.EQUAL)
    found = agreement(sample.indicator, sample.value, sample.comparison, mean)
    tolerance = tolerances().get(sample.indicator)
    return SampleComparison(
        sample_id=sample_id,
        channel_id=channel.id if channel else None,
        online=mean,
        readings=count,
        first=sample.taken_at - around,
        last=sample.taken_at + around,
        difference=None if mean is None else mean - sample.value,
        tolerance=tolerance.around(sample.value) if tolerance else None,
        agreement=found.value,
        online_state=online.state.value if online else None,
        finding=finding(found, (test.state, test.side), (online.state, online.side) if online else None).value,
    )


def _around(now: Snapshot, site: str) -> timedelta:
    speed = now.facts.speed or 1.0
    simulated = site in now.registry.sites and now.registry.sites[site].simulated
    return max(AROUND / speed, AROUND_SIMULATED) if simulated and speed > 1 else AROUND


def _online(
    connection: Connection, now: Snapshot, sample: Sample, around: timedelta
) -> tuple[Channel | None, float | None, int]:
    """The channel that measured the same at the same place with most readings then, their mean and number."""
    registry = now.registry
    best: tuple[Channel | None, float | None, int] = (None, None, 0)
    for device in registry.devices_of_site.get(sample.site, ()):
        for channel in (
            registry.channels_of_device[device.code] if device.sampling_point == sample.sampling_point else ()
        ):
            if channel.indicator == sample.indicator:
                values = queries.single_readings(
                    connection, channel.id, sample.taken_at - around, sample.taken_at + around
                ).mean
                if len(values) > best[2]:
                    best = (channel, float(values.mean()), len(values))
    return best


def _judged(now: Snapshot, sample: Sample, value: float, stated: Comparison) -> Judged:
    same = Sample(0, sample.site, sample.sampling_point, sample.indicator, value, stated, sample.kind, sample.taken_at)
    return judged([same], now.registry, now.facts.rules)[0]
