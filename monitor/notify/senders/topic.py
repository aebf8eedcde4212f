"""Messages on an MQTT topic: QoS 1, so that the broker has it when we say so."""

import json
import ssl
import time
from typing import Final
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from monitor.notify.senders.parcel import Parcel
from monitor.notify.senders.problems import Problem, SendError

TIMEOUT_S: Final = 10.0
_LOOK_S: Final = 0.02
_NOT_LET_IN: Final = frozenset({134, 135, 138})
"""Bad user name or password, not authorized, banned (MQTT 5, 2.4; paho translates the codes of 3.1.1)."""


def send_topic(parcel: Parcel) -> None:
    """Publish the message as JSON and wait for the broker's word. Raises `SendError`."""
    if parcel.gateway is None:
        raise SendError(Problem.MISCONFIGURED, "no gateway for mqtt")
    address = urlsplit(parcel.gateway.url)
    if address.scheme not in {"mqtt", "mqtts"} or not address.hostname:
        raise SendError(Problem.MISCONFIGURED, "gateway must be mqtt(s)://host:port")
    client = Client(CallbackAPIVersion.VERSION2, client_id="", clean_session=True)
    if address.username:
        client.username_pw_set(unquote(address.username), parcel.gateway.secret or unquote(address.password or ""))
    if address.scheme == "mqtts":
        client.tls_set_context(ssl.create_default_context())
    client.connect_timeout = TIMEOUT_S / 2
    codes: list[ReasonCode] = []
    client.on_connect = lambda _client, _data, _flags, code, _properties: codes.append(code)
    content = {**parcel.facts, "delivery": parcel.key, "title": parcel.title, "text": parcel.body}
    try:
        client.connect(address.hostname, address.port or (8883 if address.scheme == "mqtts" else 1883))
        client.loop_start()
        _let_in(codes)
        sent = client.publish(parcel.target, json.dumps(content, ensure_ascii=False), qos=1)
        _wait(sent, codes)
    except (OSError, ValueError, RuntimeError) as error:  # paho's word for a connection that went away
        problem = Problem.MISCONFIGURED if isinstance(error, ValueError) else Problem.UNREACHABLE
        raise SendError(problem, type(error).__name__) from error
    finally:
        client.disconnect()
        client.loop_stop()


def _let_in(codes: list[ReasonCode]) -> None:
    """Wait for the broker's CONNACK: what is published before it may be refused as not connected."""
    waited = 0.0
    while not codes:
        if waited >= TIMEOUT_S:
            raise SendError(Problem.TIMED_OUT, "no CONNACK")
        time.sleep(_LOOK_S)
        waited += _LOOK_S
    if codes[-1].value in _NOT_LET_IN:
        raise SendError(Problem.SIGN_IN, f"CONNACK {codes[-1].value}")


def _wait(sent: MQTTMessageInfo, codes: list[ReasonCode]) -> None:
    if sent.rc not in {MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN}:
        raise SendError(Problem.SERVER_ERROR, f"MQTT {int(sent.rc)}")
    waited = 0.0
    while not sent.is_published():
        if any(code.value in _NOT_LET_IN for code in codes):
            raise SendError(Problem.SIGN_IN, f"CONNACK {codes[-1].value}")
        if waited >= TIMEOUT_S:
            raise SendError(Problem.TIMED_OUT, "no PUBACK")
        sent.wait_for_publish(0.25)
        waited += 0.25
