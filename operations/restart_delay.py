"""How long to wait before a service that died is started again."""

from dataclasses import dataclass


@dataclass(slots=True)
class RestartDelay:
    """Doubling waits from `first_s` to `longest_s` seconds; a run of `reset_after_s` seconds starts afresh."""

    first_s: float = 1.0
    longest_s: float = 30.0
    reset_after_s: float = 60.0
    _next_s: float | None = None

    def after(self, uptime_s: float) -> float:
        """Seconds to wait after a run that lasted `uptime_s` seconds."""
        if self._next_s is None or uptime_s >= self.reset_after_s:
            self._next_s = self.first_s
        wait = self._next_s
        self._next_s = min(self._next_s * 2, self.longest_s)
        return wait
