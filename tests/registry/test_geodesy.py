"""GCJ-02: there and back, against another converter's value, and where it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.geodesy import CHINA, ROUND_TRIP_DEG, gcj02_to_wgs84, wgs84_to_gcj02

WEST, SOUTH, EAST, NORTH = CHINA
# The shift moves points by less than 0.02 degrees: inside of this nothing crosses the box's edge.
lons = st.floats(WEST + 0.02, EAST - 0.02)
lats = st.floats(SOUTH + 0.02, NORTH - 0.02)


@given(lons, lats)
def test_there_and_back_ends_where_it_began(lon: float, lat: float) -> None:
    """A point in China comes back within the stated error, and its shift is less than 0.02 degrees."""
    there = wgs84_to_gcj02(lon, lat)
    back = gcj02_to_wgs84(*there)
    assert abs(float(back[0]) - lon) <= ROUND_TRIP_DEG
    assert abs(float(back[1]) - lat) <= ROUND_TRIP_DEG
    assert max(abs(float(there[0]) - lon), abs(float(there[1]) - lat)) < 0.02


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_the_rest_of_the_world_is_not_shifted(lon: float, lat: float) -> None:
    """Outside of the box the two are the same."""
    if not (WEST <= lon <= EAST and SOUTH <= lat <= NORTH):
        assert tuple(map(float, wgs84_to_gcj02(lon, lat))) == (lon, lat)


def test_the_formula_is_the_published_one() -> None:
    """A place in Nantong and one in Beijing as the converter `prcoords` 1.0.2 gives them."""
    lon, lat = wgs84_to_gcj02([120.8642, 116.3913], [32.0163, 39.9075])
    assert lon == pytest.approx([120.86844732135, 116.39754118159], abs=1e-10)
    assert lat == pytest.approx([32.01414857891, 39.90890127617], abs=1e-10)
