"""Silence of devices, found by ticks of the journal.

Silence is the monitor's own judgement of something that did not happen, so it must be sure that it would have
seen it. A tick says what time it was and until when ingest is known to have listened to the broker (its last
heartbeat). Silence is measured up to that moment and no further, so while ingest, the broker or the database is
away nobody's silence grows. After a break in the listening silence is counted anew, from `SETTLE_US` after its
end, in which backlogs are delivered and devices connect again; what counts as a break depends on how patient the
rule is. So none of these raises a false alarm: ingest or the broker killed, or down and coming back with a
backlog; the monitor or the database away; the machine off overnight.

"Heard" is the arrival of a timely reading: arrival, so that a slow device clock is not silence; timely, so that
a gateway emptying yesterday's buffer is not presence. A late reading counts if it is of the last minutes by every
clock (a device that flags its own values during calibration is there). A device never heard in time is not yet
commissioned and raises nothing. Everything here is state folded from the journal; there is no timer and no clock.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.layout import FOREVER, Bools, Delays, Ints, Layout
from store.records import Readings

BREAK_US: Final = (7_500_000, 60_000_000)
"""Least and greatest break in the listening that matters; between them, an eighth of the offline delay.

Ingest tells every 5 s that it listens, and ticks come every 10 s at most.
"""

SETTLE_US: Final = 15_000_000
"""The broker redelivers what was unacknowledged within some 6 s, and devices connect again within seconds."""

RECENT_US: Final = 600_000_000
"""A late reading no older than this on arrival shows that its device is there."""

JOURNALED_WITHIN_US: Final = 60_000_000
"""… if it was journaled right after its arrival, which readings filled in from elsewhere were not."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a tick found, as indices: alarms to return and to raise, in order of code.

    `whole_site` and `whole_gateway` are device alarms that end because the silence of the whole site, or of all that
    hangs on their gateway, takes their place; `gateways_merged` those of gateways that the whole site's does.
    """

    devices_back: Ints
    whole_site: Ints
    sites_back: Ints
    sites_lost: Ints
    devices_lost: Ints
    whole_gateway: Ints
    gateways_back: Ints
    gateways_merged: Ints
    gateways_lost: Ints

    @property
    def changed(self) -> bool:
        """Whether anything is."""
        return any(getattr(self, name).size for name in self.__slots__)


class Silence:
    """Struct of arrays, shape (devices,) unless said otherwise.

    `timely` and `recent` are when a timely and a late but recent reading last arrived (us), `silent` whether the
    device is silent, `lost` the value of `heard` when that was found, `device_alarm`, `site_alarm` (shape (sites,)) and
    `gateway_alarm` (shape (gateways,)) which alarms are on. Silence is counted from `counted_from` (us) at the
    earliest. `listened` (us) is until when ingest is known to have listened; `interrupted` says that it has been heard
    not to since.
    """

    def __init__(self, layout: Layout) -> None:
        devices = len(layout.devices)
        self.timely: Ints = np.full(devices, -FOREVER, dtype=np.int64)
        self.recent: Ints = np.full(devices, -FOREVER, dtype=np.int64)
        self.lost: Ints = np.full(devices, -FOREVER, dtype=np.int64)
        self.silent: Bools = np.zeros(devices, dtype=np.bool_)
        self.device_alarm: Bools = np.zeros(devices, dtype=np.bool_)
        self.site_alarm: Bools = np.zeros(len(layout.sites), dtype=np.bool_)
        self.gateway_alarm: Bools = np.zeros(len(layout.gateways), dtype=np.bool_)
        self.counted_from: Ints = np.full(devices, -FOREVER, dtype=np.int64)
        self.listened: int = -FOREVER
        self.interrupted: bool = False

    def hear(self, layout: Layout, readings: Readings, recorded: Ints) -> None:
        """Take note of the devices that readings came from; `recorded` (us) is when each was journaled."""
        slot = layout.slot_of(readings["channel_id"])
        late, arrived = readings["late"], readings["arrived"]
        recent = (arrived - readings["ts"] <= RECENT_US) & (recorded - arrived <= JOURNALED_WITHIN_US)
        for heard, which in ((self.timely, ~late), (self.recent, late & recent)):
            rows = np.flatnonzero(which & (slot >= 0))
            np.maximum.at(heard, layout.device[slot[rows]], arrived[rows])

    def present(self, device: int, at: int) -> None:
        """Take note of a device (index) that was there at `at` (us), though nothing of what it sent was stored."""
        self.recent[device] = max(int(self.recent[device]), at)

    @property
    def heard(self) -> Ints:
        """When each device was last heard (us), `-FOREVER` if never in time."""
        return np.where(self.timely > -FOREVER, np.maximum(self.timely, self.recent), -FOREVER)

    def start_over(self, at: int, which: Bools) -> None:
        """Count the silence of some devices (mask) from `at` (us), and the time to settle, at the earliest."""
        self.counted_from = np.where(which, at + SETTLE_US, self.counted_from)

    def sweep(self, layout: Layout, delays: Delays, now: int, listened: int | None, since: int | None = None) -> Sweep:
        """Decide at a tick which devices and sites are silent.

        `now` and `listened` in us; `listened` is until when ingest is known to have listened, None if it is known
        not to; `since` (us) is when it began to, if it told. If that was after it last told that it listens, it was
        interrupted meanwhile, and what arrived then has yet to come.
        """
        if since is not None and since > self.listened:
            self.interrupted = True
        if listened is None:
            self.interrupted = True
        else:
            self._note_breaks(delays, listened)
        heard = self.heard
        commissioned = heard > -FOREVER
        silence = self.listened - np.maximum(heard, self.counted_from)
        lost = commissioned & ~self.silent & (silence > delays.silence) & (not self.interrupted)
        # A longer delay (a slower simulation) is no sign of life: only a newer reading is.
        back = self.silent & (heard > self.lost) & (now - heard <= delays.silence)
        self.lost = np.where(lost, heard, self.lost)
        self.silent = (self.silent & ~back) | lost
        return self._alarms(layout, delays, heard, commissioned)

    def _note_breaks(self, delays: Delays, listened: int) -> None:
        """Count anew where the listening was broken for longer than the rule is patient with."""
        gap = listened - self.listened
        patience = np.clip(delays.silence // 8, *BREAK_US)
        # An interruption known of matters to the impatient however short it was.
        broken = (gap > patience) | (gap < 0) | (self.interrupted & (patience < BREAK_US[1]))
        self.start_over(listened, broken)
        self.listened, self.interrupted = listened, False

    def _alarms(self, layout: Layout, delays: Delays, heard: Ints, commissioned: Bools) -> Sweep:
        sites = len(layout.sites)
        counted = np.bincount(layout.site[commissioned], minlength=sites)
        whole = (counted > 0) & (np.bincount(layout.site[self.silent], minlength=sites) == counted)
        # In a power cut the devices of a site fall silent within a period of each other: a device is alone in its
        # silence only if another of its site was heard clearly after it.
        newest = np.full(sites, -FOREVER, dtype=np.int64)
        np.maximum.at(newest, layout.site, heard)
        alone = newest[layout.site] - heard > delays.silence // 2
        gateway_alarm, merged, behind = self._gateways(layout, commissioned, whole)
        device_alarm = self.silent & ~whole[layout.site] & ~behind & (alone | self.device_alarm)
        ended = self.device_alarm & ~device_alarm
        sweep = Sweep(
            devices_back=np.flatnonzero(ended & ~self.silent),
            whole_site=np.flatnonzero(ended & self.silent & whole[layout.site]),
            whole_gateway=np.flatnonzero(ended & self.silent & ~whole[layout.site]),
            sites_back=np.flatnonzero(self.site_alarm & ~whole),
            sites_lost=np.flatnonzero(whole & ~self.site_alarm),
            devices_lost=np.flatnonzero(device_alarm & ~self.device_alarm),
            gateways_back=np.flatnonzero(self.gateway_alarm & ~gateway_alarm & ~merged),
            gateways_merged=np.flatnonzero(self.gateway_alarm & merged),
            gateways_lost=np.flatnonzero(gateway_alarm & ~self.gateway_alarm),
        )
        self.device_alarm, self.site_alarm, self.gateway_alarm = device_alarm, whole, gateway_alarm
        return sweep

    def _gateways(self, layout: Layout, commissioned: Bools, whole: Bools) -> tuple[Bools, Bools, Bools]:
        """Gateways behind which two devices or more are all silent, but not their whole site.

        Shapes (gateways,), (gateways,) and (devices,): which are, which would be but for the whole site's silence,
        and the devices behind the first.
        """
        gateways = len(layout.gateways)
        if not gateways:
            return self.gateway_alarm, self.gateway_alarm, np.zeros(self.silent.shape, dtype=np.bool_)
        has = layout.gateway >= 0
        counted = np.bincount(layout.gateway[has & commissioned], minlength=gateways)
        silent = np.bincount(layout.gateway[has & commissioned & self.silent], minlength=gateways)
        at_whole = np.bincount(layout.gateway[has & commissioned & whole[layout.site]], minlength=gateways)
        all_silent = (counted > 1) & (silent == counted)
        merged = all_silent & (at_whole == counted)
        alarm = all_silent & ~merged
        return alarm, merged, has & alarm[np.where(has, layout.gateway, 0)]

    def last_heard_of_gateway(self, layout: Layout, gateway: int) -> int:
        """When a device behind the gateway was last heard (us)."""
        return int(self.heard[layout.gateway == gateway].max())

    def outages(self, layout: Layout) -> dict[str, str]:
        """Device code → the condition that says why it is not heard: of the site, its gateway, or itself."""
        found = {}
        at_site = self.site_alarm[layout.site]
        behind = np.zeros(self.silent.shape, dtype=np.bool_)
        if layout.gateways:
            has = layout.gateway >= 0
            behind = has & self.gateway_alarm[np.where(has, layout.gateway, 0)]
        for place in np.flatnonzero(self.silent & (at_site | behind | self.device_alarm)).tolist():
            device = layout.devices[place]
            if at_site[place]:
                found[device.code] = f"site:{device.site}:offline"
            elif behind[place]:
                found[device.code] = f"gateway:{device.gateway}:offline"
            else:
                found[device.code] = f"device:{device.code}:offline"
        return found

    def last_heard_of_site(self, layout: Layout, site: int) -> int:
        """When a device of the site was last heard (us)."""
        return int(self.heard[layout.site == site].max())
