"""Where the dashboard listens and where the API is; set once by `service.run`, read by the pages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """`api_url` is the API's address as this process reaches it, e.g. ``http://127.0.0.1:8000``."""

    api_url: str
    host: str = "127.0.0.1"
    port: int = 8501


_current: DashboardSettings | None = None


def configure(settings: DashboardSettings) -> None:
    """Set the settings of this process."""
    global _current  # noqa: PLW0603 - the pages are scripts that Streamlit runs; nothing can be passed to them
    _current = settings


def current() -> DashboardSettings:
    """The settings of this process. Raises `RuntimeError` before `configure`."""
    if _current is None:
        raise RuntimeError("the dashboard is not configured: start it with `landun dashboard`")
    return _current
