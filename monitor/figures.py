"""What monitor and API say about themselves to Prometheus, read from what they know when asked."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.api.schemas import Health

_OF_MONITOR: Final[Mapping[str, str]] = {
    "cursor": "Newest journal row judged",
    "lag": "Journal rows not judged yet",
    "open_alarms": "Alarms whose condition is present",
    "channels": "Channels that are watched",
    "silent_devices": "Devices that are silent",
    "unreadable": "Journal rows that could not be read",
    "unregistered": "Readings of channels that are not registered",
}


class MonitorCollector(Collector):
    """The figures of the monitor's last heartbeat."""

    def __init__(self) -> None:
        self.detail: Mapping[str, Any] = {}

    def collect(self) -> Iterator[Metric]:
        """The metrics of now."""
        for name, said in _OF_MONITOR.items():
            if name in self.detail:
                yield GaugeMetricFamily(f"landun_monitor_{name}", said, float(self.detail[name]))


class HealthCollector(Collector):
    """The platform's health as the API knows it."""

    def __init__(self, health: Callable[[], Health], viewers: Callable[[], int]) -> None:
        self._health = health
        self._viewers = viewers

    def collect(self) -> Iterator[Metric]:
        """The metrics of now."""
        health = self._health()
        up = GaugeMetricFamily("landun_component_up", "1 up, 0.5 degraded, 0 missing", labels=["component"])
        for component in health.components:
            up.add_metric([component.name], {"up": 1.0, "degraded": 0.5}.get(component.state, 0.0))
        yield up
        yield GaugeMetricFamily("landun_live_viewers", "People who look at the live feed", float(self._viewers()))
        if health.disk_free_bytes is not None:
            yield GaugeMetricFamily("landun_disk_free_bytes", "Free space on the data disk", health.disk_free_bytes)
        if health.canary is not None:
            latency = GaugeMetricFamily(
                "landun_canary_latency_seconds", "From publish to the live feed", labels=["quantile"]
            )
            for quantile, value in (("0.5", health.canary.p50_ms), ("0.99", health.canary.p99_ms)):
                if value is not None:
                    latency.add_metric([quantile], value / 1000)
            yield latency
            yield GaugeMetricFamily("landun_canary_silent_seconds", "Since it was heard", health.canary.silent_s)
