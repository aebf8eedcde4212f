"""Notifications over the API: one's own channels and inbox, routes and roster, who would be told and why, the log."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.sync.client import connect as listen

from monitor.notify import reading
from monitor.notify.sending import run_pass
from store import audit
from store.connections import Connection, connect
from store.registry_rows import load_registry
from store.sealing import Seal
from tests.api.conftest import ROLES, Served, eventually, prepare, put_alarm, serving

MAIL = {"name": "工作邮箱", "kind": "email", "target": "wang@example.org"}
ROBOT = {"name": "群", "kind": "wecom", "target": "0123-4567-89ab-cdef"}
HOOK = {"name": "对接", "kind": "webhook", "target": "https://user.example.org/in?key=k1", "secret": "s3cret-s3cret"}


def add(api: Served, channel: dict[str, Any], role: str = "inspector") -> dict[str, Any]:
    """A channel of a person."""
    answer = api.client(role).post("/notifications/channels", json=channel)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(api: Served, db: Connection, *alarms: int) -> None:
    """A pass of the notifier over alarms that were raised a minute ago."""
    for alarm in alarms:
        db.execute("INSERT INTO outbox (alarm_id, journal_id, event, at) VALUES (%s, 1, 'raised', now())", (alarm,))
    run_pass(db, load_registry(db), datetime.now(UTC))


def test_own_channels_and_what_is_shown_of_them(api: Served, db: Connection) -> None:
    """A token is masked, a secret never answered nor audited; nobody sees, changes or tests another's channel."""
    mail, robot = add(api, MAIL), add(api, ROBOT)
    assert (mail["target"], robot["target"]) == ("wang@example.org", "…cdef")
    mine = api.get("/notifications/mine", "inspector")
    assert [each["name"] for each in mine["channels"]] == ["工作邮箱", "群"]
    assert mine["email_ready"] is False
    path = f"/notifications/channels/{mail['id']}"
    for role in ("administrator", "venue"):
        assert api.client(role).put(path, json=MAIL).status_code == 404
        assert api.client(role).delete(path).status_code == 404
        assert api.client(role).post(f"{path}/test").status_code == 404
    changed = api.client("inspector").put(path, json={**MAIL, "target": None, "priorities": ["high"]}).json()
    assert (changed["target"], changed["priorities"]) == ("wang@example.org", ["high"])
    assert api.client("inspector").delete(path).status_code == 204
    hook = add(api, {**HOOK, "shared": True}, "centre")
    assert hook["target"] == "https://user.example.org/…"
    assert hook["has_secret"] is True
    kept = json.dumps(db.execute("SELECT detail::text, subject FROM audit_log").fetchall())
    assert "s3cret" not in kept
    assert "0123-4567" not in kept
    assert audit.verify(db).ok


def test_secrets_lie_sealed_and_a_lost_key_is_shown(api: Served, db: Connection) -> None:
    """No token, address or secret lies open in the database; what another key sealed is marked, and can be set anew."""
    robot, hook = add(api, ROBOT), add(api, {**HOOK, "shared": True}, "centre")
    centre = api.client("centre")
    gateway = {"url": "mailtos://landun@smtp.example.org:465", "secret": "p4ssword-p4ssword"}
    assert centre.put("/notifications/gateways/email", json=gateway).json()["unreadable"] is False
    stored = db.execute("SELECT target, secret FROM notify_channel UNION ALL SELECT url, secret FROM notify_gateway")
    lying = json.dumps(stored.fetchall())
    assert not [each for each in ("89ab-cdef", "key=k1", "s3cret-s3cret", "p4ssword-p4ssword") if each in lying]
    (shown,) = api.get("/notifications/receivers", "centre")
    assert (shown["target"], shown["unreadable"]) == ("https://user.example.org/…", False)

    lost = Seal(secrets.token_urlsafe(32))
    db.execute("UPDATE notify_channel SET target = %s WHERE id = %s", (lost.close("0123"), robot["id"]))
    db.execute("UPDATE notify_channel SET secret = %s WHERE id = %s", (lost.close("0123"), hook["id"]))
    db.execute("UPDATE notify_gateway SET secret = %s", (lost.close("0123"),))
    (mine,) = api.get("/notifications/mine", "inspector")["channels"]
    assert (mine["target"], mine["unreadable"]) == ("…", True)
    assert [each["unreadable"] for each in api.get("/notifications/receivers", "centre")] == [True]
    assert [each["unreadable"] for each in centre.get("/notifications/gateways").json()] == [True]
    path = f"/notifications/channels/{robot['id']}"
    kept = api.client("inspector").put(path, json={**ROBOT, "target": None, "enabled": False}).json()
    assert (kept["enabled"], kept["unreadable"]) == (False, True), "other settings can be changed meanwhile"
    assert api.client("inspector").put(path, json=ROBOT).json()["unreadable"] is False
    assert centre.put("/notifications/gateways/email", json=gateway).json()["unreadable"] is False


