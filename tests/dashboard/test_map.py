from typing import Any, cast

import pytest

from dashboard.map_outline import WIDTH, outline, place
from dashboard.shapes import Site
from dashboard.widgets import site_map
from dashboard.widgets.site_map import county_worst, map_data
from registry.counties import COUNTIES


def site(code: str, **differing: Any) -> Site:
    """A site of the map."""
    plain: dict[str, Any] = {
        "code": code,
        "county": "320602",
        "status": "simulated",
        "simulated": True,
        "name_zh": f"泳池{code}",
        "name_en": f"Pool {code}",
        "lon": 120.9,
        "lat": 32.0,
        "online": True,
        "state": "normal",
        "worst_priority": None,
        "open_alarms": {"high": 0, "medium": 0, "low": 0},
        "samples": None,
    }
    return cast(Site, plain | differing)


def test_every_county_is_drawn_inside_the_frame() -> None:
    """The outline has a closed path and a label within the drawing for each county of the registry."""
    drawn = outline()
    assert {county["code"] for county in drawn["counties"]} == set(COUNTIES)
    for county in drawn["counties"]:
        assert county["path"].startswith("M")
        assert county["path"].endswith("Z")
        x, y = county["label"]
        assert 0 < x < WIDTH
        assert 0 < y < drawn["height"]


def test_north_is_up_and_east_is_right() -> None:
    """Going north makes y smaller, going east x larger."""
    x, y = place(120.9, 32.0)
    assert place(120.9, 32.1)[1] < y
    assert place(121.0, 32.0)[0] > x


@pytest.mark.parametrize(
    ("sites", "worst"),
    [
        ([], "none"),
        ([site("a")], "ok"),
        ([site("a"), site("b", state="offline")], "offline"),
        ([site("a", state="offline"), site("b", state="breach", worst_priority="low")], "low"),
        ([site("a", worst_priority="medium"), site("b", worst_priority="high")], "high"),
    ],
)
def test_county_is_as_bad_as_its_worst_site(sites: list[Site], worst: str) -> None:
    """Alarms by priority come before silence, silence before calm."""
    assert county_worst(sites) == worst


def test_groups_are_never_mixed() -> None:
    """The map of simulated sites shows no live one, and its counties know nothing of live alarms."""
    live = site("live", status="live", simulated=False, worst_priority="high", state="breach")
    data = map_data([live, site("sim"), site("dot", status="offline", state="none")], group="simulated", county=None)
    assert [(marker[0], marker[4]) for marker in data["sites"]] == [("dot", "small"), ("sim", "diamond")]
    assert data["counties"]["320602"]["tone"] == "ok"
    assert "模拟" in data["sites"][1][5]


def test_of_too_many_sites_the_worst_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """More sites than a browser draws: alarms come first, the chosen county before the others, counties count all."""
    monkeypatch.setattr(site_map, "MARKERS", 3)
    calm = [site(f"calm{n}") for n in range(4)]
    sites = [*calm, site("alarm", worst_priority="high", state="breach"), site("silent", state="offline")]
    elsewhere = [site("there", county="320682"), site("worse", county="320682", worst_priority="medium")]
    whole = map_data([*sites, *elsewhere], group="simulated", county=None)
    assert [marker[0] for marker in whole["sites"]] == ["alarm", "silent", "worse"]
    assert "6 / 6" in whole["counties"]["320602"]["title"]
    assert "3 家（共 8 家）" in whole["legend"][-1]["text"]
    chosen = map_data([*sites, *elsewhere], group="simulated", county="320682")
    assert [marker[0] for marker in chosen["sites"]] == ["alarm", "there", "worse"]
    few = map_data(sites[:3], group="simulated", county=None)
    assert [marker[0] for marker in few["sites"]] == ["calm0", "calm1", "calm2"]
    assert all(entry["shape"] != "none" for entry in few["legend"])
