"""The broker's configuration: who may do what, and how a refusal becomes visible."""

import subprocess
from pathlib import Path

import pytest

from ingest import session
from operations import broker
from operations.broker import DeniedPublish, denied_publish
from registry.credentials import device_password
from registry.model import Registry
from tests.brokers import DEVICE_MASTER, INGEST_PASSWORD, TOOL_PASSWORD, MosquittoBroker, NatsBroker
from tests.ingest.world import Publisher, expected, ingesting, now_ms, payload, stored, topic, wait_until


def publish_as_device(nats: NatsBroker, device: str, message_topic: str) -> None:
    """Publish once with a device's own credential and client id, and wait for the PUBACK."""
    with Publisher(nats.mqtt_port, device, device_password(DEVICE_MASTER, device), client_id=device) as publisher:
        publisher.send(message_topic, payload(now_ms(), ph=7))


def test_a_forbidden_publish_is_dropped_and_told_by_the_log(nats: NatsBroker, registered: str) -> None:
    """A device that publishes as another is acknowledged, stored nowhere, and named by `denied_publish`."""
    with ingesting(registered, nats.ingest_url):
        publish_as_device(nats, "dev-0", topic("dev-1"))
        line = nats.wait_line("Publish Violation")
        publish_as_device(nats, "dev-0", topic("dev-0"))
        wait_until(lambda: len(stored(registered)) == 1, what="the device's own reading")
    denied = denied_publish(line)
    assert denied is not None
    assert (denied.client, denied.topic) == ("dev-0", topic("dev-1"))
    assert denied.at.utcoffset() is not None
    assert abs(denied.at.timestamp() * 1000 - now_ms()) < 60_000


@pytest.mark.parametrize(
    ("line", "client", "denied_topic"),
    [
        (
            '[7] 2026/11/22 03:09:11.273225 [ERR] 127.0.0.1:5 - mid:25 - "a\\"b" - Publish Violation - Subject "x//y"',
            'a"b',
            "x.y",
        ),
        (
            '[7] 2026/11/22 03:09:11 [ERR] 127.0.0.1:5 - mid:25 - "\\x00" - Publish Violation - User "u", Subject "x"',
            "\\x00",
            "x",
        ),
    ],
)
def test_denied_publish_reads_what_the_server_may_write(line: str, client: str, denied_topic: str) -> None:
    """Escaped client ids, dots in topics, with and without user and fractions of a second."""
    denied = denied_publish(line)
    assert isinstance(denied, DeniedPublish)
    assert (denied.client, denied.topic) == (client, denied_topic)


@pytest.mark.parametrize(
    "line",
    [
        "",
        '[7] 2026/11/22 03:09:11.2 [ERR] 127.0.0.1:5 - mid:31 - "d1" - authentication error - User "d1"',
        '[7] 2026/11/22 03:09:11.2 [ERR] 127.0.0.1:5 - mid:32 - "d" - Subscription Violation - Subject "a.>", SID 1',
        "[7] 2026/11/22 03:09:11.2 [INF] Publish Violation",
    ],
)
def test_other_lines_of_the_log_are_not_denied_publishes(line: str) -> None:
    """Only a publish violation is one."""
    assert denied_publish(line) is None


def test_a_device_may_read_nothing(nats: NatsBroker) -> None:
    """A device's subscription is refused, to its own topic too."""
    answer = subprocess.run(
        ["/usr/bin/mosquitto_sub", "-h", "127.0.0.1", "-p", str(nats.mqtt_port), "-u", "dev-0", "-i", "dev-0",
         "-q", "1", "-P", device_password(DEVICE_MASTER, "dev-0"), "-t", topic("dev-0"), "-W", "3"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "denied" in answer.stderr


def test_a_wrong_password_is_refused(nats: NatsBroker) -> None:
    """Neither another device's password nor an empty one opens a device's account."""
    other = device_password(DEVICE_MASTER, "dev-1")
    assert broker.is_ready(nats.mqtt_port, "dev-1", other)
    assert not broker.is_ready(nats.mqtt_port, "dev-0", other)
    assert not broker.is_ready(nats.mqtt_port, "dev-0", "")


def test_a_reload_admits_a_new_device_and_disconnects_nobody(tmp_path: Path, world: Registry, registered: str) -> None:
    """Devices are admitted into a running broker; ingest's connection and session go on."""
    with NatsBroker(tmp_path / "nats", None) as nats, ingesting(registered, nats.ingest_url) as service:
        assert not broker.is_ready(nats.mqtt_port, "dev-0", device_password(DEVICE_MASTER, "dev-0"))
        epoch = service.session._links[0]._epoch
        assert broker.write_config(nats.settings, [*nats.users, *broker.device_users(world, DEVICE_MASTER)])
        assert nats.process is not None
        nats.reload()
        nats.wait_line("Reloaded server configuration")
        publish_as_device(nats, "dev-0", topic("dev-0"))
        wait_until(lambda: len(stored(registered)) == 1, what="the admitted device's reading")
        assert service.session._links[0]._epoch == epoch


def test_writing_the_same_configuration_again_changes_nothing(tmp_path: Path, world: Registry) -> None:
    """Hashes are derived, so an unchanged registry gives the same file and no reload."""
    settings = broker.BrokerSettings(tmp_path / "nats", 1, 2)
    users = broker.service_users(INGEST_PASSWORD, TOOL_PASSWORD) + broker.device_users(world, DEVICE_MASTER)
    assert broker.write_config(settings, users)
    text = settings.config.read_text()
    assert not broker.write_config(settings, users)
    assert settings.config.read_text() == text
    assert settings.config.stat().st_mode & 0o777 == 0o600
    assert device_password(DEVICE_MASTER, "dev-0") not in text
    assert INGEST_PASSWORD not in text


def test_mosquitto_is_a_broker_too(tmp_path: Path, registered: str, world: Registry) -> None:
    """The same ingest works with mosquitto: own credentials, own topics, restarts of either side."""
    with MosquittoBroker(tmp_path / "mosquitto", world) as mosquitto:
        password = device_password(DEVICE_MASTER, "dev-0")
        with (
            ingesting(registered, mosquitto.ingest_url),
            Publisher(mosquitto.mqtt_port, "dev-0", password, client_id="dev-0") as publisher,
        ):
            publisher.send(topic("dev-1"), payload(now_ms(), ph=1))  # not its own: dropped
            for offset in range(50):
                publisher.publish("dev-0", now_ms() - 1000 + offset, {"ph": 7, "orp": 700})
            wait_until(lambda: len(stored(registered)) == 100, what="readings over mosquitto")
        with Publisher(mosquitto.mqtt_port, "dev-0", password, client_id="dev-0") as later:
            later.publish("dev-0", now_ms(), {"ph": 7.5})
            wait_until(lambda: later.outstanding == 0)
        mosquitto.stop()
        mosquitto.start()
        with ingesting(registered, mosquitto.ingest_url):
            wait_until(lambda: len(stored(registered)) == 101, what="what came while ingest was away")
    assert stored(registered) == expected(world, [*publisher.journal, *later.journal])


def test_ingest_and_broker_agree_on_the_time_of_redelivery() -> None:
    """The hold after a reconnect is built on the broker's ack_wait; both rooms state it."""
    assert session.ACK_WAIT_S == broker.ACK_WAIT_S
    assert 2 * broker.MAX_ACK_PENDING < 65_535