def test_without_a_key_no_secret_is_stored(database: str) -> None:
    """Rather than lying open it is refused, saying what is missing; what needs no secret works."""
    with connect(database) as connection:
        prepare(connection)
    with serving(database, seal=Seal()) as served:
        add(served, MAIL)
        refused = served.client("inspector").post("/notifications/channels", json=ROBOT)
        assert (refused.status_code, "LANDUN_NOTIFY_KEY_FILE" in refused.json()["detail"]) == (503, True)
        given = {"url": "mailtos://landun@smtp.example.org:465", "secret": "p4ssword-p4ssword"}
        assert served.client("centre").put("/notifications/gateways/email", json=given).status_code == 503
    with connect(database) as connection:
        assert connection.execute("SELECT kind FROM notify_channel").fetchall() == [("email",)]


REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({**MAIL, "target": "wang"}, 422, "an address like", "“电子邮件”渠道应为邮箱"),
    ({**MAIL, "target": "a@b.c?to=x"}, 422, "an address like", "邮箱"),
    ({"name": "x", "kind": "sms", "target": "call me"}, 422, "a telephone number", "手机号"),
    ({**MAIL, "target": None}, 422, "target: missing", "target：未填写"),
    (HOOK, 403, "monitoring centre's to set", "由监测中心设定"),
    ({**ROBOT, "shared": True}, 403, "monitoring centre's to set", "由监测中心设定"),
    ({"name": "x", "kind": "pigeon", "target": "y"}, 422, "kind", "kind"),
]


def test_a_channel_that_cannot_work_is_refused(api: Served) -> None:
    """With a sentence that says what would be right; an inspector sets no address inside the network."""
    for channel, status, said, chinese in REFUSED:
        answer = api.client("inspector").post("/notifications/channels", json=channel)
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
        assert chinese in answer.json()["detail_zh"], answer.text


@pytest.mark.parametrize("address", ["https://[x", "https://user.example.org:99999/in", "https://:443/in"])
def test_an_address_that_cannot_be_is_refused(api: Served, address: str) -> None:
    """Brackets without end, a port above 65535 and a missing host are told, as a channel and as a gateway."""
    centre = api.client("centre")
    hook = centre.post("/notifications/channels", json={**HOOK, "target": address, "shared": True})
    assert (hook.status_code, "http" in hook.json()["detail_zh"]) == (422, True), hook.text
    assert centre.put("/notifications/gateways/sms", json={"url": address}).status_code == 422
    assert centre.get("/notifications/receivers").status_code == 200


def test_a_test_send_is_queued_and_in_the_log(api: Served, db: Connection) -> None:
    """The button writes a message for this channel alone; it is in no inbox, and the log shows it waiting."""
    channel = add(api, ROBOT)
    answer = api.client("inspector").post(f"/notifications/channels/{channel['id']}/test")
    assert answer.status_code == 202
    (found,) = api.get("/notifications/log", "inspector", notification=answer.json()["notification"])["items"]
    assert (found["reason"], found["kind"], found["state"], found["channel"]) == ("test", "wecom", "waiting", "群")
    assert api.get("/notifications/inbox", "inspector")["items"] == []
    assert db.execute("SELECT count(*) FROM audit_log WHERE action = 'notify_test_sent'").fetchone() == (1,)


