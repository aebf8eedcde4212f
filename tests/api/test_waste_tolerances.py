"""What the rules of custody tolerate, by the API: read, set with a reason, refused with the tolerance named, undone."""

import re
from typing import Any

import pytest

from monitor.waste.rules import ToleranceError, Tolerances
from monitor.waste.settings import ABOUT, DEFAULTS, NOT_ABOVE, checked
from registry.catalogue import LANGUAGES
from store import audit, journal, people
from store.connections import Connection
from store.journal import event_of
from store.people import Person
from tests.api.conftest import PASSWORD_HASH, REGISTERED, Served, eventually

TOLERANCES = "/waste/tolerances"


def values(found: dict[str, Any]) -> dict[str, Any]:
    """What holds, by name."""
    return {each["name"]: each["value"] for each in found["tolerances"]}


def put(api: Served, wanted: dict[str, Any], reason: str = "疫情期间从严", role: str = "administrator") -> Any:
    """Set some."""
    return api.client(role).post(TOLERANCES, json={"values": wanted, "reason": reason})


def test_every_tolerance_says_what_stands_behind_it(api: Served) -> None:
    """All of the engine's, at their defaults, with unit, range, source and rules in both languages, for all readers."""
    for role in ("administrator", "centre", "inspector", "venue"):
        found = api.get(TOLERANCES, role)
        assert found["may_set"] is (role in {"administrator", "centre"})
        assert values(found) == Tolerances().to_json()
        assert found["history"] == []
    assert {name for name, about in ABOUT.items() if about.certainty == "design"} == {
        each["name"] for each in found["tolerances"] if each["source_en"].startswith("no rule was found")
    }
    for each in found["tolerances"]:
        assert each["least"] <= each["default"] <= each["most"], each["name"]
        assert (each["changed"], each["set_by"]) == (False, None)
        for language in LANGUAGES:
            words = [each[f"{part}_{language}"] for part in ("name", "group", "source")]
            assert all(words), each["name"]
            assert len(each[f"rules_{language}"]) >= (each["group"] != "memory"), each["name"]
    storage = next(each for each in found["tolerances"] if each["name"] == "storage_h")
    assert (storage["unit_zh"], storage["most"], storage["certainty"]) == ("小时", 48, "primary")
    assert "第17条" in storage["source_zh"]


def test_what_is_set_holds_is_told_journaled_and_audited(api: Served, db: Connection) -> None:
    """Two settings: the values, who set each and why, the history newest first, the journal rows, the audit log."""
    first = put(api, {"storage_h": 24, "storage_first_h": 12, "storage_second_h": 20}).raise_for_status().json()
    assert values(first) == {**DEFAULTS, "storage_h": 24, "storage_first_h": 12, "storage_second_h": 20}
    put(api, {"storage_h": 30, "bag_kg": 0.05}, "恢复一部分", "centre").raise_for_status()
    found = api.get(TOLERANCES, "venue")
    by_name = {each["name"]: each for each in found["tolerances"]}
    assert (by_name["storage_h"]["set_by"], by_name["storage_h"]["reason"]) == ("centre", "恢复一部分")
    assert (by_name["storage_first_h"]["set_by"], by_name["storage_first_h"]["changed"]) == ("administrator", True)
    assert (by_name["missing_h"]["set_by"], by_name["missing_h"]["changed"]) == (None, False)
    newest, oldest = found["history"]
    assert [(each["name"], each["before"], each["after"]) for each in newest["changes"]] == [
        ("storage_h", 24, 30),
        ("bag_kg", 0.1, 0.05),
    ]
    assert (newest["set_by"], oldest["set_by"], oldest["reason"]) == ("centre", "administrator", "疫情期间从严")
    rows = [event_of(each) for each in journal.read_after(db, 0, 100) if each.kind == "config"]
    assert [row["tolerances"] for row in rows if row["what"] == "waste_tolerances"] == [
        {"storage_first_h": 12, "storage_second_h": 20, "storage_h": 24},
        {"storage_first_h": 12, "storage_second_h": 20, "storage_h": 30, "bag_kg": 0.05},
    ]
    actor, detail = db.execute(
        "SELECT actor, detail FROM audit_log WHERE action = 'waste_tolerances_set' ORDER BY id DESC LIMIT 1"
    ).fetchone() or ("", {})
    assert actor == "centre"
    assert detail["before"] == {"storage_h": 24, "bag_kg": 0.1}
    assert detail["tolerances"] == {"storage_h": 30, "bag_kg": 0.05}
    assert audit.verify(db).ok


