"""The rules in force at a site, over the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

from store import audit, journal
from store.connections import Connection
from store.site_limits import load_rules
from tests.api.conftest import Served, eventually

TIGHTER = {"indicator": "free_chlorine", "lo": 0.4, "hi": 0.8, "reason": "出水口读数偏高"}


def rules_of(api: Served, site: str = "P-1", role: str = "administrator", **query: Any) -> dict[str, Any]:
    """What a site is judged by, with its rules by indicator."""
    answer: dict[str, Any] = api.get(f"sites/{site}/rules", role, **query)
    return {**answer, "by": {each["indicator"]: each for each in answer["rules"]}}


def test_every_rule_in_force_has_its_clause_force_certainty_and_validity(api: Served) -> None:
    """A pool is judged by GB 37488-2019; each limit says where it stands, how sure it is, and since when."""
    found = rules_of(api)
    chlorine = found["by"]["free_chlorine"]
    assert (chlorine["interval"], chlorine["standard"], chlorine["clause"]) == (
        "0.3–1.0 mg/L",
        "GB 37488-2019",
        "4.4.1 表4",
    )
    assert (chlorine["force"], chlorine["certainty"], chlorine["origin"]) == ("binding", "secondary", "standard")
    assert (chlorine["valid_from"], chlorine["valid_to"]) == ("2019-10-31T16:00:00Z", None)
    assert found["by"]["water_temperature"]["force"] == "recommended"
    assert found["by"]["circulation_flow"]["certainty"] == "design"
    assert {each["standard"] for each in found["standards"]} >= {"GB 37488-2019", "GB 9667-1996"}
    assert {each["family"] for each in found["adoptable"]} == {"cjt244", "din19643", "mahc", "who-pool"}


def test_the_rules_of_another_day_are_those_that_were_valid_then(api: Served) -> None:
    """In 2010 a pool was judged by GB 9667-1996."""
    chlorine = rules_of(api, at="2010-05-01T00:00:00Z")["by"]["free_chlorine"]
    assert (chlorine["standard"], chlorine["interval"]) == ("GB 9667-1996", "0.3–0.5 mg/L")


def test_a_rule_is_set_shown_journaled_and_audited(api: Served, db: Connection) -> None:
    """From the moment it is set it is in force with who set it and why; the journal row carries all of it."""
    answer = api.client().post("sites/P-1/rules", json=TIGHTER)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["state"], made["set_by"], made["reason"]) == ("in_force", "administrator", TIGHTER["reason"])
    found = rules_of(api)
    chlorine = found["by"]["free_chlorine"]
    assert (chlorine["interval"], chlorine["origin"], chlorine["force"]) == ("0.40–0.80 mg/L", "site", "operational")
    assert chlorine["standard"] == "GB 37488-2019", "what it stands in place of"
    assert [each["id"] for each in found["own"]] == [made["id"]]
    assert rules_of(api, "P-2")["by"]["free_chlorine"]["origin"] == "standard"
    entry = journal.read_after(db, 0, 100)[-1]
    assert journal.event_of(entry)["what"] == "limits"
    assert journal.event_of(entry)["rule"] == load_rules(db)[0].to_json()
    assert db.execute("SELECT actor, action, subject FROM audit_log ORDER BY id DESC LIMIT 1").fetchone() == (
        "administrator",
        "set_limit",
        "site:P-1",
    )
    assert audit.verify(db).ok
    eventually(lambda: channel_limit(api)["lo"] == 0.4, "the channel's limit follows")
    assert channel_limit(api)["site_rule"] is True


def channel_limit(api: Served) -> dict[str, Any]:
    """The limit that the site's page shows for free chlorine."""
    channels = api.get("sites/P-1")["channels"]
    found: dict[str, Any] = next(each for each in channels if each["indicator"] == "free_chlorine")["limit"]
    return found