def test_an_alarm_reaches_the_inbox_and_the_live_feed(api: Served, db: Connection) -> None:
    """The inspector of the county gets it, with the reason; a frame comes at once; so does its venue, beside."""
    with listen(api.live("inspector")) as feed:
        put_alarm(db, 65536, 11)
        told(api, db, 65536)
        frame: dict[str, Any] = {}
        while frame.get("type") != "notification":
            frame = json.loads(feed.recv(timeout=10))
    inbox = api.get("/notifications/inbox", "inspector")
    assert inbox["unread"] == 1
    (message,) = inbox["items"]
    assert message == frame["notification"]
    assert (message["reason"], message["sites"], message["alarms"]) == ("new", ["P-1"], [65536])
    assert "0.12 mg/L" in message["body"]
    assert message["why"]["groups"][0]["by"] == "role"
    (copy,) = api.get("/notifications/inbox", "venue")["items"]
    assert (copy["alarms"], copy["why"]["groups"][0]["route_en"]) == ([65536], "The venue is told: high priority")
    left = api.client("inspector").post("/notifications/inbox/read", json={}).json()
    assert left["unread"] == 0


def test_simulated_alarms_are_told_in_the_app_and_marked(api: Served, db: Connection) -> None:
    """An alarm of a simulated site reaches the inbox, marked; the inspector's mail hears nothing of it."""
    add(api, MAIL)
    put_alarm(db, 65536, 21)
    told(api, db, 65536)
    (message,) = api.get("/notifications/inbox", "inspector")["items"]
    assert message["simulated"] is True
    assert message["title"].startswith("【模拟】")
    assert [each["kind"] for each in api.get("/notifications/log")["items"]] == ["inbox"]


def test_the_log_is_scoped(api: Served, db: Connection) -> None:
    """An inspector sees what was sent about their counties only; the venue none of it."""
    put_alarm(db, 65536, 11)
    put_alarm(db, 65537, 31)
    told(api, db, 65536, 65537)
    assert {site for each in api.get("/notifications/log")["items"] for site in each["sites"]} == {"P-1", "P-3"}
    assert {site for each in api.get("/notifications/log", "inspector")["items"] for site in each["sites"]} == {"P-1"}
    assert api.client("venue").get("/notifications/log").status_code == 403


def test_routes_are_read_changed_and_refused_with_reasons(api: Served) -> None:
    """The defaults are there; a change holds; unknown counties, receivers and steps that go back are refused."""
    routes = api.get("/notifications/routes")
    assert [each["name_en"] for each in routes][2] == "High priority"
    centre = api.client("centre")
    high = {**routes[2], "repeat_s": 7200}
    assert centre.put(f"/notifications/routes/{high['id']}", json=high).json()["repeat_s"] == 7200
    for wrong, said in (
        ({"counties": ["999999"]}, "counties 999999 are not known"),
        ({"receivers": [12345]}, "receivers 12345 are not shared"),
        ({"scenarios": ["moon"]}, "scenarios"),
        ({"steps": [{"role": "inspector", "after_s": 60}, {"role": "centre", "after_s": 0}]}, "after_s"),
    ):
        answer = centre.put(f"/notifications/routes/{high['id']}", json={**high, **wrong})
        assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text
    added = centre.post("/notifications/routes", json={**high, "position": 5, "counties": ["320602"]}).json()
    assert api.get("/notifications/routes")[0]["id"] == added["id"]
    assert centre.delete(f"/notifications/routes/{added['id']}").status_code == 204
    assert centre.delete(f"/notifications/routes/{added['id']}").status_code == 404
    for role in set(ROLES) - {"administrator", "centre"}:
        assert api.client(role).put(f"/notifications/routes/{high['id']}", json=high).status_code == 403
        assert api.client(role).delete(f"/notifications/routes/{high['id']}").status_code == 403


