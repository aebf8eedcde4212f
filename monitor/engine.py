"""The fold: journal rows in, row changes out. All that the monitor knows is here, and nothing here does I/O.

Folding the same journal from the same state always gives the same changes, however it is cut into pieces: that
is what lets a restart neither double nor lose an alarm, and a history be recomputed and compared.
"""

import logging
import struct
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.alarms import rows
from monitor.alarms.acts import apply_act
from monitor.alarms.book import LIMIT_FLAG, Act, Book, Changes
from monitor.alarms.muting import HoldOff
from monitor.clocks import REASONS, ClockFinding, Clocks
from monitor.detection import Detection
from monitor.detector import MULTIVARIATE, Flag
from monitor.detector.verdicts import Finding
from monitor.gates import Closures, Gate, carry_companions
from monitor.hindsight import SKIPPED, Hindsight, HistoricFinding, Run
from monitor.judgement import SIDES, Findings, JudgeState, State, judge
from monitor.layout import Delays, Ints, Layout
from monitor.offline import Silence, Sweep
from monitor.opinions import Opinions
from monitor.platform import Platform
from monitor.sensitivity import BUDGETS, FACTORS, Feedback
from monitor.waste.watch import Watch
from registry.alarm_settings import AlarmSetting, AlarmSettings
from registry.announcements import Announcement
from registry.limits import SiteRule
from registry.model import Registry
from registry.waste.model import WasteRegistry
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

    def __init__(
        self,
        registry: Registry,
        rules: Iterable[SiteRule] = (),
        settings: Iterable[AlarmSetting] = (),
        waste: WasteRegistry | None = None,
    ) -> None:
        self.rules = {rule.id: rule for rule in rules}
        self.settings = AlarmSettings(settings)
        self.layout = Layout.of(registry, self.rules.values(), settings=self.settings)
        self.speed = 1.0
        self.delays: Delays = self.layout.delays(self.speed)
        self.judge = JudgeState(self.layout)
        self.silence = Silence(self.layout)
        self.book = Book()
        self.book.settings = self.settings
        self.hindsight = Hindsight()
        self.detection = Detection(self.layout)
        self.clocks = Clocks()
        self.opinions = Opinions()
        self.platform = Platform()
        self.waste = Watch(registry, waste)
        self.unreadable = 0
        self.unregistered = 0
        self.follow_speed()

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
            elif entry.kind in ("waste", "position"):
                self._custody(entry)
            elif entry.kind in ("tick", "config", "action", "dead"):
                self._readings(changes, readings)
                readings = []
                self._event(changes, entry)
        self._readings(changes, readings)

    def _custody(self, entry: Entry) -> None:
        """Take events of waste in; what they come to is judged at the next tick."""
        try:
            if entry.kind == "waste":
                self.waste.take_waste(entry)
            else:
                self.waste.take_positions(entry)
        except (ValueError, zlib.error, struct.error) as error:
            self._pass_over(entry, error)

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
                self._tick(changes, entry.id, body)
                self._follow_platform(changes, entry.id, body)
            elif entry.kind == "dead":
                self._dead(changes, entry.id, body)
            elif entry.kind == "action":
                self._action(changes, entry.id, body)
            elif body["what"] == "simulation":
                self._set_speed(entry, body["speed"])
            elif body["what"] == "limits":
                self._set_rule(SiteRule.from_json(body["rule"]))
            elif body["what"] == "announcement":
                self.book.muting.announce(Announcement.from_json(body["announcement"]))
                self.follow_announcements()
            elif body["what"] == "alarm_setting":
                self._set_alarm_parameters(AlarmSetting.from_json(body["setting"]))
            elif body["what"] == "waste_tolerances":
                now = to_us(entry.recorded_at)
                self.waste.set_tolerances(self.book, changes, entry.id, now, body["tolerances"])
            elif body["what"] == "budget":
                self._set_budget(float(body["per_site_week"]))
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
        self.waste.take_readings(readings)
        findings = judge(self.layout, self.delays, self.judge, readings, numbers)
        self._told(changes, findings, readings, [entry.id for entry in entries], ends)
        self.unregistered += findings.unregistered
        failed = readings[findings.gross_range]
        changes.gross_range.extend(zip(failed["channel_id"].tolist(), failed["ts"].tolist(), strict=True))
        if findings.beyond.size:
            changes.beyond.append(_flags(readings[findings.beyond], findings.beyond_flag))

    def _told(
        self, changes: Changes, findings: Findings, readings: Readings, journal_ids: Sequence[int], ends: Ints
    ) -> None:
        """Turn what judge, detector and clocks found into alarms, in the order of the stream."""
        layout = self.layout
        slot = layout.slot_of(readings["channel_id"])
        detected = self.detection.take(readings, slot)
        device = np.where(slot >= 0, layout.device[slot], -1) if len(layout.channels) else slot
        divide = np.where(layout.simulated_device, self.speed, 1.0)
        clocks = self.clocks.heard(readings, device, self.device_codes, divide)
        for code, at in self.clocks.present.items():
            self.silence.present(self.device_codes.index(code), at)
        self.clocks.present.clear()
        # Of several at one reading the limit comes first: what the detector says is then evidence on its alarm.
        told: list[tuple[int, int, Any]] = [(int(each["row"]), 0, each) for each in findings.transitions]
        told += [(each.row, 1, each) for each in detected.findings]
        told += [(each.row, 2, each) for each in clocks]
        historic, grown = self.hindsight.follow(layout, self.delays, readings, findings.late)
        told += [(each.row, 3, each) for each in historic]
        told.sort(key=lambda each: each[:2])
        for row, _, each in told:
            journal_id = journal_ids[int(np.searchsorted(ends, row, side="right"))]
            if isinstance(each, Finding):
                self.opinions.found(self.book, changes, journal_id, layout, self.detection, each)
            elif isinstance(each, ClockFinding):
                self.opinions.clock(self.book, changes, journal_id, layout, each)
            elif isinstance(each, HistoricFinding):
                self._historic(changes, journal_id, each)
            else:
                self._transition(changes, journal_id, each)
        self._lengthen(changes, grown)
        for test, (rows_of_test, flag) in detected.flags.items():
            changes.detected.setdefault(test, []).append(_flags(readings[rows_of_test], flag))
        slots, spoke = detected.spoke
        if slots.size:
            rested = np.empty(slots.size, dtype=LIMIT_FLAG)
            rested["channel_id"], rested["ts"], rested["flag"] = layout.channel_ids[slots], spoke, Flag.SUSPECT
            changes.detected.setdefault(MULTIVARIATE, []).append(rested)

    def _transition(self, changes: Changes, journal_id: int, transition: Any) -> None:
        channel, at = self.layout.channels[transition["slot"]], int(transition["ts"])
        condition = rows.channel_condition(channel.id, int(transition["side"]))
        if transition["raised"]:
            alarm = self.book.raise_alarm(changes, journal_id, rows.limit_row(self.layout, transition))
            self.opinions.limit_raised(self.book, changes, journal_id, channel.id, alarm, at)
        elif transition["worsened"]:
            self._worsen(changes, journal_id, condition, transition)
        else:
            reason = RETURN_REASONS[Gate(transition["gate"])]
            self.book.return_alarm(changes, journal_id, condition, from_us(at), reason, float(transition["extreme"]))

    def _worsen(self, changes: Changes, journal_id: int, condition: str, transition: Any) -> None:
        limit = self.layout.rulebook.limits[int(transition["version"])]
        if limit is None:
            raise ValueError(f"condition {condition}: nothing limits it, so it can't be worse")
        columns = rows.graded(limit, int(transition["side"]), int(transition["grade"]))
        said = rows.worse_text(float(transition["value"]))
        self.book.worsen(changes, journal_id, condition, from_us(int(transition["ts"])), text=said, **columns)

    def _historic(self, changes: Changes, journal_id: int, finding: HistoricFinding) -> None:
        """A historic finding, unless a live alarm that began before its end tells of it already."""
        run = finding.run
        condition = rows.channel_condition(run.channel, run.side)
        live = self.book.open.get(condition) or self.book.waiting.get(condition)
        if live is not None and self.book.alarms[live].since <= finding.ts:
            run.alarm = SKIPPED
            return
        run.alarm = self.book.find(changes, journal_id, rows.historic_row(self.layout, self.delays, finding))

    def _lengthen(self, changes: Changes, runs: Iterable[Run]) -> None:
        layout = self.layout
        for run in runs:
            if run.alarm > 0:
                slot = layout.slot_of(np.array([run.channel]))
                version = int(layout.rulebook.version_of(slot, np.array([run.last]))[0])
                changes.amend(run.alarm, rows.historic_columns(layout, self.delays, version, run))

    def _dead(self, changes: Changes, journal_id: int, letters: Any) -> None:
        """Messages rejected for their time tell of the device's clock, and that the device is there."""
        layout = self.layout
        known = [
            (str(each["device"]), to_us(datetime.fromisoformat(each["received_at"])))
            for each in letters
            if each["reason"] in REASONS and each["device"] in layout.registry.devices
        ]
        for device, at in known:
            self.silence.present(self.device_codes.index(device), at)
        for finding in self.clocks.rejected(known):
            self.opinions.clock(self.book, changes, journal_id, layout, finding)

    def _tick(self, changes: Changes, journal_id: int, tick: Any) -> None:
        now, listened, since = int(tick["now"]), tick.get("listened", tick["now"]), tick.get("since")
        sweep = self.silence.sweep(
            self.layout,
            self.delays,
            now,
            None if listened is None else int(listened),
            None if since is None else int(since),
        )
        self._return_offline(changes, journal_id, sweep, now)
        for site in sweep.sites_lost.tolist():
            heard = self.silence.last_heard_of_site(self.layout, site)
            self.book.raise_alarm(changes, journal_id, rows.silent_site_row(self.layout, site, heard, now))
        for device in sweep.devices_lost.tolist():
            heard = int(self.silence.heard[device])
            self.book.raise_alarm(changes, journal_id, rows.silent_device_row(self.layout, device, heard, now))
        for gateway in sweep.gateways_lost.tolist():
            heard = self.silence.last_heard_of_gateway(self.layout, gateway)
            self.book.raise_alarm(changes, journal_id, rows.silent_gateway_row(self.layout, gateway, heard, now))
        self._mark_stale(now)
        if sweep.changed:
            self.follow_outages()
        self.waste.tick(self.book, changes, journal_id, now)
        self.book.sweep(changes, journal_id, now, outages_changed=sweep.changed)
        if self.book.muting.forget(now):
            self.follow_announcements()

    def follow_outages(self) -> None:
        """Let the muting know which devices are not heard."""
        self.book.muting.down = self.silence.outages(self.layout)

    def follow_announcements(self) -> None:
        """Judge nothing where that is announced."""
        self.judge.closures = Closures.of(self.layout, self.book.muting.announcements.values())

    def _set_alarm_parameters(self, setting: AlarmSetting) -> None:
        """Go on under another alarm setting of a site, or with one ended."""
        self.settings = self.book.settings = self.settings.with_one(setting)
        self.lay_out(Layout.of(self.layout.registry, self.rules.values(), settings=self.settings))

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
        ended += [
            (rows.device_condition(devices[i].code), "whole_gateway_offline") for i in sweep.whole_gateway.tolist()
        ]
        ended += [(rows.site_condition(sites[i].code), "online") for i in sweep.sites_back.tolist()]
        gateways = self.layout.gateways
        ended += [(rows.gateway_condition(gateways[i]), "online") for i in sweep.gateways_back.tolist()]
        ended += [(rows.gateway_condition(gateways[i]), "whole_site_offline") for i in sweep.gateways_merged.tolist()]
        for condition, reason in ended:
            self.book.return_alarm(changes, journal_id, condition, at, reason)

    def _mark_stale(self, now: int) -> None:
        judge = self.judge
        stale = self.silence.silent[self.layout.device] & judge.live & (judge.code != State.STALE)
        judge.code[stale], judge.since[stale], judge.dirty[stale] = State.STALE, now, True

    def _set_rule(self, rule: SiteRule) -> None:
        """Go on under a site's new rule, or one that was ended; readings are judged by it from this row on."""
        self.rules[rule.id] = rule
        self.lay_out(Layout.of(self.layout.registry, self.rules.values(), settings=self.settings))

    def lay_out(self, layout: Layout) -> None:
        """Go on under a layout of the same registry with other limits."""
        before, self.layout = self.layout, layout
        self.delays = layout.delays(self.speed)
        self.judge.companions = carry_companions(self.judge.companions, before, layout)
        self.detection.monitored = layout

    def replay(self, changes: Changes, number: int, readings: Readings, speed: float, at: datetime) -> None:
        """Judge stored readings as if they came now, at the speed the simulation had then: for tests on history."""
        if speed != self.speed:
            self._change_speed(to_us(at), speed)
        entry = Entry(number, "readings", at, len(readings), number, b"", None, b"", b"")
        self._readings(changes, [(entry, readings)])

    def _set_speed(self, entry: Entry, speed: Any) -> None:
        if not SPEEDS[0] <= float(speed) <= SPEEDS[1]:
            raise ValueError(f"speed {speed!r} must be between {SPEEDS[0]:g} and {SPEEDS[1]:g}")
        self._change_speed(to_us(entry.recorded_at), float(speed))

    def _change_speed(self, at: int, speed: float) -> None:
        self.speed = speed
        self.follow_speed()
        self.detection.set_speed(at, speed)
        self.waste.set_speed(at, speed)
        # Devices need a moment to change pace: what was silence at the old one isn't at the new.
        self.silence.start_over(at, self.layout.simulated_device)

    def _set_budget(self, budget: float) -> None:
        if not BUDGETS[0] <= budget <= BUDGETS[1]:
            raise ValueError(f"budget {budget!r} must be {BUDGETS[0]:g} to {BUDGETS[1]:g} false alarms a site and week")
        self.detection.set_budget(budget)

    def _action(self, changes: Changes, journal_id: int, body: Any) -> None:
        alarm_id, at, actor = int(body["alarm"]), from_us(int(body["at"])), _storable(body["actor"])
        if not 0 <= alarm_id < 2**63:
            raise ValueError(f"alarm {alarm_id} must be a positive 64-bit number")
        text = _storable(body["text"]) if body.get("text") else None
        if body["what"] in ("feedback", "feedback_undone"):
            detail = self._feedback(journal_id, alarm_id, body)
            self.book.feedback(changes, journal_id, alarm_id, at, actor, text, detail)
            return
        apply_act(self.book, changes, Act(journal_id, at, actor, text), alarm_id, body)

    def follow_speed(self) -> None:
        """Let delays be those of the speed."""
        self.delays = self.layout.delays(self.speed)
        simulated = (site.code for site in self.layout.sites if site.simulated)
        self.book.hold_off = HoldOff(simulated, self.speed)

    def _feedback(self, journal_id: int, alarm_id: int, body: Any) -> dict[str, Any]:
        """Move a site's sensitivity by an answer, or take one back; what the event then tells."""
        site = str(body["site"])
        if body["what"] == "feedback_undone":
            undone = int(body["feedback"])
            self.detection.take_back(undone)
            detail: dict[str, Any] = {"undoes": undone}
        else:
            if body["answer"] not in FACTORS:
                raise ValueError(f"answer {body['answer']!r} must be one of {', '.join(FACTORS)}")
            self.detection.answer(Feedback(journal_id, alarm_id, site, body["answer"]))
            detail = {"answer": body["answer"]}
        return {**detail, "budget": self.detection.site_budget(site)}

    @cached_property
    def device_codes(self) -> tuple[str, ...]:
        """Codes of the layout's devices, in its order."""
        return tuple(device.code for device in self.layout.devices)

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
        gateways = np.flatnonzero(self.silence.gateway_alarm).tolist()
        found += [rows.gateway_condition(layout.gateways[i]) for i in gateways]
        found += sorted(self.platform.on)
        found += self.waste.open_conditions()
        return found + self.opinions.conditions(layout)


def _flags(readings: Readings, flag: NDArray[np.int16]) -> NDArray[Any]:
    found = np.empty(len(readings), dtype=LIMIT_FLAG)
    found["channel_id"], found["ts"], found["flag"] = readings["channel_id"], readings["ts"], flag
    return found


def _storable(text: object) -> str:
    """Text as PostgreSQL can keep it: without NUL and lone surrogates."""
    return str(text).replace("\x00", "").encode("utf-8", "replace").decode()
