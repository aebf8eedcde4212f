"""The live feed: one hub a process, and a bounded queue a viewer.

A viewer that falls behind costs nobody else anything. Its values conflate by channel (the latest wins), so they
need at most one place a channel; its alarms are never left out, so a viewer with more than `ALARMS_A_VIEWER`
of them waiting, or that takes longer than `SEND_TIMEOUT_S` for one frame, is evicted with 1013 (try again later).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from monitor.api.scope import CANARY, Permission, Principal
from registry import canary
from registry.model import Registry, Site

log = logging.getLogger(__name__)

ALARMS_A_VIEWER: Final = 256
ITEMS_A_FRAME: Final = 500
SEND_TIMEOUT_S: Final = 10.0
VIEWERS: Final = 256
TRY_AGAIN_LATER: Final = 1013
POLICY_VIOLATION: Final = 1008


@dataclass(frozen=True, slots=True)
class ChannelItem:
    """A channel's new value, encoded as an item of a ``latest`` frame."""

    channel_id: int
    encoded: bytes


@dataclass(frozen=True, slots=True)
class AlarmItem:
    """An alarm that was raised or changed, encoded as a whole frame."""

    site: str
    encoded: bytes


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A message that is new in a person's inbox, encoded as a whole frame."""

    person: str
    encoded: bytes


class SlowViewerError(Exception):
    """The viewer does not keep up."""


@dataclass(eq=False)
class Viewer:
    """One open connection and what waits for it. Used from the event loop only."""

    principal: Principal
    _values: dict[int, bytes] = field(default_factory=dict)
    _alarms: deque[bytes] = field(default_factory=deque)
    _health: bytes | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    overflowed: asyncio.Event = field(default_factory=asyncio.Event)

    def put_value(self, item: ChannelItem) -> None:
        """Queue a value in the place of an older one of the channel."""
        self._values[item.channel_id] = item.encoded
        self._wake.set()

    def put_present(self, items: Iterable[ChannelItem]) -> None:
        """Queue what is known already, except where something newer waits."""
        for item in items:
            self._values.setdefault(item.channel_id, item.encoded)
        self._wake.set()

    def put_alarm(self, frame: bytes) -> None:
        """Queue an alarm or a message; too many waiting mark the viewer as overflowed."""
        if len(self._alarms) >= ALARMS_A_VIEWER:
            self.overflowed.set()
            return
        self._alarms.append(frame)
        self._wake.set()

    def put_health(self, frame: bytes) -> None:
        """Queue the platform's health in the place of an older one."""
        self._health = frame
        self._wake.set()

    @property
    def waiting(self) -> int:
        """How many values and alarms wait."""
        return len(self._values) + len(self._alarms)

    async def frames(self) -> list[bytes]:
        """Wait until something is queued and take all of it: alarms first, then values, then health."""
        await self._wake.wait()
        self._wake.clear()
        taken = list(self._alarms)
        self._alarms.clear()
        items, self._values = list(self._values.values()), {}
        taken.extend(
            b'{"type":"latest","items":[' + b",".join(items[start : start + ITEMS_A_FRAME]) + b"]}"
            for start in range(0, len(items), ITEMS_A_FRAME)
        )
        if self._health is not None:
            taken.append(self._health)
            self._health = None
        return taken


class Hub:
    """Passes what the refresher found to every viewer in whose scope it is. Used from the event loop only."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()

    def __len__(self) -> int:
        """How many people look on."""
        return sum(viewer.principal != CANARY for viewer in self._viewers)

    def join(self, principal: Principal) -> Viewer:
        """A new viewer. The present values are put afterwards, so that nothing falls between them and the news."""
        viewer = Viewer(principal)
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self._viewers.discard(viewer)

    def publish(
        self,
        values: Iterable[ChannelItem],
        alarms: Iterable[AlarmItem],
        health: bytes | None,
        registry: Registry,
        inbox: Iterable[InboxItem] = (),
    ) -> None:
        """Queue news for every viewer; never waits."""
        news, raised, messages = list(values), list(alarms), list(inbox)
        seen: dict[tuple[object, ...], list[ChannelItem]] = {}
        for viewer in self._viewers:
            key = viewer.principal.scope_key
            if key not in seen:
                seen[key] = list(visible(news, registry, viewer.principal))
            for item in seen[key]:
                viewer.put_value(item)
            if viewer.principal.may(Permission.READ_ALARMS):
                for alarm in raised:
                    if _sees(viewer.principal, registry.sites, alarm.site):
                        viewer.put_alarm(alarm.encoded)
            for message in messages:
                if message.person == viewer.principal.username:
                    viewer.put_alarm(message.encoded)
            if health is not None:
                viewer.put_health(health)


async def pump(viewer: Viewer, send: Callable[[str], Awaitable[None]]) -> None:
    """Send what is queued until cancelled. Raises `SlowViewerError` when the viewer does not keep up."""
    overflow = asyncio.ensure_future(viewer.overflowed.wait())
    sending = asyncio.ensure_future(_send_all(viewer, send))
    try:
        await asyncio.wait({overflow, sending}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            await sending
        raise SlowViewerError(f"more than {ALARMS_A_VIEWER} alarms waiting")
    finally:
        overflow.cancel()
        sending.cancel()


async def _send_all(viewer: Viewer, send: Callable[[str], Awaitable[None]]) -> None:
    while True:
        for frame in await viewer.frames():
            try:
                await asyncio.wait_for(send(frame.decode()), SEND_TIMEOUT_S)
            except TimeoutError:
                raise SlowViewerError(f"one frame took longer than {SEND_TIMEOUT_S:g} s") from None


def visible(items: Iterable[ChannelItem], registry: Registry, principal: Principal) -> Iterable[ChannelItem]:
    """Those of some values that a person may see."""
    if principal == CANARY:
        yield from (item for item in items if item.channel_id == canary.CHANNEL)
        return
    for item in items:
        channel = registry.channels.get(item.channel_id)
        if channel is not None and principal.sees(registry.site_of(channel)):
            yield item


def _sees(principal: Principal, sites: Mapping[str, Site], code: str) -> bool:
    if code == canary.PLATFORM:
        return principal.may(Permission.ADMINISTER)
    site = sites.get(code)
    return site is not None and principal.sees(site)