def test_the_roster_decides_and_the_dry_run_says_so(api: Served) -> None:
    """By role before anybody is on the roster, then by the roster; with times, channels and who is told next."""
    at = datetime(2026, 11, 23, 2, tzinfo=UTC)  # a Monday, 10:00 in Nantong
    asked = {"site": "P-1", "at": at.isoformat()}
    add(api, MAIL)
    before = api.client("centre").post("/notifications/dry-run", json=asked).json()
    # P-1 is live: the inspector's mail is among what would be used.
    (first,) = before["steps"][0]["told"]
    assert (first["person"], first["by"]) == ("inspector", "role")
    assert [each["kind"] for each in first["drops"]] == ["inbox", "email"]
    assert before["route_en"] == "High priority"
    (beside,) = before["beside"]
    assert (beside["route_en"], beside["group_wait_s"]) == ("The venue is told: high priority", 60)
    assert [(each["person"], each["drops"]) for each in beside["steps"][0]["told"]] == [
        ("venue", [{"channel": None, "kind": "inbox", "quiet_until": None}])
    ]
    line = {
        "person": "administrator",
        "county": "320602",
        "role": "inspector",
        "since": (at - timedelta(hours=1)).isoformat(),
        "until": (at + timedelta(hours=8)).isoformat(),
    }
    entered = api.client("centre").post("/notifications/roster", json=line)
    assert entered.status_code == 201, entered.text
    after = api.client("inspector").post("/notifications/dry-run", json=asked).json()
    assert [(each["person"], each["by"]) for each in after["steps"][0]["told"]] == [("administrator", "roster")]
    starts = [datetime.fromisoformat(each["at"]) for each in after["steps"]]
    assert starts == [
        at + timedelta(seconds=30),
        at + timedelta(minutes=30, seconds=30),
        at + timedelta(hours=1, seconds=30),
    ]
    nobody = api.client("centre").post("/notifications/dry-run", json={"site": "P-3"})
    assert nobody.status_code == 200
    assert api.client("inspector").post("/notifications/dry-run", json={"site": "P-3"}).status_code == 404
    duty = entered.json()["id"]
    shown = api.get("/notifications/roster", "inspector", **{"from": at.isoformat()})
    assert [each["id"] for each in shown] == [duty]
    for role in ("inspector", "venue", "public"):
        assert api.client(role).delete(f"/notifications/roster/{duty}").status_code == 403
    assert api.client("centre").delete(f"/notifications/roster/{duty}").status_code == 204
    for unfit in ("venue", "public"):
        refused = api.client("centre").post("/notifications/roster", json={**line, "person": unfit})
        assert "on duty can be" in refused.json()["detail"]
        assert "可排班的是监督员、监测中心、管理员" in refused.json()["detail_zh"]
    wrong = {**line, "until": line["since"]}
    assert (
        "until must be after since" in api.client("centre").post("/notifications/roster", json=wrong).json()["detail"]
    )


def test_office_hours_are_set_and_count_at_once(api: Served, db: Connection) -> None:
    """The default is nobody's; a change holds for dry run and notifier, is audited, and is refused if reversed."""
    path, at = "/notifications/office-hours", datetime(2026, 11, 23, 11, tzinfo=UTC)  # a Monday, 19:00 in Nantong
    asked = {"site": "P-1", "priority": "medium", "at": at.isoformat()}
    default = api.get(path, "inspector")
    assert (default["begins"], default["ends"], default["changed_by"]) == ("08:30:00", "17:30:00", None)
    centre = api.client("centre")
    before = centre.post("/notifications/dry-run", json=asked).json()
    assert before["office"] == default
    assert datetime.fromisoformat(before["steps"][0]["at"]) == datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    set_to = centre.put(path, json={"begins": "09:00", "ends": "20:00"}).json()
    assert (set_to["begins"], set_to["ends"], set_to["changed_by"]) == ("09:00:00", "20:00:00", "centre")
    after = centre.post("/notifications/dry-run", json=asked).json()
    assert (after["office"]["ends"], datetime.fromisoformat(after["steps"][0]["at"])) == (
        "20:00:00",
        at + timedelta(minutes=1),
    )
    assert reading.world(db, at, set()).office.end.hour == 20
    for wrong in ({"begins": "17:00", "ends": "09:00"}, {"begins": "09:00", "ends": "09:00"}, {"begins": "9"}):
        assert centre.put(path, json=wrong).status_code == 422
    reversed_ = centre.put(path, json={"begins": "17:00", "ends": "09:00"}).json()
    assert "ends 09:00 must be later than begins 17:00" in reversed_["detail"]
    assert "ends 09:00 应晚于 begins 17:00" in reversed_["detail_zh"]
    ((detail,),) = db.execute("SELECT detail FROM audit_log WHERE action = 'notify_office_set'").fetchall()
    assert detail == {"begins": "09:00:00", "ends": "20:00:00", "before": "08:30–17:30"}
    simulated = centre.post("/notifications/dry-run", json={**asked, "site": "P-2"}).json()
    assert simulated["office"] is None


