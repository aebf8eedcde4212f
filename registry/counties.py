"""The counties of Nantong and their outlines, from the map that ships with the package."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from registry.model import County

COUNTIES: Final[Mapping[str, County]] = MappingProxyType(
    {
        county.code: county
        for county in (
            County("320602", "崇川区", "Chongchuan"),
            County("320614", "海门区", "Haimen"),
            County("320612", "通州区", "Tongzhou"),
            County("320681", "启东市", "Qidong"),
            County("320682", "如皋市", "Rugao"),
            County("320685", "海安市", "Hai'an"),
            County("320623", "如东县", "Rudong"),
        )
    }
)
"""Counties by GB/T 2260 code. 港闸区 (320611) was merged into 崇川区 in 2020."""


@cache
def county_map() -> dict[str, Any]:
    """The outlines as a GeoJSON FeatureCollection; ``properties`` hold ``code``, ``name_zh`` and ``name_en``."""
    loaded: dict[str, Any] = json.loads(
        files("registry").joinpath("nantong_counties.geojson").read_text(encoding="utf-8")
    )
    return loaded
