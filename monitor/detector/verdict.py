"""From evidence to a verdict: what kind of fault it is, how sure, since when, and who has to act on it.

Every place has lanes, in each of which one verdict at most stands at a time: the water, the instruments, the
honesty of the data, causes that explain and need no alarm. At each closed tick every kind has a strength (1 = its
threshold, moved by the site's budget and feedback); the strongest of a lane speaks when it has been strong for its
on-delay, and is silent again when it has been weak for the off-delay. All of it is element-wise over places.

`Parameters` holds every number that was chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from monitor.detector.causes import Tuning


class Kind(IntEnum):
    """What a verdict says; the name in lower case is stored, and named for people in catalogue ``verdict.toml``."""

    NONE = 0
    DOSING_FAILURE = 1
    OVER_DOSING = 2
    PH_CONTROL = 3
    FILTRATION = 4
    PUMP_OFF = 5
    COLD_STORE = 6
    UNKNOWN = 7
    SENSOR_FOULING = 8
    STUCK = 9
    AIR_BUBBLE = 10
    CALIBRATION = 11
    UNIT_ERROR = 12
    TAMPERING_SUSPECTED = 13
    WATER_CHANGE = 14
    CLOCK = 15

    @property
    def code(self) -> str:
        """The name as it is stored."""
        return self.name.lower()


class Lane(IntEnum):
    """In each lane of a place at most one verdict stands."""

    WATER = 0
    INSTRUMENT = 1
    HONESTY = 2
    CAUSE = 3
    """What explains the readings and needs nobody: a water change."""
    SERIES = 4
    """The same figures at two places."""


class Evidence(IntEnum):
    """Bits of what spoke; the name in lower case is stored and named in the catalogue."""

    LEVEL = 0
    CHEMISTRY = 1
    SLOW_DRIFT = 2
    SUDDEN_STEP = 3
    SPIKE = 4
    FLAT_LINE = 5
    ATTENUATED_SIGNAL = 6
    SCALE = 7
    FLOW = 8
    SAME_SERIES = 9
    MULTIVARIATE = 10

    @property
    def code(self) -> str:
        """The name as it is stored."""
        return self.name.lower()


TICK_LANES: Final = (Lane.WATER, Lane.INSTRUMENT, Lane.HONESTY, Lane.CAUSE)
"""Lanes that are judged at closed ticks; `SERIES` needs the order of the stream."""

LANE_OF: Final[Mapping[Kind, Lane]] = MappingProxyType(
    {
        Kind.DOSING_FAILURE: Lane.WATER,
        Kind.OVER_DOSING: Lane.WATER,
        Kind.PH_CONTROL: Lane.WATER,
        Kind.FILTRATION: Lane.WATER,
        Kind.PUMP_OFF: Lane.WATER,
        Kind.COLD_STORE: Lane.WATER,
        Kind.UNKNOWN: Lane.WATER,
        Kind.SENSOR_FOULING: Lane.INSTRUMENT,
        Kind.STUCK: Lane.INSTRUMENT,
        Kind.AIR_BUBBLE: Lane.INSTRUMENT,
        Kind.CALIBRATION: Lane.INSTRUMENT,
        Kind.UNIT_ERROR: Lane.INSTRUMENT,
        Kind.CLOCK: Lane.INSTRUMENT,
        Kind.TAMPERING_SUSPECTED: Lane.HONESTY,
        Kind.WATER_CHANGE: Lane.CAUSE,
    }
)

AUDIENCE: Final[Mapping[Lane, str | None]] = MappingProxyType(
    {
        Lane.WATER: "inspector",
        Lane.INSTRUMENT: "venue",
        Lane.HONESTY: "inspector",
        Lane.CAUSE: None,
        Lane.SERIES: "inspector",
    }
)
"""Whose queue a verdict goes to: broken instruments are the venue's work, water and honesty the inspector's."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every number the verdict was tuned with. Times in seconds, thresholds in standard units unless said."""

    tuning: Tuning = field(default_factory=Tuning)
    warm_s: float = 43_200.0
    """Undisturbed past of a column before it may speak."""
    settle_s: float = 5_400.0
    """After a gap or a standstill nothing but the flow speaks for so long."""
    learn_below: float = 0.55
    """Nothing is learned while a strength is above this."""
    shut_s: float = 172_800.0
    """… for so long at most when no verdict stands: then it is the new usual."""

    chemistry: float = 5.5
    chemistry_slow: float = 6.5
    turbidity: float = 6.0
    turbidity_slow: float = 8.0
    turbidity_settle_s: float = 21_600.0
    """What a standstill leaves in the water is filtered out in some turnovers."""
    turbidity_warm_s: float = 129_600.0
    temperature_fall: float = 0.8
    """℃ below the level of the last hours: fresh water is let in."""
    flow_drop: float = 0.085
    """log10: a fall of the flow by 18 %."""
    stands: float = 0.5
    """log10: below 30 % of its usual flow the water stands."""
    cold: float = 4.5
    jags: float = 2.6
    """Jagged values within some minutes: a step makes two, a spike three or four."""
    jag: float = 6.0
    """Roughness of a jagged value, in usual roughnesses."""
    jag_tau: float = 600.0
    decade: float = 0.18
    """How near to a factor of ten or a hundred, in decades."""
    run: float = 25.0
    """−ln of the chance of a run of equal values."""
    run_s: float = 1_800.0
    calm: float = 0.42
    """Share of its usual roughness below which a channel is calm."""
    nearly_calm: float = 0.6
    """… below which another channel may not be for a stuck probe to be alone."""
    jump: float = 8.0
    """A step between neighbours, in usual roughnesses."""
    jump_tau: float = 259_200.0
    rest_s: float = 600.0
    """So long after its last jump a level is at rest."""
    many: int = 3
    """Channels that jump at once: the series is another."""
    replaced_s: float = 5_400.0
    sudden: float = 0.5
    """Share of a departure that came in jumps."""

    on_s: Mapping[Kind, float] = field(
        default_factory=lambda: MappingProxyType(
            {
                Kind.DOSING_FAILURE: 1_200.0,
                Kind.OVER_DOSING: 1_200.0,
                Kind.PH_CONTROL: 1_200.0,
                Kind.FILTRATION: 1_800.0,
                Kind.PUMP_OFF: 1_200.0,
                Kind.COLD_STORE: 1_500.0,
                Kind.UNKNOWN: 1_800.0,
                Kind.SENSOR_FOULING: 3_600.0,
                Kind.STUCK: 0.0,
                Kind.AIR_BUBBLE: 0.0,
                Kind.CALIBRATION: 2_700.0,
                Kind.UNIT_ERROR: 300.0,
                Kind.TAMPERING_SUSPECTED: 600.0,
                Kind.WATER_CHANGE: 600.0,
            }
        )
    )
    off_s: float = 2_400.0
    weak: float = 0.6
    """Strength below which a standing verdict begins to end, or gives way to another of its lane."""
    adopt_s: Mapping[Kind, float] = field(
        default_factory=lambda: MappingProxyType({Kind.CALIBRATION: 43_200.0, Kind.UNIT_ERROR: 604_800.0})
    )
    """After so long a standing verdict ends and its level is the new usual; 7 days for the kinds not named."""


def sureness(strength: float, margin: float) -> float:
    """How sure a verdict is, 0.5–0.99.

    Parameters
    ----------
    strength : of its evidence, 1 = the threshold
    margin : 0–1, how far the next best explanation is behind

    """
    return round(min(0.99, 0.5 + 0.25 * min(max(strength - 1, 0.0), 1.0) + 0.24 * min(max(margin, 0.0), 1.0)), 2)
