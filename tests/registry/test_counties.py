"""The county map."""

from registry.counties import COUNTIES, county_map


def test_every_county_has_an_outline_and_gangzha_is_part_of_chongchuan() -> None:
    """The map holds exactly the counties of today; 港闸区 (320611), merged in 2020, is not among them."""
    drawn = {feature["properties"]["code"]: feature["properties"]["name_zh"] for feature in county_map()["features"]}
    assert drawn == {code: county.name_zh for code, county in COUNTIES.items()}
    assert "320611" not in drawn


def test_rings_are_closed_and_lie_in_nantong() -> None:
    """Every ring ends where it starts and stays within the municipality's bounding box (WGS-84 degrees)."""
    for feature in county_map()["features"]:
        shape = feature["geometry"]
        polygons = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
        for polygon in polygons:
            for ring in polygon:
                assert ring[0] == ring[-1]
                assert all(120.0 < lon < 122.2 and 31.5 < lat < 33.0 for lon, lat in ring)
