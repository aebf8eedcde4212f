"""From an alarm's transaction to a real receiver: mail over SMTP, a signed webhook, an MQTT topic, robots."""

import io
import json
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apprise.plugins import dingtalk, feishu, wecombot
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from monitor.notify.courier import AT_ONCE
from monitor.notify.senders import SENDERS, Gateway, Parcel, Problem, SendError
from monitor.notify.senders.webhook import verified
from operations import broker
from registry.topics import NOTIFICATIONS
from tests.brokers import TOOL_PASSWORD, NatsBroker
from tests.notify.post import Post
from tests.notify.receivers import Hook, Mail


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.01)


def test_a_mail_says_everything_and_is_followed_by_the_end(post: Post) -> None:
    """Site, basin, indicator, value, unit, limit, clause, since when, link; and that it is over, five minutes after."""
    with Mail().running() as mail:
        post.office.gateway("email", mail.url)
        post.office.channel("email", "wang@example.org")
        alarm = post.office.alarm(post.clock.now)
        assert post.later(seconds=10).deliveries("email") == []
        assert post.later(seconds=30).deliveries("email") == [("sent", 1, None)]
        post.office.over(post.clock.now)
        post.later(minutes=6)
        first, last = mail.messages
    assert first["To"] == "wang@example.org"
    assert first["Landun-Delivery"].startswith("landun-")
    assert first["Landun-Delivery"] != last["Landun-Delivery"]
    said = f"{first['Subject']}\n{first.get_content()}"  # type: ignore[union-attr]
    for part in (
        "崇川1号池",
        "一号池",
        "0.12 mg/L",
        "GB 37488-2019",
        "4.4.1",
        "2026-11-23 09:49",
        f"alarm={alarm}",
        "高",
        "新预警",
        "线索",
    ):
        assert part in said, (part, said)
    assert "违法" not in said
    assert "已恢复" in last["Subject"]
    assert post.office.rows("SELECT reason FROM notification ORDER BY id") == [("new",), ("resolved",)]
    assert {row[0] for row in post.office.rows("SELECT outcome FROM outbox")} == {"told"}


def test_a_venue_finds_in_its_inbox_what_concerns_it(post: Post) -> None:
    """By the routes that a new system begins with: its high alarm and its silent device, not a medium one, no other's.

    Its own mail gets it too, a message links to its own page, and the inspector is told as without it.
    """
    post.office.person("pool", "venue", site="P-1")
    with Mail().running() as mail:
        post.office.gateway("email", mail.url)
        post.office.channel("email", "pool@example.org", "pool")
        post.office.alarm(post.clock.now, "P-1")
        post.office.alarm(post.clock.now, "P-2")
        post.later(minutes=2)
        high = post.office.rows("SELECT sites, reason, priority, body FROM notification WHERE person = 'pool'")
        assert [each[:3] for each in high] == [(["P-1"], "new", "high")]
        assert "0.12 mg/L" in high[0][3]
        assert "/venue?" in high[0][3]
        assert [each["To"] for each in mail.messages] == ["pool@example.org"]
        assert post.office.rows("SELECT sites FROM notification WHERE person = 'wang' ORDER BY sites") == [
            (["P-1"],),
            (["P-2"],),
        ]
        silent = {"kind": "offline", "rule": "offline:device", "condition": "device:P-1-D1:offline", "indicator": None}
        post.office.alarm(post.clock.now, "P-1", "medium", **silent)
        post.office.alarm(post.clock.now, "P-1", "medium", condition="channel:1:high", side="high")
        post.later(minutes=2)
    told = post.office.rows("SELECT priority, cardinality(alarms) FROM notification WHERE person = 'pool' ORDER BY id")
    assert told == [("high", 1), ("medium", 1)]
    assert {row[0] for row in post.office.rows("SELECT outcome FROM outbox")} == {"told"}


