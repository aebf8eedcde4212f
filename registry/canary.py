"""The canary: a device of the platform itself, which publishes every second so that a silent chain is noticed.

It is in no table and in no figure. Whoever carries a message from broker to live feed (the broker's accounts, ingest,
the monitor) adds it to the registry it read; nobody else knows it.
"""

from datetime import UTC, datetime
from typing import Final

from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus

PLATFORM: Final = "landun-platform"
"""The site that alarms about the platform itself are at."""

DEVICE: Final = "landun-canary"
COUNTY: Final = "000000"
INDICATOR: Final = "bathers"
"""One that says something of the circumstances only, so that nobody judges it."""

CHANNEL: Final = 2**31 - 1
"""The last channel id there is: the registry counts from 1."""

SITE: Final = Site(
    PLATFORM,
    COUNTY,
    SiteStatus.LIVE,
    "蓝盾平台",
    "Landun platform",
    0.0,
    0.0,
    datetime(2024, 1, 1, tzinfo=UTC),
    scenario="canary",
)
_SILENT_FOR_EVER_S: Final = 10**8


def with_canary(registry: Registry) -> Registry:
    """A registry and the canary's site, device and channel."""
    # The period is not a second: what its silence means is said by the canary's own alarm, not by that of a venue.
    device = Device(DEVICE, PLATFORM, "canary", period_s=_SILENT_FOR_EVER_S)
    return Registry.of(
        [*registry.sites.values(), SITE],
        [*registry.sampling_points.values(), SamplingPoint(PLATFORM, "canary", "自检", "Self-check")],
        [*registry.devices.values(), device],
        [*registry.channels.values(), Channel(CHANNEL, DEVICE, INDICATOR)],
    )
