"""Carrying the engine's state over: into a snapshot, out of one, and into another registry.

All three are one thing. State is exported as arrays together with the names of their slots (channel ids, codes
of devices, sites and sampling points) and adopted by name, so that what is registered anew starts unknown and
what is gone is dropped.
"""

import io
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.alarms.book import Changes
from monitor.clocks import Clocks
from monitor.detection import Detection
from monitor.engine import Engine
from monitor.hindsight import Hindsight
from monitor.judgement import CHANNEL_FIELDS
from monitor.opinions import Opinions
from registry.alarm_settings import AlarmSetting
from registry.limits import SiteRule
from registry.model import Registry
from registry.waste.model import WasteRegistry
from store.records import from_us

VERSION: Final = 7
_DEVICE_FIELDS: Final = ("timely", "recent", "lost", "silent", "device_alarm", "counted_from")

Arrays = dict[str, NDArray[Any]]


class SnapshotError(ValueError):
    """A snapshot is not one that this version can read; the journal has to be folded from further back."""


def dump(engine: Engine) -> bytes:
    """The engine's state as bytes."""
    of_waste, head_of_waste = engine.waste.save()
    arrays = {**_export(engine), **of_waste}
    head = {**_head(engine), "waste": head_of_waste}
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stub takes allow_pickle for one of them
    return zlib.compress(buffer.getvalue(), 1)


def load(state: bytes, registry: Registry, waste: WasteRegistry | None = None) -> Engine:
    """An engine of `registry` in the state that `dump` saw. Raises `SnapshotError` naming what is wrong."""
    try:
        with np.load(io.BytesIO(zlib.decompress(state)), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        head = json.loads(arrays["head"].tobytes())
        if head["version"] != VERSION:
            raise SnapshotError(f"snapshot is of version {head['version']}, this program reads version {VERSION}")
        settings = map(AlarmSetting.from_json, head["book"]["settings"])
        engine = Engine(registry, map(SiteRule.from_json, head["rules"]), settings, waste)
        _take_head(engine, head)
        _adopt(engine, arrays)
        engine.waste.restore(arrays, head["waste"])
    except (zlib.error, KeyError, ValueError, OSError, EOFError) as error:
        raise SnapshotError(f"snapshot can't be read: {error!r}") from error
    return engine


def with_registry(engine: Engine, registry: Registry, waste: WasteRegistry | None = None) -> Engine:
    """An engine of another registry, with the state of every channel, device, site and bag that is in both.

    `waste` is what is registered about medical waste; without it that stays.
    """
    waste = engine.waste.waste if waste is None else waste
    new = Engine(registry, engine.rules.values(), engine.settings.all.values(), waste)
    _take_head(new, _head(engine))
    _adopt(new, _export(engine))
    new.waste.restore(*engine.waste.save())
    return new


def end_orphans(engine: Engine, changes: Changes, journal_id: int, now: int) -> None:
    """End the alarms of what is no longer registered at `now` (us), with reason ``unregistered``."""
    for condition in sorted(set(engine.book.open) - set(engine.conditions())):
        engine.book.return_alarm(changes, journal_id, condition, from_us(now), "unregistered")
        engine.opinions.standing.pop(condition, None)


def _head(engine: Engine) -> dict[str, Any]:
    return {
        "version": VERSION,
        "speed": engine.speed,
        "listened": engine.silence.listened,
        "interrupted": engine.silence.interrupted,
        "unreadable": engine.unreadable,
        "unregistered": engine.unregistered,
        "rules": [rule.to_json() for rule in engine.rules.values()],
        "platform": sorted(engine.platform.on),
        "book": engine.book.save(),
        "hindsight": engine.hindsight.save(),
        "detection": engine.detection.head(),
        "clocks": engine.clocks.save(),
        "opinions": engine.opinions.standing,
    }


def _take_head(engine: Engine, head: Mapping[str, Any]) -> None:
    engine.speed = head["speed"]
    engine.follow_speed()
    engine.silence.listened, engine.silence.interrupted = head["listened"], head["interrupted"]
    engine.unreadable, engine.unregistered = head["unreadable"], head["unregistered"]
    engine.platform.on = set(head.get("platform", ()))
    engine.book.restore(head["book"])
    engine.hindsight = Hindsight.restored(head["hindsight"])
    engine.follow_announcements()
    engine.detection = Detection.of_head(engine.layout, head["detection"])
    engine.clocks = Clocks.restored(head["clocks"])
    engine.opinions = Opinions(head["opinions"])


def _export(engine: Engine) -> Arrays:
    layout, judge, silence = engine.layout, engine.judge, engine.silence
    return {
        "channels": layout.channel_ids,
        "devices": np.array([device.code for device in layout.devices], dtype=np.str_),
        "sites": np.array([site.code for site in layout.sites], dtype=np.str_),
        "points": np.array(["/".join(point) for point in layout.points], dtype=np.str_),
        **{name: getattr(judge, name) for name in CHANNEL_FIELDS},
        "dirty": judge.dirty,
        "extreme_dirty": judge.extreme_dirty,
        "companions": np.array(["/".join(name) for name in layout.rulebook.companions], dtype=np.str_),
        "companion_value": judge.companions.value,
        "companion_ts": judge.companions.ts,
        "flow_on": judge.circulation.on,
        "flow_ts": judge.circulation.ts,
        **{name: getattr(silence, name) for name in _DEVICE_FIELDS},
        "site_alarm": silence.site_alarm,
        "gateways": np.array(layout.gateways, dtype=np.str_),
        "gateway_alarm": silence.gateway_alarm,
        **engine.detection.export(),
    }


def _adopt(engine: Engine, arrays: Arrays) -> None:
    mine = _export(engine)
    for names, fields in (
        ("channels", (*CHANNEL_FIELDS, "dirty", "extreme_dirty")),
        ("devices", _DEVICE_FIELDS),
        ("sites", ("site_alarm",)),
        ("gateways", ("gateway_alarm",)),
        ("points", ("flow_on", "flow_ts")),
        ("companions", ("companion_value", "companion_ts")),
    ):
        _adopt_by_name(mine, arrays, names, fields)
    engine.detection.adopt(arrays)
    engine.follow_outages()


def _adopt_by_name(mine: Arrays, theirs: Arrays, names: str, fields: Sequence[str]) -> None:
    """Copy the fields (last axis: slots) of what both name, in place."""
    _, to, of = np.intersect1d(mine[names], theirs[names], assume_unique=True, return_indices=True)
    for field in fields:
        mine[field][..., to] = theirs[field][..., of]
