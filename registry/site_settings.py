"""What holds for all that people set at a site, be it a rule, alarm parameters or an announcement."""

from datetime import timedelta
from typing import Final

from registry.model import Registry

SHORTEST_REASON: Final = 4
LONGEST_REASON: Final = 500
GRACE: Final = timedelta(minutes=5)
"""It may begin this long ago: a person's clock and a form that stood open for a moment."""


class SettingError(ValueError):
    """A setting is not acceptable; the message names the field, the value and what would be right."""


def check_place(registry: Registry, site: str, sampling_point: str | None) -> None:
    """Raise `SettingError` where a site, or the sampling point that is named of it, is not registered."""
    if site not in registry.sites:
        raise SettingError(f"site {site!r} is not registered")
    if sampling_point is not None and (site, sampling_point) not in registry.sampling_points:
        known = sorted(point for at, point in registry.sampling_points if at == site)
        raise SettingError(f"sampling_point: {sampling_point!r} is not one of site {site}: {', '.join(known)}")


def check_reason(field: str, reason: str) -> None:
    """Raise `SettingError` on a reason that says nothing."""
    if not SHORTEST_REASON <= len(reason.strip()) <= LONGEST_REASON:
        raise SettingError(f"{field}: {len(reason.strip())} characters, must be {SHORTEST_REASON} to {LONGEST_REASON}")
