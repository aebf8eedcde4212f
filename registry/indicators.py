"""The indicators that instruments report, by code.

Physical ranges are those of common pool instruments (gross range, QARTOD test 4), not limits.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from registry.model import Indicator, Role

_ALL: Final = (
    Indicator("free_chlorine", "游离性余氯", "Free chlorine", "mg/L", 2, 0.0, 20.0, Role.QUALITY),
    Indicator("combined_chlorine", "化合性余氯", "Combined chlorine", "mg/L", 2, 0.0, 10.0, Role.QUALITY),
    Indicator("ph", "pH 值", "pH", "pH", 2, 0.0, 14.0, Role.QUALITY),
    Indicator("orp", "氧化还原电位", "Oxidation-reduction potential", "mV", 0, -1000.0, 1500.0, Role.QUALITY),
    Indicator("turbidity", "浑浊度", "Turbidity", "NTU", 2, 0.0, 100.0, Role.QUALITY),
    Indicator("water_temperature", "水温", "Water temperature", "℃", 1, 0.0, 60.0, Role.QUALITY),
    Indicator("circulation_flow", "循环流量", "Circulation flow", "m³/h", 1, 0.0, 2000.0, Role.OPERATIONAL),
    Indicator("makeup_water", "补水流量", "Make-up water flow", "m³/h", 2, 0.0, 200.0, Role.OPERATIONAL),
    Indicator("bathers", "泳客人数", "Bathers", "persons", 0, 0.0, 5000.0, Role.CONTEXT),
)

INDICATORS: Final[Mapping[str, Indicator]] = MappingProxyType({each.code: each for each in _ALL})
"""Every indicator by its code."""
