"""Coordinates and distances on the ground: WGS-84 inside, GCJ-02 where a Chinese map needs it.

GCJ-02 (国测局坐标) shifts WGS-84 by some hundred metres; maps published in China are drawn in it. Its algorithm is not
an official text: this is the formula that has circulated since 2010 and that the open converters share (one of them,
`prcoords`, gives the same to the last bit). How far it is from the maps' own is not known to us. The way back is by
iteration; there and back again ends within `ROUND_TRIP_DEG` of the beginning, a tenth of a millimetre. Outside of a box
around China the two are the same.

All functions take and give degrees as numbers or arrays of one shape.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Degrees = NDArray[np.float64]

ROUND_TRIP_DEG: Final = 1e-9
"""The most that a point inside the box moves by going to GCJ-02 and back; 1e-9 degrees are 0.1 mm."""

CHINA: Final = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east and north of the box that is shifted."""

_A: Final = 6_378_245.0  # Krasovsky 1940
_EE: Final = 0.006_693_421_622_965_943
_ITERATIONS: Final = 8


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """Longitude and latitude in GCJ-02 of a point in WGS-84."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    shift_x, shift_y = _shift(x, y)
    inside = _in_china(x, y)
    return np.where(inside, x + shift_x, x), np.where(inside, y + shift_y, y)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """Longitude and latitude in WGS-84 of a point in GCJ-02."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    wgs_x, wgs_y = x, y
    for _ in range(_ITERATIONS):  # the shift changes by less than a thousandth of a step, so each gains three digits
        shift_x, shift_y = _shift(wgs_x, wgs_y)
        wgs_x, wgs_y = x - shift_x, y - shift_y
    inside = _in_china(wgs_x, wgs_y)
    return np.where(inside, wgs_x, x), np.where(inside, wgs_y, y)


def _in_china(x: Degrees, y: Degrees) -> NDArray[np.bool_]:
    west, south, east, north = CHINA
    return (x >= west) & (x <= east) & (y >= south) & (y <= north)


def _shift(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """What GCJ-02 adds to longitude and latitude, in degrees."""
    x, y = lon - 105.0, lat - 35.0
    waves = 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    root = np.sqrt(np.abs(x))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (waves + 20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi * x / 3.0)) * 2.0 / 3.0
    east += (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (waves + 20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi * y / 3.0)) * 2.0 / 3.0
    north += (160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0)) * 2.0 / 3.0
    phi = np.radians(lat)
    bent = 1.0 - _EE * np.sin(phi) ** 2
    meridian = _A * (1.0 - _EE) / (bent * np.sqrt(bent))
    parallel = _A / np.sqrt(bent) * np.cos(phi)
    return np.degrees(east / parallel), np.degrees(north / meridian)
