"""Whether a decoded message may become readings, by the registry. Pure: time and registry are given.

Errors name the device, the field, the value and what would be right.
"""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from ingest.decoders.model import NORMAL_FLAG, Decoded, Sample
from ingest.directory import Binding, Layout
from ingest.rejection import Reason, Rejection, shown
from registry.model import Device
from registry.units import UnitError
from store.records import from_us

LARGEST_PAYLOAD_BYTES: Final = 256 * 1024
FURTHEST_AHEAD_US: Final = 5 * 60 * 1_000_000
RETENTION_US: Final = timedelta(days=5 * 365 + 1) // timedelta(microseconds=1)


class Good(NamedTuple):
    """A reading that may be stored. `ts` in us. `historical`: its device had stored it before sending."""

    channel_id: int
    ts: int
    value: float
    flagged: bool
    historical: bool


def validate(decoded: Decoded, binding: Binding, arrived: int) -> tuple[list[Good], list[Rejection]]:
    """The readings of a decoded message that may be stored, and everything wrong with it. `arrived` in us."""
    good: list[Good] = []
    rejections = list(decoded.rejections)
    for sample in decoded.samples:
        speaker = _speaker(sample, binding)
        if isinstance(speaker, Rejection):
            rejections.append(speaker)
            continue
        ts = arrived if sample.ts is None else sample.ts
        wrong_time = check_time(ts, f"{sample.where}ts", speaker, arrived)
        if wrong_time is not None:
            rejections.append(wrong_time)
            continue
        rejections += _missing(sample, speaker)
        for name, value in sample.values.items():
            found = _reading(sample, name, value, ts, speaker)
            if isinstance(found, Good):
                good.append(found)
            elif not (sample.declared and found.reason is Reason.UNKNOWN_INDICATOR):
                rejections.append(found)
    return good, [naming(binding.device, each) for each in rejections]


def _missing(sample: Sample, speaker: Binding) -> list[Rejection]:
    """What a sample has no value for although the device is registered to measure it."""
    return [
        Rejection(Reason.NOT_FINITE, f"{name} is missing: {why}; must be a number", sample.where + name)
        for name, why in sample.missing.items()
        if speaker.field_of(name) is not None
    ]


def _speaker(sample: Sample, binding: Binding) -> Binding | Rejection:
    """The device that a sample is of: the sender, or one that it is the gateway of."""
    if sample.device is None:
        return binding
    found = binding.speaks_for.get(sample.device)
    if found is None:
        known = ", ".join(sorted({each.device.code for each in binding.speaks_for.values()})) or "no device"
        return Rejection(
            Reason.WRONG_IDENTITY,
            f"speaks for {shown(sample.device)}; {binding.device.code} is registered as the gateway of {known}",
            sample.device,
        )
    return found


def _reading(sample: Sample, name: str, value: float, ts: int, speaker: Binding) -> Good | Rejection:
    """One value of a sample in its indicator's unit, or what is wrong with it."""
    at = sample.where + name
    field = speaker.field_of(name)
    if field is None:
        return _unknown_indicator(at, value, speaker)
    try:
        converted = field.value(value, sample.units.get(name, ""))
    except UnitError as error:
        return Rejection(Reason.WRONG_UNIT, f"{shown(at)} is {value:g}: {error}", at)
    if not math.isfinite(converted):
        return Rejection(Reason.NOT_FINITE, f"{shown(at)} is {value:g}, out of any range once converted", at)
    return Good(field.channel_id, ts, converted + 0.0, sample.flag != NORMAL_FLAG, sample.historical)


def check_time(ts: int, at: str, binding: Binding, arrived: int) -> Rejection | None:
    """What is wrong with a time `ts` (us), if anything; `at` is the name of its field."""
    if ts < arrived - RETENTION_US:
        oldest = from_us(arrived - RETENTION_US)
        return Rejection(Reason.TOO_OLD, f"ts is {_iso(ts)}; must be later than {oldest:%Y-%m-%d} (retention)", at)
    if ts > arrived + FURTHEST_AHEAD_US:
        return Rejection(
            Reason.IN_FUTURE, f"ts is {_iso(ts)}; must be at most 5 minutes after arrival at {_iso(arrived)}", at
        )
    if ts < binding.registered_us:
        return Rejection(
            Reason.BEFORE_REGISTRATION,
            f"ts is {_iso(ts)}; site {binding.site.code} is registered from {_iso(binding.registered_us)} on",
            at,
        )
    return None


def check_size(payload: bytes) -> Rejection | None:
    """Whether a payload is larger than a device has any reason to send."""
    if len(payload) <= LARGEST_PAYLOAD_BYTES:
        return None
    return Rejection(Reason.TOO_LARGE, f"payload is {len(payload)} bytes; must be at most {LARGEST_PAYLOAD_BYTES}")


def layout_of(binding: Binding, names: tuple[str, ...]) -> Layout:
    """What a payload's keys stand for; without channels when one of them needs a closer look."""
    fields = binding.fields
    unknown = tuple(name for name in names if name not in fields)
    if any(binding.field_of(name) is not None for name in unknown):
        return Layout((), (), unknown)
    known = tuple(name for name in names if name in fields)
    layout = Layout(tuple(fields[name].channel_id for name in known), known, unknown)
    if len(binding.layouts) < 64:  # a device has one or two; the bound is for one that shuffles its keys
        binding.layouts[names] = layout
    return layout


def unknown_indicator(name: str, value: float, binding: Binding) -> Rejection:
    """That a device gives a value for what it is not registered to measure."""
    return naming(binding.device, _unknown_indicator(name, value, binding))


def _unknown_indicator(at: str, value: float, binding: Binding) -> Rejection:
    known = ", ".join(binding.fields) or "nothing"
    return Rejection(Reason.UNKNOWN_INDICATOR, f"{shown(at)} is {value:g}; {binding.device.code} measures {known}", at)


def naming(device: Device, rejection: Rejection) -> Rejection:
    """A rejection that says which device it is of."""
    return Rejection(rejection.reason, f"device {device.code}: {rejection.detail}", rejection.field)


def _iso(us: int) -> str:
    return from_us(us).isoformat().replace("+00:00", "Z")


def combine(rejections: Sequence[Rejection]) -> Rejection:
    """Several rejections of a message with nothing good in it, as the one its dead letter gives."""
    first = rejections[0]
    if len(rejections) == 1:
        return first
    rest = "; ".join(each.detail for each in rejections[1:4])
    return Rejection(first.reason, f"{first.detail}; also: {rest}", first.field)