def test_a_person_reads_in_their_own_language(post: Post) -> None:
    """English for who asked for it."""
    post.office.person("eva", language="en")
    post.office.alarm(post.clock.now)
    post.later(minutes=1)
    titles = dict(post.office.rows("SELECT person, title FROM notification"))
    assert titles["eva"] == "[High · New] Pool 1: Free chlorine"
    assert titles["wang"].startswith("【高·新预警】崇川1号池")


def test_a_webhook_is_signed_and_names_its_delivery(post: Post) -> None:
    """The signature holds for the body as it came, for nothing else, and not for ever."""
    with Hook() as hook:
        post.office.share(post.office.channel("webhook", hook.url, None, secret="a shared secret"))
        alarm = post.office.alarm(post.clock.now)
        post.later(minutes=1)
    (received,) = hook.posts
    now, header = int(time.time()), received.headers["landun-signature"]
    assert verified("a shared secret", received.body, header, now)
    assert not verified("another secret", received.body, header, now)
    assert not verified("a shared secret", received.body + b" ", header, now)
    assert not verified("a shared secret", received.body, header, now + 3600)
    assert received.content["alarms"] == [alarm]
    assert (received.content["reason"], received.content["simulated"]) == ("new", False)
    assert received.headers["landun-delivery"].startswith("landun-")


def test_a_receiver_that_is_away_is_tried_again(post: Post) -> None:
    """Back-off doubles with jitter; the delivery goes out when the receiver is back, once."""
    with Hook() as hook:
        hook.status = 503
        post.office.share(post.office.channel("webhook", hook.url, None))
        post.office.alarm(post.clock.now)
        post.later(minutes=1)
        assert post.deliveries("webhook") == [("waiting", 1, "server_error")]
        assert post.later(seconds=4).deliveries("webhook") == [("waiting", 1, "server_error")]
        assert post.later(seconds=7).deliveries("webhook") == [("waiting", 2, "server_error")]
        hook.status = 200
        assert post.later(seconds=25).deliveries("webhook") == [("sent", 3, None)]
        post.later(minutes=5)
    assert len({each.headers["landun-delivery"] for each in hook.posts}) == 1


def test_what_cannot_be_delivered_is_reported_in_the_app(post: Post) -> None:
    """An address that the server does not know is not tried again: the centre and its owner read it in their inbox."""
    post.office.person("centre", "centre")
    with Mail(refused={"gone@example.org"}).running() as mail:
        post.office.gateway("email", mail.url)
        post.office.channel("email", "gone@example.org")
        post.office.alarm(post.clock.now)
        post.later(minutes=1).later(hours=1)
    assert post.deliveries("email") == [("failed", 1, "rejected")]
    told = post.office.rows("SELECT person, body FROM notification WHERE reason = 'undelivered' ORDER BY person")
    assert [person for person, _ in told] == ["centre", "wang"]
    assert all("SMTP 550" in body and "gone@example.org" not in body for _, body in told)


REFUSALS: list[tuple[str, dict[str, Any], str, str]] = [
    ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}, "rejected", "failed"),
    ("wecom", {"errcode": 45009, "errmsg": "api freq out of limit"}, "busy", "waiting"),
    ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"}, "rejected", "failed"),
    ("feishu", {"code": 19001, "msg": "param invalid"}, "rejected", "failed"),
]


