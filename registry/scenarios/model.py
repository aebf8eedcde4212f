"""What a scenario is: a kind of venue, declared in TOML, with all that sets it apart from another kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from registry.model import Indicator

Named = Mapping[str, "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A choice a scenario offers (a kind of sampling point, a treatment): a code with its names."""

    code: str
    name_zh: str
    name_en: str

    def name(self, language: Literal["zh", "en"]) -> str:
        """The name in a language."""
        return self.name_zh if language == "zh" else self.name_en


@dataclass(frozen=True, slots=True)
class DeviceKind(Kind):
    """A kind of device: what a new one measures and how often it reports (`period_s`, seconds)."""

    indicators: tuple[str, ...]
    period_s: int


@dataclass(frozen=True, slots=True)
class Judging:
    """When values are judged.

    `while_open`: only while the venue is open. `running`: the indicator that says whether the plant runs; while it
    is below its limit, values of role quality at the same sampling point say nothing. `sample_days`: for so many
    days a manual result says something about how a venue is now (a default of ours).
    """

    while_open: bool
    running: str | None
    sample_days: int


@dataclass(frozen=True, slots=True)
class ScenarioPage:
    """A page of a scenario's own.

    `title_*` empty: it has none. `columns` are the indicators its table shows, `entry` a Python file beside the
    declaration whose ``show`` draws below the table; `samples` are the indicators offered for manual results.
    """

    title_zh: str
    title_en: str
    columns: tuple[str, ...]
    entry: str | None
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of venue.

    `profiles` are the families of limit profiles that every site is judged by, `adoptable` those that a site may be
    judged by besides; of two limits on one indicator the later wins. `indicators` are those it adds to the common
    ones. `folder` is where it was declared, None for those that ship with the platform.
    """

    code: str
    name_zh: str
    name_en: str
    icon: str
    profiles: tuple[str, ...]
    adoptable: tuple[str, ...]
    point_zh: str
    point_en: str
    judging: Judging
    point_kinds: Named
    treatments: Named
    device_kinds: Mapping[str, DeviceKind]
    indicators: tuple[Indicator, ...]
    page: ScenarioPage
    folder: Path | None

    def name(self, language: Literal["zh", "en"]) -> str:
        """The name in a language."""
        return self.name_zh if language == "zh" else self.name_en

    def point(self, language: Literal["zh", "en"]) -> str:
        """What a sampling point is called."""
        return self.point_zh if language == "zh" else self.point_en
