"""Ways out, one function a kind of channel; each raises `SendError` with a label, never with a secret."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from monitor.notify.senders.by_apprise import send_mail, send_robot
from monitor.notify.senders.parcel import Gateway, Parcel
from monitor.notify.senders.problems import Problem, SendError
from monitor.notify.senders.topic import send_topic
from monitor.notify.senders.webhook import send_sms, send_webhook

__all__ = ["GATEWAYS", "SENDERS", "Gateway", "Parcel", "Problem", "SendError", "Sender"]

Sender = Callable[[Parcel], None]

SENDERS: Final[Mapping[str, Sender]] = {
    "email": send_mail,
    "sms": send_sms,
    "wecom": send_robot,
    "dingtalk": send_robot,
    "feishu": send_robot,
    "webhook": send_webhook,
    "mqtt": send_topic,
}
# At their finer levels these log whole addresses, and an address may hold a token.
for _talkative in ("httpx", "httpcore", "urllib3"):
    logging.getLogger(_talkative).setLevel(logging.WARNING)

GATEWAYS: Final = frozenset({"email", "sms", "mqtt"})
"""Kinds that go out through a gateway."""
