"""What holds for all that people set at a site, be it a rule, alarm parameters or an announcement."""

from datetime import timedelta
from typing import Final

from registry.model import Registry
from registry.words import WordedError, listed

SHORTEST_REASON: Final = 4
LONGEST_REASON: Final = 500
GRACE: Final = timedelta(minutes=5)
"""It may begin this long ago: a person's clock and a form that stood open for a moment."""


class SettingError(WordedError):
    """A setting is not acceptable; the message names the field, the value and what would be right."""


def check_place(registry: Registry, site: str, sampling_point: str | None) -> None:
    """Raise `SettingError` where a site, or the sampling point that is named of it, is not registered."""
    if site not in registry.sites:
        raise SettingError.of("refusal.site_settings.unknown_site", site=site)
    if sampling_point is not None and (site, sampling_point) not in registry.sampling_points:
        known = listed(sorted(point for at, point in registry.sampling_points if at == site))
        raise SettingError.of("refusal.site_settings.unknown_point", value=sampling_point, site=site, known=known)


def check_reason(field: str, reason: str) -> None:
    """Raise `SettingError` on a reason that says nothing."""
    length = len(reason.strip())
    if not SHORTEST_REASON <= length <= LONGEST_REASON:
        told = {"field": field, "length": length, "low": SHORTEST_REASON, "high": LONGEST_REASON}
        raise SettingError.of("refusal.site_settings.reason_length", **told)
