"""The county map as SVG paths, drawn from the outlines that ship with the registry: no tiles, nothing fetched."""

import math
from functools import cache
from typing import Any, Final

from registry.counties import county_map

WIDTH: Final = 1000.0
"""Width of the drawing in its own units; the height follows from the outlines."""


@cache
def _frame() -> tuple[float, float, float, float]:
    """West, north (degrees), units a degree of longitude, units a degree of latitude."""
    points = [point for feature in county_map()["features"] for ring in _rings(feature) for point in ring]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    per_lon = WIDTH / (east - west)
    # At the map's middle latitude a degree of longitude is shorter than one of latitude by its cosine.
    return west, north, per_lon, per_lon / math.cos(math.radians((south + north) / 2))


def place(lon: float, lat: float) -> tuple[float, float]:
    """Where a longitude and latitude (degrees) lie in the drawing."""
    west, north, per_lon, per_lat = _frame()
    return round((lon - west) * per_lon, 1), round((north - lat) * per_lat, 1)


@cache
def outline() -> dict[str, Any]:
    """``{"width", "height", "counties": [{"code", "path", "label": [x, y]}]}`` in the drawing's units."""
    counties = []
    height = 0.0
    for feature in county_map()["features"]:
        rings = [[place(lon, lat) for lon, lat in ring] for ring in _rings(feature)]
        height = max(height, *(y for ring in rings for _, y in ring))
        path = "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in ring) + "Z" for ring in rings)
        largest = max(rings, key=lambda ring: abs(_area(ring)))
        counties.append({"code": feature["properties"]["code"], "path": path, "label": _centroid(largest)})
    return {"width": WIDTH, "height": round(height, 1), "counties": counties}


def _rings(feature: dict[str, Any]) -> list[list[list[float]]]:
    geometry = feature["geometry"]
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return [ring for polygon in polygons for ring in polygon]


def _area(ring: list[tuple[float, float]]) -> float:
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True)) / 2


def _centroid(ring: list[tuple[float, float]]) -> list[float]:
    area = _area(ring)
    x = y = 0.0
    for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
        cross = x0 * y1 - x1 * y0
        x += (x0 + x1) * cross
        y += (y0 + y1) * cross
    return [round(x / (6 * area), 1), round(y / (6 * area), 1)]
