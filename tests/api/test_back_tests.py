"""A change of a limit, tried on stored history over the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from store.connections import Connection
from store.readings import WriteMode, write_batch
from store.records import READING, to_us
from tests.api.conftest import Served, eventually

BEGIN = datetime(2026, 4, 6, 2, 0, tzinfo=UTC)


@pytest.fixture
def history(api: Served, db: Connection) -> None:
    """Six hours of a pool: free chlorine at 0.45 mg/L for an hour in the middle of 0.6, pH as it should be."""
    rows = []
    for minute in range(360):
        ts = to_us(BEGIN + timedelta(minutes=minute))
        chlorine = 0.45 if 120 <= minute < 180 else 0.6
        rows += [(11, ts, chlorine, ts, False), (12, ts, 7.4, ts, False)]
    batch = np.array(rows, dtype=READING)
    write_batch(db, batch, messages=(), dead=(), recorded_at=BEGIN, mode=WriteMode.COPY)


def asked(**more: Any) -> dict[str, Any]:
    """A request over the history."""
    span = {"from": BEGIN.isoformat(), "to": (BEGIN + timedelta(hours=6)).isoformat()}
    return {"sites": ["P-1"], **span, **more}


def ended(api: Served, number: str) -> dict[str, Any]:
    """The back-test when it is over."""
    found: dict[str, Any] = eventually(
        lambda: (told := api.get(f"/back-tests/{number}"))["state"] != "running" and told, "the back-test", timeout=60
    )
    return found


def test_a_stricter_limit_lists_the_alarms_it_would_have_raised(api: Served, db: Connection, history: None) -> None:
    """With a lower bound of 0.55 mg/L one alarm that names it; as set none; nothing is written but the audit."""
    change = {"indicator": "free_chlorine", "lo": 0.55}
    started = api.client("centre").post("/back-tests", json=asked(changes=[change]))
    assert started.status_code == 201, started.text
    found = eventually(
        lambda: (told := api.get(f"/back-tests/{started.json()['id']}", "centre"))["state"] != "running" and told,
        "the back-test",
        timeout=60,
    )
    assert (found["state"], found["found"], found["as_set"], found["share"]) == ("done", 1, 0, 1.0), found
    (alarm,) = found["alarms"]
    assert (alarm["indicator"], alarm["kind"], alarm["extreme"]) == ("free_chlorine", "limit", 0.45)
    assert datetime.fromisoformat(alarm["raised_at"]) == BEGIN + timedelta(minutes=130)
    assert datetime.fromisoformat(alarm["returned_at"]) == BEGIN + timedelta(minutes=190)
    assert "低于限值 0.55–1 mg/L（试算限值），" in alarm["text_zh"]
    assert db.execute("SELECT count(*) FROM alarm").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM audit_log WHERE action = 'back_test'").fetchone() == (1,)


def test_a_longer_delay_may_leave_nothing(api: Served, history: None) -> None:
    """The same hour under an on-delay of two hours: no alarm."""
    change = {"indicator": "free_chlorine", "lo": 0.5, "on_delay_s": 7200}
    started = api.client().post("/back-tests", json=asked(changes=[change])).raise_for_status()
    assert ended(api, started.json()["id"])["found"] == 0


def test_what_makes_no_sense_is_refused_or_fails_with_its_reason(api: Served, history: None) -> None:
    """No change, a span the wrong way round, a role that may not, a stranger's, an indicator without a limit."""
    client = api.client()
    assert client.post("/back-tests", json=asked()).status_code == 422
    backwards = asked(changes=[{"indicator": "ph", "hi": 7.5}], to=(BEGIN - timedelta(days=1)).isoformat())
    refused = client.post("/back-tests", json=backwards)
    assert (refused.status_code, "应早于" in refused.json()["detail_zh"]) == (422, True), refused.json()
    body = asked(changes=[{"indicator": "orp", "lo": 700}])
    refused = api.client("inspector").post("/back-tests", json=body)
    told_zh = "角色“监督员”无权设置检测灵敏度、用历史数据回测；如需更换角色，请联系管理员"
    assert (refused.status_code, refused.json()["detail_zh"]) == (403, told_zh)
    body["changes"].append({"indicator": "acid", "lo": 1})
    number = client.post("/back-tests", json=body).raise_for_status().json()["id"]
    assert api.client("centre").get(f"/back-tests/{number}").status_code == 404
    told = ended(api, number)
    assert (told["state"], told["detail"], told["detail_zh"]) == (
        "failed",
        "no limit applies to acid, orp at these sites: there is nothing to change",
        "这些场所没有适用于acid、氧化还原电位的限值，无可改动",
    )