def test_a_robot_that_refuses_with_200_is_not_taken_for_delivered(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """The robots say no in the body of an answer with status 200; Apprise alone would call that success."""
    with Hook() as hook:
        at(monkeypatch, hook)
        for kind, refused, problem, state in REFUSALS:
            post.connection.execute("DELETE FROM notify_channel")
            post.connection.execute("DELETE FROM notify_log")
            target = "a-b-c-d" if kind == "wecom" else "a" * 32
            post.office.channel(kind, target, secret="SEC0" if kind == "dingtalk" else "")
            hook.answer = refused
            post.office.alarm(post.clock.now)
            post.later(minutes=1)
            assert post.deliveries(kind) == [(state, 1, problem)]
            hook.answer = {"errcode": 0, "code": 0}
            post.office.alarm(post.clock.now, "P-2")
            post.later(minutes=1)
            assert post.deliveries(kind)[-1] == ("sent", 1, None)
            assert "崇川2号池" in json.dumps(hook.posts[-1].content, ensure_ascii=False)
            if kind == "dingtalk":
                assert "%25" not in hook.posts[-1].path  # signed once, encoded once
            for site in ("P-1", "P-2"):
                post.office.over(post.clock.now, site)


def at(monkeypatch: pytest.MonkeyPatch, hook: Hook) -> None:
    """Have Apprise's robots speak to a server of ours, their addresses being constants."""
    base = f"http://127.0.0.1:{hook.port}"
    monkeypatch.setattr(wecombot.NotifyWeComBot, "notify_url", base + "/wecom?key={key}")
    monkeypatch.setattr(dingtalk.NotifyDingTalk, "notify_url", base + "/dingtalk?access_token={token}")
    monkeypatch.setattr(feishu.NotifyFeishu, "notify_url", base + "/feishu/{token}/")


def test_a_topic_of_the_broker_gets_the_message(post: Post, tmp_path: Path) -> None:
    """Published with the notifier's own account, which may publish there and nowhere else."""
    nats = NatsBroker(tmp_path)
    nats.users = broker.service_users("i" * 32, TOOL_PASSWORD, "k" * 32, "n" * 32)
    heard: list[Any] = []
    with nats:
        listener = Client(CallbackAPIVersion.VERSION2)
        listener.username_pw_set(broker.TOOL_USER, TOOL_PASSWORD)
        subscribed = threading.Event()
        listener.on_connect = lambda client, *_: client.subscribe("landun/#", qos=1)
        listener.on_subscribe = lambda *_: subscribed.set()
        listener.on_message = lambda _client, _data, message: heard.append((message.topic, json.loads(message.payload)))
        listener.connect("127.0.0.1", nats.mqtt_port)
        listener.loop_start()
        assert subscribed.wait(10)
        post.courier._default_gateways["mqtt"] = Gateway(f"mqtt://notify:{'n' * 32}@127.0.0.1:{nats.mqtt_port}")
        post.office.share(post.office.channel("mqtt", f"{NOTIFICATIONS}/320602", None))
        alarm = post.office.alarm(post.clock.now)
        post.later(minutes=1)
        wait_for(lambda: heard, "the message on the topic")
        wrong = Gateway(f"mqtt://notify:{'x' * 32}@127.0.0.1:{nats.mqtt_port}")
        with pytest.raises(SendError) as refused:
            SENDERS["mqtt"](Parcel(1, "mqtt", "t", "b", {}, "landun/notify/v1/x", "", wrong))
        listener.disconnect()
        listener.loop_stop()
    assert [(topic, content["alarms"]) for topic, content in heard] == [(f"{NOTIFICATIONS}/320602", [alarm])]
    assert post.deliveries("mqtt") == [("sent", 1, None)]
    assert refused.value.problem in {Problem.SIGN_IN, Problem.UNREACHABLE}


def test_a_short_message_goes_to_the_gateway_with_its_number(post: Post) -> None:
    """The gateway's webhook gets number and a text that is short enough, signed."""
    with Hook() as hook:
        post.office.gateway("sms", hook.url, "gateway secret")
        post.office.channel("sms", "+8613800000000")
        post.office.alarm(post.clock.now)
        post.later(minutes=1)
    (received,) = hook.posts
    assert received.content["to"] == "+8613800000000"
    assert len(received.content["text"].encode()) <= 600
    assert verified("gateway secret", received.body, received.headers["landun-signature"], int(time.time()))


def test_no_secret_is_logged_or_kept_with_a_failure(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens, secrets and addresses appear in no log line and in no stored problem, whatever fails."""
    secrets = ("tokentokentokentokentokentoken12", "SECsecretsecret", "hooksecrethook", "mailpassword", "smspassword")
    # As the service logs at its finest level: by a handler of the root logger.
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    monkeypatch.setattr(logging.root, "handlers", [handler])
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)
    with Hook() as hook:
        at(monkeypatch, hook)
        hook.status = 401
        post.office.gateway("email", "mailto://user@127.0.0.1:1?from=a@example.org&smtp=127.0.0.1", secrets[3])
        post.office.gateway("sms", hook.url, secrets[4])
        post.office.channel("dingtalk", secrets[0], secret=secrets[1])
        post.office.channel("webhook", f"{hook.url}?key={secrets[0]}", secret=secrets[2])
        post.office.channel("email", "wang@example.org")
        post.office.channel("sms", "123")
        post.office.alarm(post.clock.now)
        post.later(minutes=1)
    kept = json.dumps(post.office.rows("SELECT problem, problem_detail FROM delivery")) + json.dumps(
        post.office.rows("SELECT title, body, why FROM notification")
    )
    assert {row[2] for kind in ("dingtalk", "webhook", "sms") for row in post.deliveries(kind)} == {"sign_in"}
    assert post.deliveries("email")[0][2] == "unreachable"
    for secret in secrets:
        assert secret not in kept
        assert secret not in logged.getvalue()
    assert "sign_in: HTTP 401" in logged.getvalue()


def test_one_slow_receiver_does_not_hold_up_the_others(post: Post) -> None:
    """While a webhook takes its time, others get theirs, and the slow one gets one at a time."""
    with Hook() as slow, Hook() as quick:
        slow.hold.clear()
        post.office.share(
            post.office.channel("webhook", slow.url, None), post.office.channel("webhook", quick.url, None)
        )
        for site in ("P-1", "P-2"):
            post.office.alarm(post.clock.now, site)
        post.clock.now += timedelta(minutes=1)

        def stepped() -> bool:
            post.notifier.step()
            return len(quick.posts) == 2

        wait_for(stepped, "both messages at the quick receiver")
        assert len(slow.posts) == 1
        slow.hold.set()
        post.later(seconds=0)
        assert len(slow.posts) == 2
    assert AT_ONCE >= 2


def test_what_was_settled_in_quiet_hours_is_not_sent_in_the_morning(post: Post) -> None:
    """Held for the night; acknowledged before morning: the mail is not sent, and the log says why."""
    post.office.person("wang", quiet_from="22:00", quiet_to="07:00", quiet_broken_by=[])
    post.clock.now = datetime(2026, 11, 23, 15, tzinfo=UTC)  # 23:00
    with Mail().running() as mail:
        post.office.gateway("email", mail.url)
        post.office.channel("email", "wang@example.org")
        alarm = post.office.alarm(post.clock.now)
        post.later(minutes=1)
        assert post.deliveries("email") == [("waiting", 0, None)]
        post.office.acknowledge(alarm, post.clock.now)
        post.later(hours=9)
        assert post.deliveries("email") == [("obsolete", 0, "obsolete")]
        assert mail.messages == []


def test_historic_findings_and_muted_alarms_page_nobody(post: Post) -> None:
    """What late data shows, what is shelved or announced: told to nobody, and the outbox says why."""
    post.office.alarm(post.clock.now, "P-1", historic=True)
    post.office.alarm(post.clock.now, "P-2")
    post.connection.execute("UPDATE alarm SET suppressed_by = 'announcement:1' WHERE site = 'P-2'")
    post.later(minutes=1)
    assert post.office.rows("SELECT count(*) FROM notification") == [(0,)]
    assert post.office.rows("SELECT outcome FROM outbox ORDER BY id") == [("historic",), ("suppressed",)]
