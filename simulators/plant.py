"""The constant properties of each simulated basin: a struct of arrays with one slot a basin."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.model import Device, Disinfection, Registry, WaterKind
from registry.opening import MINUTES_A_DAY
from simulators.fault_kinds import PlantKind
from simulators.noise import Floats, uniforms

_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    # Each is a field of `Plant`. Order matters: each range takes the next of the basin's numbers. Add at the end only.
    "turnover_h": (4.0, 5.5),
    "chlorine_set": (0.52, 0.68),
    "chlorine_band": (0.03, 0.05),
    "dose_rate": (1.0, 1.5),
    "decay": (0.20, 0.28),
    "demand": (5.5, 7.5),
    "combined_yield": (0.05, 0.09),
    "ph_set": (7.28, 7.42),
    "ph_band": (0.03, 0.05),
    "ph_natural": (8.35, 8.55),
    "ph_rate": (0.23, 0.30),
    "temperature_set": (26.5, 28.2),
    "crowd": (0.045, 0.075),
    "morning_peak_h": (9.0, 11.0),
    "evening_peak_h": (18.0, 20.0),
    "morning_share": (0.3, 0.8),
    "backwash_hour": (2.0, 4.8),
    "turbidity_idle": (0.12, 0.22),
    "turbidity_demand": (4.0, 6.0),
    "filter_fouling": (0.15, 0.35),
    "orp_shift": (-8.0, 8.0),
    "phase": (0.0, 1.0),
}


@dataclass(frozen=True)
class Plant:
    """Basins, their plant and their habits. Every array has shape (basins,)."""

    devices: tuple[str, ...]
    """Code of the device at each basin: the basin's name in every draw."""

    volume: Floats
    """m³"""
    flow: Floats
    """Circulation with a clean filter, m³/h"""
    outdoor: NDArray[np.bool_]
    opening: NDArray[np.bool_]
    """Shape (minutes of the week, basins), local time, Monday first"""
    sun_decay: Floats
    """Further decay of chlorine in full sun, 1/h"""
    sun_heat: Floats
    """Warming in full sun, ℃/h"""
    heat_loss: Floats
    """Share of the difference to the air lost, 1/h"""
    heater: Floats
    """℃/h"""
    backwash_minute: NDArray[np.int64]
    """Minute of the (local) day"""
    backwash_parity: NDArray[np.int64]
    """Backwash happens on days of this parity"""

    # Drawn from `_RANGES`, one field each.
    turnover_h: Floats
    chlorine_set: Floats
    """Set-point of free chlorine, mg/L"""
    chlorine_band: Floats
    """Half of the controller's hysteresis, mg/L"""
    dose_rate: Floats
    """Chlorine dosed while the pump runs, mg/L per hour"""
    decay: Floats
    """Decay of chlorine at 27 ℃ without bathers or sun, 1/h"""
    demand: Floats
    """Decay of chlorine by bathers, 1/h per person/m³"""
    combined_yield: Floats
    """Share of the chlorine that bathers consume which becomes combined chlorine"""
    ph_set: Floats
    ph_band: Floats
    ph_natural: Floats
    """Where pH goes by loss of carbon dioxide when nothing corrects it"""
    ph_rate: Floats
    """1/h"""
    temperature_set: Floats
    """℃"""
    crowd: Floats
    """Bathers at the busiest time, persons/m³"""
    morning_peak_h: Floats
    evening_peak_h: Floats
    morning_share: Floats
    backwash_hour: Floats
    turbidity_idle: Floats
    """Steady turbidity without bathers, NTU"""
    turbidity_demand: Floats
    """Steady turbidity that bathers add, NTU per person/m³"""
    filter_fouling: Floats
    """Growth of the filter's load without bathers, 1/day"""
    orp_shift: Floats
    """mV"""
    phase: Floats
    """When in its period a device samples, 0–1"""

    def __len__(self) -> int:
        return len(self.devices)


_WASTE: Final[Mapping[str, PlantKind]] = {
    "smart_scale": PlantKind.INSTITUTION,
    "handheld": PlantKind.INSTITUTION,
    "weighbridge": PlantKind.WEIGHBRIDGE,
    "vehicle_tracker": PlantKind.VEHICLE,
}
"""By a device's kind in the scenario of medical waste."""
_MEASURING: Final = frozenset({PlantKind.POOL, PlantKind.COLD_STORE})


def plant_kind(registry: Registry, device: Device) -> PlantKind:
    """What a device watches: by its kind where it measures nothing, else by what it measures."""
    if device.kind in _WASTE:
        return _WASTE[device.kind]
    measured = {channel.indicator for channel in registry.channels_of_device[device.code]}
    return PlantKind.COLD_STORE if "cold_store" in measured else PlantKind.POOL


def simulated_devices(registry: Registry) -> tuple[Device, ...]:
    """The devices of simulated sites that measure, in the registry's order: those of pools, then those of stores."""
    found = [
        device
        for device in registry.devices.values()
        if registry.sites[device.site].simulated and plant_kind(registry, device) in _MEASURING
    ]
    return tuple(sorted(found, key=lambda device: plant_kind(registry, device) is PlantKind.COLD_STORE))


def plant_of(registry: Registry, devices: tuple[Device, ...], seed: int) -> Plant:
    """The plant of each device's basin; the devices are those of pools.

    What is drawn for a basin depends on the seed and its device's code only.
    """
    names = tuple(device.code for device in devices)
    drawn = _drawn(seed, names)
    points = [registry.sampling_point_of(device) for device in devices]
    sites = [registry.sites[device.site] for device in devices]
    outdoor = np.array([point.water_kind == WaterKind.OUTDOOR for point in points], dtype=np.bool_)
    volume = np.array([point.volume_m3 for point in points], dtype=np.float64)
    ozone = np.array([Disinfection.OZONE in site.disinfection for site in sites], dtype=np.bool_)
    cyanuric = np.array([Disinfection.CHLORINATED_ISOCYANURATE in site.disinfection for site in sites], dtype=np.bool_)
    # A shallow basin for children is turned over in an hour or two.
    drawn["turnover_h"] = np.where(volume < 150, drawn["turnover_h"] * 0.35, drawn["turnover_h"])
    drawn["orp_shift"] = drawn["orp_shift"] + np.where(ozone, 15.0, 0.0) - np.where(cyanuric, 20.0, 0.0)
    return Plant(
        devices=names,
        volume=volume,
        flow=np.maximum(volume / drawn["turnover_h"], 15.0),
        outdoor=outdoor,
        opening=np.stack([site.opening.minute_table() for site in sites], axis=1)
        if sites
        else np.empty((7 * MINUTES_A_DAY, 0), dtype=np.bool_),
        sun_decay=np.where(outdoor, np.where(cyanuric, 0.12, 0.6), 0.0),
        sun_heat=np.where(outdoor, 0.5, 0.0),
        heat_loss=np.where(outdoor, 0.03, 0.01),
        heater=np.where(outdoor, 1.6, 0.5),
        backwash_minute=(drawn["backwash_hour"] * 60).astype(np.int64),
        backwash_parity=(drawn["phase"] * 1e6).astype(np.int64) % 2,
        **drawn,
    )


def _drawn(seed: int, names: tuple[str, ...]) -> dict[str, Floats]:
    numbers = np.array([uniforms(seed, name, len(_RANGES)) for name in names]).reshape(len(names), len(_RANGES))
    return {
        name: lowest + (highest - lowest) * numbers[:, column]
        for column, (name, (lowest, highest)) in enumerate(_RANGES.items())
    }
