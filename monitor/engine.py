"""The fold: journal rows in, row changes out. All that the monitor knows is here, and nothing here does I/O.

Folding the same journal from the same state always gives the same changes, however it is cut into pieces: that
is what lets a restart neither double nor lose an alarm, and a history be recomputed and compared.
"""

import logging
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from monitor.alarms import rows
from monitor.alarms.book import LIMIT_FLAG, Book, Changes
from monitor.gates import Gate, carry_companions
from monitor.judgement import SIDES, Findings, JudgeState, State, judge
from monitor.layout import Delays, Layout
from monitor.offline import Silence, Sweep
from monitor.platform import Platform
from registry.limits import SiteRule
from registry.model import Registry
from store.journal import Entry, event_of, readings_of
from store.records import Readings, from_us, to_us

RETURN_REASONS: Final = {
    Gate.JUDGED: "within_limit",
    Gate.CLOSED: "closed",
    Gate.CIRCULATION_OFF: "circulation_off",
    Gate.NO_LIMIT: "no_limit",
}
SPEEDS: Final = (1.0, 3600.0)
"""Least and greatest speed of the simulation."""

_log = logging.getLogger(__name__)


class Engine:
    """The folded state: layout of the registry, speed, judge, silence of devices and book of alarms."""

    def __init__(self, registry: Registry, rules: Iterable[SiteRule] = ()) -> None:
        self.rules = {rule.id: rule for rule in rules}
        self.layout = Layout.of(registry, self.rules.values())
        self.speed = 1.0
        self.delays: Delays = self.layout.delays(self.speed)
        self.judge = JudgeState(self.layout)
        self.silence = Silence(self.layout)
        self.book = Book()
        self.platform = Platform()
        self.unreadable = 0
        self.unregistered = 0

    def fold(self, entries: Sequence[Entry], changes: Changes) -> None:
        """Advance past journal rows in order and add to `changes` what is to be written.

        A `config` row about the registry is the caller's: it ends a call with that row, and goes on with the
        engine of the new registry (`monitor.carrying.with_registry`). A row that cannot be read is logged,
        counted in `unreadable` and passed over: one bad row must not end all alarms.
        """
        readings: list[tuple[Entry, Readings]] = []
        for entry in entries:
            if entry.kind == "readings":
                readings += self._decoded(entry)
            elif entry.kind in ("tick", "config", "action"):
                self._readings(changes, readings)
                readings = []
                self._event(changes, entry)
        self._readings(changes, readings)

    def _decoded(self, entry: Entry) -> list[tuple[Entry, Readings]]:
        try:
            return [(entry, readings_of(entry))]
        except (ValueError, zlib.error) as error:
            self._pass_over(entry, error)
            return []

    def _pass_over(self, entry: Entry, error: Exception) -> None:
        self.unreadable += 1
        _log.error("journal row %d of kind %s passed over, unreadable: %r", entry.id, entry.kind, error)

    def _event(self, changes: Changes, entry: Entry) -> None:
        try:
            body = event_of(entry)
            if entry.kind == "tick":
                self._tick(changes, entry.id, int(body["now"]), body.get("listened", body["now"]))
                self._follow_platform(changes, entry.id, body)
            elif entry.kind == "action":
                self._action(changes, entry.id, body)
            elif body["what"] == "simulation":
                self._set_speed(entry, body["speed"])
            elif body["what"] == "limits":
                self._set_rule(SiteRule.from_json(body["rule"]))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            self._pass_over(entry, error)

    def _readings(self, changes: Changes, rows_of: Sequence[tuple[Entry, Readings]]) -> None:
        """Judge consecutive rows of readings in one call."""
        if not rows_of:
            return
        entries = [entry for entry, _ in rows_of]
        readings: Readings = np.concatenate([batch for _, batch in rows_of])
        lengths = [len(batch) for _, batch in rows_of]
        ends = np.cumsum(lengths)
        numbers = np.repeat([entry.batch or 0 for entry in entries], lengths)
        recorded = np.repeat([to_us(entry.recorded_at) for entry in entries], lengths)
        self.silence.hear(self.layout, readings, recorded)
        findings = judge(self.layout, self.delays, self.judge, readings, numbers)
        self._transitions(changes, findings, [entry.id for entry in entries], ends)
        self.unregistered += findings.unregistered
        failed = readings[findings.gross_range]
        changes.gross_range.extend(zip(failed["channel_id"].tolist(), failed["ts"].tolist(), strict=True))
        if findings.beyond.size:
            outside = readings[findings.beyond]
            beyond = np.empty(len(outside), dtype=LIMIT_FLAG)
            beyond["channel_id"], beyond["ts"], beyond["flag"] = (
                outside["channel_id"],
                outside["ts"],
                findings.beyond_flag,
            )
            changes.beyond.append(beyond)

    def _transitions(
        self, changes: Changes, findings: Findings, journal_ids: Sequence[int], ends: np.ndarray[Any, Any]
    ) -> None:
        for transition in findings.transitions:
            journal_id = journal_ids[int(np.searchsorted(ends, transition["row"], side="right"))]
            if transition["raised"]:
                self.book.raise_alarm(changes, journal_id, rows.limit_row(self.layout, transition))
                continue
            channel = self.layout.channels[transition["slot"]]
            if transition["worsened"]:
                condition = rows.channel_condition(channel.id, int(transition["side"]))
                at, value = from_us(int(transition["ts"])), float(transition["value"])
                self.book.worsen(changes, journal_id, condition, at, rows.PRIORITY_OF_HAZARD, rows.worse_text(value))
                continue
            self.book.return_alarm(
                changes,
                journal_id,
                rows.channel_condition(channel.id, int(transition["side"])),
                from_us(int(transition["ts"])),
                RETURN_REASONS[Gate(transition["gate"])],
                float(transition["extreme"]),
            )

    def _tick(self, changes: Changes, journal_id: int, now: int, listened: Any) -> None:
        sweep = self.silence.sweep(self.layout, self.delays, now, None if listened is None else int(listened))
        self._return_offline(changes, journal_id, sweep, now)
        for site in sweep.sites_lost.tolist():
            heard = self.silence.last_heard_of_site(self.layout, site)
            self.book.raise_alarm(changes, journal_id, rows.silent_site_row(self.layout, site, heard, now))
        for device in sweep.devices_lost.tolist():
            heard = int(self.silence.heard[device])
            self.book.raise_alarm(changes, journal_id, rows.silent_device_row(self.layout, device, heard, now))
        self._mark_stale(now)

    def _follow_platform(self, changes: Changes, journal_id: int, tick: Any) -> None:
        for change in self.platform.sweep(tick):
            if change.row is not None:
                self.book.raise_alarm(changes, journal_id, change.row)
            else:
                self.book.return_alarm(changes, journal_id, change.condition, from_us(int(tick["now"])), "settled")

    def _return_offline(self, changes: Changes, journal_id: int, sweep: Sweep, now: int) -> None:
        devices, sites, at = self.layout.devices, self.layout.sites, from_us(now)
        ended = [(rows.device_condition(devices[i].code), "online") for i in sweep.devices_back.tolist()]
        ended += [(rows.device_condition(devices[i].code), "whole_site_offline") for i in sweep.whole_site.tolist()]
        ended += [(rows.site_condition(sites[i].code), "online") for i in sweep.sites_back.tolist()]
        for condition, reason in ended:
            self.book.return_alarm(changes, journal_id, condition, at, reason)

    def _mark_stale(self, now: int) -> None:
        judge = self.judge
        stale = self.silence.silent[self.layout.device] & judge.live & (judge.code != State.STALE)
        judge.code[stale], judge.since[stale], judge.dirty[stale] = State.STALE, now, True

    def _set_rule(self, rule: SiteRule) -> None:
        """Go on under a site's new rule, or one that was ended; readings are judged by it from this row on."""
        self.rules[rule.id] = rule
        before = self.layout
        self.layout = Layout.of(before.registry, self.rules.values())
        self.delays = self.layout.delays(self.speed)
        self.judge.companions = carry_companions(self.judge.companions, before, self.layout)

    def _set_speed(self, entry: Entry, speed: Any) -> None:
        if not SPEEDS[0] <= float(speed) <= SPEEDS[1]:
            raise ValueError(f"speed {speed!r} must be between {SPEEDS[0]:g} and {SPEEDS[1]:g}")
        self.speed = float(speed)
        self.delays = self.layout.delays(self.speed)
        # Devices need a moment to change pace: what was silence at the old one isn't at the new.
        self.silence.start_over(to_us(entry.recorded_at), self.layout.simulated_device)

    def _action(self, changes: Changes, journal_id: int, body: Any) -> None:
        acts = {"acknowledge": self.book.acknowledge, "comment": self.book.comment}
        alarm_id, at, actor = int(body["alarm"]), from_us(int(body["at"])), _storable(body["actor"])
        if not 0 <= alarm_id < 2**63:
            raise ValueError(f"alarm {alarm_id} must be a positive 64-bit number")
        text = _storable(body["text"]) if body.get("text") else None
        acts[body["what"]](changes, journal_id, alarm_id, at, actor, text)

    def conditions(self) -> list[str]:
        """The conditions that are on, by the arrays (the book must agree)."""
        layout = self.layout
        found = [
            rows.channel_condition(layout.channels[slot].id, side)
            for axis, side in enumerate(SIDES)
            for slot in np.flatnonzero(self.judge.active[axis]).tolist()
        ]
        found += [rows.site_condition(layout.sites[i].code) for i in np.flatnonzero(self.silence.site_alarm).tolist()]
        found += [
            rows.device_condition(layout.devices[i].code) for i in np.flatnonzero(self.silence.device_alarm).tolist()
        ]
        found += sorted(self.platform.on)
        return found


def _storable(text: object) -> str:
    """Text as PostgreSQL can keep it: without NUL and lone surrogates."""
    return str(text).replace("\x00", "").encode("utf-8", "replace").decode()