def test_the_defaults_come_back_one_by_one_or_all(api: Served, db: Connection) -> None:
    """Named ones first, then the rest; what would change nothing is a conflict, and nothing is journaled for it."""
    put(api, {"bag_kg": 0.05, "bag_percent": 1.5, "stop_min": 20}).raise_for_status()

    def reset(**body: Any) -> Any:
        return api.client("centre").post(f"{TOLERANCES}/reset", json={"reason": "试行结束", **body})

    assert values(reset(names=["bag_kg"]).json()) == {**DEFAULTS, "bag_percent": 1.5, "stop_min": 20}
    after = reset().raise_for_status().json()
    assert values(after) == Tolerances().to_json()
    assert [each["name"] for each in after["history"][0]["changes"]] == ["stop_min", "bag_percent"]
    before = journal.last_id(db)
    assert reset().status_code == 409
    assert put(api, {"storage_h": 48}).status_code == 409
    assert journal.last_id(db) == before


def test_what_is_not_acceptable_is_refused_and_changes_nothing(api: Served, db: Connection) -> None:
    """Every mistake by name, no reason, a scope of some counties only: 422 or 403, and nothing is set."""
    answer = put(api, {"bag_kg": -1, "storage_hours": 24})
    assert answer.status_code == 422
    assert "bag_kg is -1, must be a number of 0 to 10 kg; tolerance 'storage_hours'" in answer.json()["detail"]
    assert (
        "“单袋两次称重允许差（绝对）”（bag_kg）为 -1，应为 0 至 10 kg 的数；没有公差 'storage_hours'"
        in answer.json()["detail_zh"]
    )
    assert put(api, {"bag_kg": 0.2}, "").status_code == 422
    assert put(api, {}).status_code == 422
    person = Person("rugao", "如皋中心", "centre", ("320682",), None, PASSWORD_HASH)
    with db.transaction():
        people.save(db, person, REGISTERED)
    eventually(lambda: api.client("rugao").get("/me").status_code == 200, "the person is known")
    assert api.get(TOLERANCES, "rugao")["may_set"] is False
    refused = put(api, {"bag_kg": 0.2}, role="rugao")
    assert refused.status_code == 403
    assert "320682" in refused.json()["detail"]
    assert refused.json()["detail_zh"] == "公差对全部区县生效，您只能设定 320682 的限值"
    assert values(api.get(TOLERANCES)) == Tolerances().to_json()


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"storage_hours": 24}, "tolerance 'storage_hours' is not known; did you mean storage_h?"),
        ({"storage_h": 60}, "tolerance storage_h is 60, must be a number of 1 to 48 h"),
        ({"storage_h": "24"}, "tolerance storage_h is '24', must be a number of 1 to 48 h"),
        ({"storage_h": None}, "tolerance storage_h is None, must be a number of 1 to 48 h"),
        ({"storage_h": True}, "tolerance storage_h is True, must be a number of 1 to 48 h"),
        ({"pickup_days": 1.5}, "tolerance pickup_days is 1.5, must be a whole number of 1 to 2 d"),
        ({"treated_expected": 1}, "tolerance treated_expected is 1, must be true or false"),
        ({"storage_h": 24}, "tolerance storage_second_h is 44, must be at most storage_h, which is 24"),
        (
            {"bag_kg": -1, "order_min": 1e9},
            "bag_kg is -1, must be a number of 0 to 10 kg; tolerance order_min is 1e+09",
        ),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(wanted: dict[str, Any], words: str) -> None:
    """Unknown names, wrong types, out of range, contradictions: the tolerance, the value and what would be right."""
    with pytest.raises(ToleranceError, match=re.escape(words)):
        checked(wanted)


def test_every_field_of_the_engine_may_be_set_within_its_range_and_nothing_else() -> None:
    """The page's list is the engine's own, and what may not exceed what stands at the same step, so on one form."""
    assert set(ABOUT) == set(DEFAULTS)
    for name, other in NOT_ABOVE.items():
        assert ABOUT[name].group == ABOUT[other].group
        assert DEFAULTS[name] <= DEFAULTS[other]