def test_a_rule_is_ended_once_with_a_reason(api: Served, db: Connection) -> None:
    """Afterwards the standard holds again, the history says who ended it, and as of before the end it is unchanged."""
    number = api.client().post("sites/P-1/rules", json=TIGHTER).json()["id"]
    before_end = journal.last_id(db)
    short = api.client().post(f"sites/P-1/rules/{number}/end", json={"reason": "ok"})
    assert short.status_code == 422
    ended = api.client("centre").post(f"sites/P-1/rules/{number}/end", json={"reason": "探头已更换"}).json()
    assert (ended["state"], ended["ended_by"], ended["end_reason"]) == ("over", "centre", "探头已更换")
    again = api.client().post(f"sites/P-1/rules/{number}/end", json={"reason": "探头已更换"})
    assert again.status_code == 409
    assert rules_of(api)["by"]["free_chlorine"]["origin"] == "standard"
    assert [rule.until for rule in load_rules(db, as_of=before_end)] == [None]
    assert load_rules(db, as_of=before_end - 1) == []
    assert load_rules(db)[0].until is not None


def test_an_adopted_standard_brings_limits_that_depend_on_ph(api: Served) -> None:
    """With DIN 19643 the redox potential has a band for each range of pH."""
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = {"profile": "din19643", "reason": "场馆承诺执行 DIN 标准", "since": soon}
    assert api.client().post("sites/P-1/rules", json=body).json()["state"] == "coming"
    assert "orp" not in rules_of(api)["by"]
    orp = rules_of(api, at=(datetime.now(UTC) + timedelta(hours=2)).isoformat())["by"]["orp"]
    assert (orp["depends_on"], [band["lo"] for band in orp["bands"]], orp["origin"]) == ("ph", [750, 770], "adopted")


def test_a_rule_that_is_not_acceptable_changes_nothing(api: Served, db: Connection) -> None:
    """The answer names the field, the value and what would be right."""
    for changed, complaint in (
        ({"hi": 0.3}, ("lo: 0.4 must be less than hi 0.3", "lo：0.4 应小于 hi 0.3")),
        ({"hi": 25}, ("hi: 25 is outside what free_chlorine can be", "hi：25 超出游离性余氯可能的范围")),
        ({"indicator": "acid"}, ("indicator: 'acid' is not an indicator", "indicator：'acid' 不是指标")),
        (
            {"since": "2020-01-01T00:00:00Z"},
            ("since: 2020-01-01 08:00 (UTC+8) is", "since：2020-01-01 08:00 已过"),
        ),
        (
            {"since": "2030-01-01T00:00:00"},
            ("since: 2030-01-01T00:00:00 has no time zone", "since：2030-01-01T00:00:00 没有时区"),
        ),
        (
            {"sampling_point": "b9"},
            ("sampling_point: 'b9' is not one of site P-1: basin-1", "sampling_point：场所 P-1 没有采样点 'b9'"),
        ),
        ({"reason": "ok"}, ("reason: 2 characters, must be 4 to 500", "reason：2 个字符，应为 4 至 500 个")),
    ):
        answer = api.client().post("sites/P-1/rules", json={**TIGHTER, **changed})
        assert answer.status_code == 422
        for told, language in zip(complaint, ("detail", "detail_zh"), strict=True):
            assert answer.json()[language].startswith(told)
    assert load_rules(db) == []


def test_only_administrators_and_the_centre_set_rules(api: Served) -> None:
    """Others read them; the public does not learn who set them."""
    for role in ("inspector", "venue", "public"):
        assert api.client(role).post("sites/P-1/rules", json=TIGHTER).status_code == 403
    api.client("centre").post("sites/P-1/rules", json=TIGHTER).raise_for_status()
    assert rules_of(api, role="inspector")["own"][0]["set_by"] == "centre"
    assert rules_of(api, role="public")["own"][0]["set_by"] is None
    assert rules_of(api, role="public")["may_set"] is False
    assert api.client("inspector").get("sites/P-3/rules").status_code == 404
