"""Whether a service is well, asked from beside it with the settings it has itself."""

import os
import ssl
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import unquote, urlsplit

import psycopg

from operations import broker
from store.connections import connect

HEARTBEAT_LIMIT: Final = timedelta(seconds=15)
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def check(service: str) -> str:
    """What is wrong with a service; empty when it is well.

    `service` is ``ingest``, ``monitor`` or ``notify`` by their heartbeats, ``broker`` by an MQTT connection, or the
    http(s) address of one that answers.
    """
    if service.startswith(("http://", "https://")):
        return _http(service)
    if service == "broker":
        return _broker(os.environ["LANDUN_MQTT_URL"])
    return _heartbeat(os.environ["LANDUN_DATABASE_URL"], service)


def _http(url: str) -> str:
    context = ssl.create_default_context()
    if urlsplit(url).hostname in LOOPBACK:  # the certificate names the machine as others see it
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, timeout=4, context=context) as answer:  # noqa: S310 - our own address
            return "" if answer.status == 200 else f"{url} answers {answer.status}"
    except OSError as error:
        return f"{url}: {error}"


def _broker(url: str) -> str:
    parts = urlsplit(url)
    tls = parts.scheme == "mqtts"
    host, port = parts.hostname or "127.0.0.1", parts.port or (8883 if tls else 1883)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    admitted = broker.is_ready(port, user, password, host=host, tls=tls, timeout=3)
    return "" if admitted else f"broker at {host}:{port} does not admit {user!r}"


def _heartbeat(dsn: str, service: str) -> str:
    try:
        with connect(dsn, autocommit=True, application_name="landun-healthy") as connection:
            row = connection.execute("SELECT at, detail FROM heartbeat WHERE service = %s", (service,)).fetchone()
    except psycopg.Error as error:
        return f"database: {str(error).strip().splitlines()[-1]}"
    if row is None or datetime.now(UTC) - row[0] > HEARTBEAT_LIMIT:
        return f"{service} has given no sign of life for {HEARTBEAT_LIMIT.seconds} s"
    if service == "ingest" and row[1].get("broker") != "connected":
        return "ingest is not connected to the broker"
    return ""
