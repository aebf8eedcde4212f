"""Secrets of channels lie sealed in the database, and a lost key loses no message."""

import secrets
import time

import pytest

from monitor.notify.senders.webhook import verified
from store.channel_secrets import reseal
from store.sealing import SEALED, Seal
from tests.notify.post import Post
from tests.notify.receivers import Hook, Mail

KEY, OTHER = (Seal(secrets.token_urlsafe(32)) for _ in range(2))


def test_secrets_that_lay_open_are_sealed_and_go_on_working(post: Post) -> None:
    """A webhook's address and secret, a gateway's secret: open at first, sealed by the first start with a key."""
    with Hook() as hook, Hook() as gateway:
        post.office.channel("webhook", hook.url, secret="our secret")
        post.office.channel("sms", "+8613800000000")
        post.office.gateway("sms", gateway.url, "gateway secret")
        post.office.alarm(post.clock.now, "P-1")
        post.later(minutes=1)
        assert reseal(post.connection, KEY) == 2
        assert reseal(post.connection, KEY) == 0
        post.begin(KEY)
        post.office.alarm(post.clock.now, "P-2")
        post.later(minutes=1)
    assert post.deliveries("webhook") == post.deliveries("sms") == [("sent", 1, None)] * 2
    for secret, receiver in (("our secret", hook), ("gateway secret", gateway)):
        assert len(receiver.posts) == 2
        for each in receiver.posts:
            assert verified(secret, each.body, each.headers["landun-signature"], int(time.time()))
    stored = post.office.rows("SELECT target, secret FROM notify_channel ORDER BY id")
    assert [text.startswith(SEALED) for row in stored for text in row] == [True, True, False, False]
    everything = str(stored + post.office.rows("SELECT secret FROM notify_gateway"))
    assert not [each for each in ("our secret", hook.url, "gateway secret") if each in everything]


def test_a_lost_key_loses_no_message(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    """What is due waits, for days too, log and heartbeat name the channel; with the key back it is delivered."""
    unreadable = "SELECT detail -> 'unreadable' FROM heartbeat WHERE service = 'notify'"
    with Hook() as hook:
        post.office.channel("webhook", hook.url, name="county hook")
        reseal(post.connection, KEY)
        post.begin(OTHER)
        post.office.alarm(post.clock.now)
        post.later(minutes=1)
        for _ in range(3):
            post.later(days=1)
        assert hook.posts == []
        assert set(post.deliveries("webhook")) == {("waiting", 0, "sealed")}
        assert post.office.rows("SELECT DISTINCT problem_detail FROM delivery WHERE problem IS NOT NULL") == [
            ("county hook",)
        ]
        assert "county hook: its secret cannot be read, it was sealed with another key" in caplog.text
        assert post.office.rows(unreadable) == [(["county hook"],)]
        assert reseal(post.connection, OTHER) == 0, "what cannot be read is left as it is"
        waited = len(post.deliveries("webhook"))
        post.begin(KEY)
        post.later(minutes=2)
        assert [state for state, _, _ in post.deliveries("webhook")][:waited] == ["sent"] * waited
        assert post.office.rows(unreadable) == [([],)]
        assert hook.url not in caplog.text


def test_a_gateway_without_its_key_holds_its_channels_alone(post: Post) -> None:
    """Mail waits and names the gateway; the webhook of the same person goes out."""
    with Hook() as hook, Mail().running() as mail:
        post.office.gateway("email", mail.url, KEY.close("pass"))
        post.office.channel("email", "wang@example.org")
        post.office.channel("webhook", hook.url)
        post.office.alarm(post.clock.now)
        post.later(minutes=1)
        assert post.deliveries("webhook") == [("sent", 1, None)]
        assert post.deliveries("email") == [("waiting", 0, "sealed")]
        assert mail.messages == []
    assert post.office.rows("SELECT problem_detail FROM delivery WHERE kind = 'email'") == [("gateway email",)]
