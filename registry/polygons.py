"""Points and GeoJSON polygons, in degrees: as much geometry as the demonstration registry needs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Point = tuple[float, float]
Ring = Sequence[Sequence[float]]


def rings_of(geometry: Mapping[str, Any]) -> Iterator[Ring]:
    """Every ring of a GeoJSON Polygon or MultiPolygon. Raises `ValueError` for another type."""
    match geometry["type"]:
        case "Polygon":
            yield from geometry["coordinates"]
        case "MultiPolygon":
            for polygon in geometry["coordinates"]:
                yield from polygon
        case other:
            raise ValueError(f"geometry type {other!r}, must be Polygon or MultiPolygon")


def contains(geometry: Mapping[str, Any], point: Point) -> bool:
    """Whether a point (longitude, latitude) is inside, by the even-odd rule: holes count as outside."""
    return sum(_crossings(ring, point) for ring in rings_of(geometry)) % 2 == 1


def contains_with_margin(geometry: Mapping[str, Any], point: Point, margin: float) -> bool:
    """Whether a point and its eight neighbours at `margin` degrees are all inside."""
    lon, lat = point
    shifts = (-margin, 0.0, margin)
    return all(contains(geometry, (lon + dx, lat + dy)) for dx in shifts for dy in shifts)


def _crossings(ring: Ring, point: Point) -> int:
    """How many edges of a ring a ray from the point towards the east crosses."""
    x, y = point
    count = 0
    previous_x, previous_y = ring[-1][0], ring[-1][1]
    for vertex in ring:
        vertex_x, vertex_y = vertex[0], vertex[1]
        if (vertex_y > y) != (previous_y > y):
            crossing_x = previous_x + (y - previous_y) / (vertex_y - previous_y) * (vertex_x - previous_x)
            count += x < crossing_x
        previous_x, previous_y = vertex_x, vertex_y
    return count
