"""An evaluation for people to read: a table of the kinds of fault, false alarms, and the confusion matrix."""

from collections.abc import Mapping
from typing import Any, Final

from simulators.fault_kinds import SPECS, FaultKind

RECALL: Final = 0.95
KIND_RIGHT: Final = 0.85
FALSE_ALARMS: Final = 0.035


def shortfalls(figures: Mapping[str, Any]) -> list[str]:
    """What of an evaluation's figures is below what is promised, one line each."""
    found = []
    for kind, parts in figures["kinds"].items():
        upper = parts["upper"]
        for name, least in (("recall", RECALL), ("kind_right", KIND_RIGHT)):
            if upper[name] is not None and upper[name] < least:
                found.append(f"{kind}: {name} {upper[name]:.2f} is below {least:g}")
    rate = figures["false_alarms"]["inspector_per_venue_day"]
    if rate > FALSE_ALARMS:
        found.append(f"false alarms to inspectors: {rate:.4f} per venue and day is above {FALSE_ALARMS:g}")
    return found


def table(figures: Mapping[str, Any]) -> str:
    """The whole report as text."""
    false = figures["false_alarms"]
    head = (
        f"{figures['pools']} pools and 2 cold stores, {figures['days']} days of which {figures['warm_up_days']} "
        f"without faults, {figures['faults_of_each_kind']} faults of each kind, seed {figures['seed']}: "
        f"{figures['readings']:,} readings in {figures['seconds']:.0f} s"
    )
    lines = [head, "", "Sizes in the upper two thirds of their range, and in the lowest third:"]
    lines.append(
        f"{'fault':<20}{'n':>4}{'recall':>8}{'kind':>7}{'delay':>9}   |{'n':>4}{'recall':>8}{'kind':>7}{'delay':>9}"
    )
    for kind, parts in figures["kinds"].items():
        lines.append(f"{kind:<20}{_part(parts['upper'])}   |{_part(parts['lowest'])}")
    lines += [
        "",
        f"False alarms in {false['venue_days']:,.0f} venue-days without a fault: to inspectors {false['inspector']} "
        f"({false['inspector_per_venue_day']:.4f} per venue and day), to venues {false['venue']} "
        f"({false['venue_per_venue_day']:.4f})",
    ]
    if false["said_to_inspectors"]:
        said = ", ".join(f"{name} {count}" for name, count in false["said_to_inspectors"].items())
        lines.append(f"  to inspectors they said: {said}")
    lines += ["", "What each kind of fault was called (its right name in brackets):"]
    for kind, row in figures["confusion"].items():
        ordered = sorted(row.items(), key=lambda each: (-each[1], each[0]))
        called = ", ".join(f"{name} {count}" for name, count in ordered)
        lines.append(f"  {kind} [{SPECS[FaultKind(kind)].verdict}]: {called}")
    short = shortfalls(figures)
    lines += ["", *(f"SHORT: {each}" for each in short)] if short else ["", "Everything promised is kept."]
    return "\n".join(lines)


def _part(part: Mapping[str, Any]) -> str:
    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.2f}"

    delay = "–" if part["delay_minutes"] is None else f"{part['delay_minutes']:.0f} min"
    return f"{part['faults']:>4}{share(part['recall']):>8}{share(part['kind_right']):>7}{delay:>9}"
