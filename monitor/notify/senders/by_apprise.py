"""Mail and robots of WeCom, DingTalk and Feishu, through Apprise.

Apprise says yes or no and nothing else, and three of its habits must be known:

- The robots refuse with HTTP 200 and a code in the body (``errcode`` of WeCom and DingTalk, ``code`` of Feishu), which
  Apprise takes for success. So its modules speak through `_Attentive`, which keeps the last answer of the thread.
- It signs for DingTalk with a signature that is percent-encoded once by itself and once more by `requests`; DingTalk's
  documentation asks for once.
- What it logs holds addresses and tokens. So its log is read here for codes and goes nowhere.
"""

import logging
import re
import threading
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import requests
from apprise import Apprise, NotifyFormat
from apprise.plugins import dingtalk, feishu, wecombot

from monitor.notify.senders.parcel import Parcel, shortened
from monitor.notify.senders.problems import Problem, SendError, problem_of_http, problem_of_smtp

WECOM_BYTES: Final = 2_000
"""Longest text that a WeCom robot takes is 2 048 bytes."""
ROBOT_BYTES: Final = 18_000
TIMEOUT_S: Final = 10.0

_BUSY_CODES: Final = frozenset({45009, 130101, 11232})
"""Too many messages: 45009 of WeCom, 130101 of DingTalk, 11232 of Feishu [memory of their manuals]."""
_SMTP_CODE: Final = re.compile(r"\((\d{3}), |refused: (\d{3}) ")
_HTTP_CODE: Final = re.compile(r"error=(\d{3})")
_heard = threading.local()


class _Attentive:
    """`requests` as Apprise's modules use it, keeping the last answer of each thread."""

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)

    @staticmethod
    def post(url: str, **options: Any) -> requests.Response:
        """Post, and keep the answer."""
        params = options.get("params")
        if params and "sign" in params:
            options["params"] = {**params, "sign": unquote(params["sign"])}
        options.setdefault("timeout", TIMEOUT_S)
        _heard.answer = requests.post(url, **options)  # noqa: S113 -- set a line above
        return _heard.answer  # type: ignore[no-any-return]  # a thread-local has no types


class _Listener(logging.Handler):
    """Collects what Apprise logs in the thread that sends."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line while its thread listens."""
        lines = getattr(_heard, "lines", None)
        if lines is not None:
            lines.append(record.getMessage())


def _listen() -> None:
    for module in (dingtalk, feishu, wecombot):
        vars(module)["requests"] = _Attentive()
    log = logging.getLogger("apprise")
    log.handlers = [_Listener()]
    log.propagate = False
    log.setLevel(logging.DEBUG)


_listen()


def send_robot(parcel: Parcel) -> None:
    """Send to a robot by its token (and, for DingTalk, its secret). Raises `SendError`."""
    token = quote(parcel.target, safe="")
    url = {
        "wecom": f"wecombot://{token}/",
        "dingtalk": f"dingtalk://{quote(parcel.secret, safe='') + '@' if parcel.secret else ''}{token}/",
        "feishu": f"feishu://{token}/",
    }[parcel.kind]
    limit = WECOM_BYTES if parcel.kind == "wecom" else ROBOT_BYTES
    _notify(url, "", shortened(f"{parcel.title}\n{parcel.body}", limit))
    _check_answer(_heard.answer)


def send_mail(parcel: Parcel) -> None:
    """Send mail through the gateway, a mailto(s):// address of Apprise. Raises `SendError`, also without one."""
    if parcel.gateway is None:
        raise SendError(Problem.MISCONFIGURED, "no gateway for email")
    _notify(mail_url(parcel), parcel.title, parcel.body)


def mail_url(parcel: Parcel) -> str:
    """The gateway's address with the recipient, and a header by which a repeated delivery can be told."""
    assert parcel.gateway is not None  # noqa: S101 -- checked by the caller
    address = urlsplit(parcel.gateway.url)
    netloc = address.netloc
    if parcel.gateway.secret and "@" in netloc:
        user, _, host = netloc.rpartition("@")
        netloc = f"{user.partition(':')[0]}:{quote(parcel.gateway.secret, safe='')}@{host}"
    more = f"to={quote(parcel.target, safe='')}&format=text&%2BLandun-Delivery={parcel.key}"
    query = f"{address.query}&{more}" if address.query else more
    return urlunsplit((address.scheme, netloc, address.path, query, ""))


def acceptable(url: str) -> bool:
    """Whether Apprise can make something of an address."""
    return Apprise.instantiate(url, suppress_exceptions=True) is not None


def _notify(url: str, title: str, body: str) -> None:
    plugin = Apprise.instantiate(url, suppress_exceptions=True)
    if plugin is None:
        raise SendError(Problem.MISCONFIGURED, "address not understood")
    _heard.lines, _heard.answer = [], None
    try:
        taken = plugin.notify(body=body, title=title, body_format=NotifyFormat.TEXT)
        lines: list[str] = _heard.lines
    finally:
        _heard.lines = None
    if not taken:
        raise _error_of(lines)


def _error_of(lines: list[str]) -> SendError:
    """What Apprise's log says went wrong, by its codes."""
    said = "\n".join(lines)
    if found := _HTTP_CODE.search(said):
        return SendError(problem_of_http(int(found[1])), f"HTTP {found[1]}")
    if found := _SMTP_CODE.search(said):
        code = int(found[1] or found[2])
        return SendError(problem_of_smtp(code), f"SMTP {code}")
    if "timed out" in said:
        return SendError(Problem.TIMED_OUT, "no answer")
    return SendError(Problem.UNREACHABLE, "no connection")


def _check_answer(answer: requests.Response | None) -> None:
    """Raise what a robot's code in an answer with HTTP 200 means; 0 is success."""
    if answer is None:
        return
    try:
        told = answer.json()
        code = int(told.get("errcode", told.get("code", told.get("StatusCode", 0))))
    except (ValueError, TypeError, AttributeError):
        raise SendError(Problem.SERVER_ERROR, "answer is not JSON") from None
    if code:
        raise SendError(Problem.BUSY if code in _BUSY_CODES else Problem.REJECTED, f"code {code}")