def test_gateways_keep_their_secret_to_themselves(api: Served, db: Connection) -> None:
    """Host and whether there is a secret: no more is answered; a password in the address is refused."""
    centre = api.client("centre")
    given = {"url": "mailtos://landun@smtp.example.org:465?from=a@example.org", "secret": "p4ssword-p4ssword"}
    answer = centre.put("/notifications/gateways/email", json=given)
    assert answer.json()["host"] == "smtp.example.org"
    again = centre.put("/notifications/gateways/email", json={"url": given["url"]}).json()
    assert again["has_secret"] is True
    assert "p4ssword" not in centre.get("/notifications/gateways").text + answer.text
    inside = centre.put("/notifications/gateways/email", json={"url": "mailto://u:pw@h"})
    assert (inside.status_code, "pw" in inside.json()["detail"].replace("password", "")) == (422, False)
    assert centre.put("/notifications/gateways/sms", json={"url": "ftp://x"}).status_code == 422
    assert api.client("inspector").delete("/notifications/gateways/email").status_code == 403
    assert centre.delete("/notifications/gateways/email").status_code == 204
    assert db.execute("SELECT count(*) FROM audit_log WHERE detail::text LIKE '%%p4ssword%%'").fetchone() == (0,)


def test_quiet_hours_are_set_whole(api: Served) -> None:
    """Both ends or none, in a zone that there is."""
    client = api.client("inspector")
    good = {"quiet_from": "22:00", "quiet_to": "07:00", "zone": "Asia/Urumqi", "language": "en"}
    assert client.put("/notifications/mine", json=good).json()["wishes"]["quiet_from"] == "22:00:00"
    assert client.put("/notifications/mine", json={"quiet_from": "22:00"}).status_code == 422
    assert client.put("/notifications/mine", json={"zone": "Mars/Olympus"}).status_code == 422


def test_health_says_when_nobody_can_be_told(api: Served, db: Connection) -> None:
    """The notifier is a component: degraded when alarms have nobody to be told to, or a channel's key is lost."""

    def beat(nobody: int, *unreadable: str) -> None:
        detail = json.dumps({"waiting": 2, "retrying": 1, "failed": 0, "nobody": nobody, "unreadable": unreadable})
        db.execute(
            "INSERT INTO heartbeat VALUES ('notify', now(), %s) ON CONFLICT (service) DO UPDATE SET at = now(), "
            "detail = excluded.detail",
            (detail,),
        )

    def state() -> str | None:
        components = api.anonymous.get("/health").json()["components"]
        return next((each["state"] for each in components if each["name"] == "notify"), None)

    assert state() is None
    beat(0)
    eventually(lambda: state() == "up", "the notifier is up")
    beat(3)
    eventually(lambda: state() == "degraded", "the notifier has nobody to tell")
    beat(0, "county hook", "gateway email")
    eventually(lambda: "secrets of 2 channels cannot be read" in api.anonymous.get("/health").text, "it is said")
    assert state() == "degraded"
    assert "county hook" not in api.anonymous.get("/health").text, "a name is not for everybody"
