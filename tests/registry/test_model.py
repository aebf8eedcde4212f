"""Registry entries and their references."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from registry.model import Channel, Device, Registry, RegistryError, SamplingPoint, Site, SiteStatus

SITE = Site(
    code="s1",
    county="320602",
    status=SiteStatus.LIVE,
    name_zh="测试池",
    name_en="Test pool",
    lon=120.8,
    lat=32.0,
    registered_at=datetime(2026, 1, 1, tzinfo=UTC),
)
POINT = SamplingPoint("s1", "b1", "一号池", "Pool 1")
DEVICE = Device("d1", "s1", "b1")
CHANNEL = Channel(7, "d1", "ph")


def test_lookups_follow_the_references() -> None:
    """A channel is found by device and indicator, and leads back to its site, basin and topic."""
    registry = Registry.of([SITE], [POINT], [DEVICE], [CHANNEL])
    assert registry.channel_ids["d1", "ph"] == 7
    assert registry.site_of(CHANNEL) is SITE
    assert registry.sampling_point_of(DEVICE) is POINT
    assert registry.topic_of(DEVICE, "telemetry") == "landun/v1/320602/s1/d1/telemetry"


@pytest.mark.parametrize("code", ["", "a b", "a/b", "a.b", "池", "a+", "#", "a\n"])
def test_a_code_that_would_break_a_topic_is_refused(code: str) -> None:
    """Codes become MQTT topic levels and NATS subject tokens, so only [A-Za-z0-9_-] is allowed."""
    with pytest.raises(RegistryError, match="only letters, digits"):
        replace(SITE, code=code)
    with pytest.raises(RegistryError, match="only letters, digits"):
        replace(DEVICE, code=code)


def test_a_dangling_reference_is_named() -> None:
    """A device at an unknown basin, or a channel of an unknown device, is refused by name."""
    with pytest.raises(RegistryError, match="device d1: sampling point 'b1' of site 's1'"):
        Registry.of([SITE], [], [DEVICE], [])
    with pytest.raises(RegistryError, match="channel 7: its device 'd1'"):
        Registry.of([SITE], [POINT], [], [CHANNEL])
    with pytest.raises(RegistryError, match="sampling point b1: its site 's1'"):
        Registry.of([], [POINT], [], [])
