import re
from pathlib import Path
from typing import Any, cast

import pytest

from dashboard.opening import opening_text
from dashboard.shapes import Site
from registry.catalogue import entries

FOLDER = Path(__file__).parents[2] / "dashboard"
ASKED = re.compile(r"""\bt\(\s*f?["']([a-z_]+(?:\.[a-z_0-9]+)*)["']""")
HAN = re.compile(r"[一-鿿]")


def test_every_string_a_page_asks_for_is_in_the_catalogue() -> None:
    """No page can fail for a missing string: each literal key exists."""
    asked = {key for path in FOLDER.rglob("*.py") for key in ASKED.findall(path.read_text(encoding="utf-8"))}
    assert len(asked) > 100
    assert [key for key in sorted(asked) if f"dashboard.{key}" not in entries()] == []


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.js")), ids=lambda path: path.name)
def test_scripts_hold_no_words(path: Path) -> None:
    """What a reader reads comes from the catalogue, also in the browser's scripts."""
    assert not HAN.search(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("week", "always", "text"),
    [
        ([[["00:00", "24:00"]]] * 7, True, "24 小时"),
        ([[["06:00", "22:00"]]] * 7, False, "每日 06:00–22:00"),
        (
            [[["10:00", "21:00"]]] * 5 + [[["09:00", "12:00"], ["14:00", "22:00"]]] * 2,
            False,
            "周一–周五 10:00–21:00；周六–周日 09:00–12:00, 14:00–22:00",
        ),
        ([[]] + [[["06:00", "22:00"]]] * 6, False, "周一 休息；周二–周日 06:00–22:00"),
    ],
)
def test_opening_hours_as_people_write_them(week: Any, always: bool, text: str) -> None:
    """Equal days are joined; a day without hours is a day of rest."""
    assert opening_text(cast(Site, {"opening": week, "around_the_clock": always})) == text
