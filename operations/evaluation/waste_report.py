"""A month of waste for people to read: each kind of fault, what was said without a reason, and the balance in grams."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste.events import STEP_OF_EVENT, STEPS
from operations.evaluation.waste import Numbers, Run
from operations.evaluation.waste_scoring import Explained, figures, outcomes
from registry.waste.catalogue import Event, event_kinds

RECALL: Final = 1.0
WEIGHED: Final = (Event.COLLECTED, Event.STORED_IN, Event.HANDED_OVER, Event.RECEIVED)


def figures_of(run: Run) -> dict[str, Any]:
    """All figures of a run."""
    numbers = Numbers(run.lived.city, run.state)
    explained = Explained(run.lived.truth, run.keys, numbers.sites.tolist(), numbers.vehicles.tolist())
    found = outcomes(run.lived.truth, run.alarms, explained)
    total = run.events + run.fixes + run.temperatures
    return {
        "institutions": len(run.lived.city),
        "days": run.lived.days,
        "events": run.events,
        "positions": run.fixes,
        "temperatures": run.temperatures,
        "generated_s": round(run.generated_s, 1),
        "engine_s": round(run.engine_s, 1),
        "per_s": round(total / run.engine_s),
        **figures(found, run.alarms, explained),
        "balance_g": balance(run),
    }


def balance(run: Run) -> dict[str, dict[str, int]]:
    """Net grams by step: put in by the simulator, weighed again under a code used before, and known to the engine.

    What a code was used for a second time is no bag's weight: the engine keeps the first and says so.
    """
    engine = _known(run)
    found = {}
    for event in WEIGHED:
        found[event.code] = {
            "put_in": int(run.put_in[event]),
            "twice": int(run.twice[event]),
            "engine": int(engine[event]),
            "difference": int(run.put_in[event] - run.twice[event] - engine[event]),
        }
    return found


def _known(run: Run) -> NDArray[np.int64]:
    """Net grams of each event that the engine has known: of bags, and of boxes as they were weighed."""
    total = np.zeros(max(Event) + 1, dtype=np.int64)
    rows = run.bags()
    for event in STEPS:
        grams = rows["net_g"][:, STEP_OF_EVENT[event]].astype(np.int64)
        total[event] = np.maximum(grams, 0).sum()
    for event in WEIGHED:
        total[event] += run.boxes.get(event, 0)
    return total


def shortfalls(found: Mapping[str, Any]) -> list[str]:
    """What of the figures is below what is promised, one line each."""
    lines = []
    for kind, each in found["kinds"].items():
        if each["recall"] < RECALL:
            lines.append(f"{kind}: {each['found']} of {each['planted']} found")
    if found["false"]:
        lines.append(f"{found['false']} alarms are about nothing that was planted")
    lines += [
        f"{event}: {each['difference']} g are missing in the engine"
        for event, each in found["balance_g"].items()
        if each["difference"]
    ]
    return lines


def table(found: Mapping[str, Any]) -> str:
    """The whole report as text."""
    lines = [
        f"{found['institutions']:,} institutions, {found['days']} days: {found['events']:,} events, "
        f"{found['positions']:,} positions, {found['temperatures']:,} temperatures; "
        f"made in {found['generated_s']:.0f} s, judged in {found['engine_s']:.0f} s ({found['per_s']:,} a second)",
        "",
        f"{'fault':<22}{'planted':>8}{'found':>7}{'recall':>8}{'alarms':>8}{'precision':>11}{'delay h':>9}  rule",
    ]
    for kind, each in found["kinds"].items():
        precision = "–" if each["precision"] is None else f"{each['precision']:.3f}"
        delay = "–" if each["median_delay_h"] is None else f"{each['median_delay_h']:.1f}"
        lines.append(
            f"{kind:<22}{each['planted']:>8}{each['found']:>7}{each['recall']:>8.3f}{each['alarms']:>8}"
            f"{precision:>11}{delay:>9}  {' or '.join(each['rules'])}"
        )
    lines += ["", f"{'rule':<22}{'alarms':>8}{'explained':>11}"]
    for rule, each in found["rules"].items():
        lines.append(f"{rule:<22}{each['alarms']:>8}{each['explained']:>11}")
    lines += ["", f"alarms about nothing that was planted: {found['false']}", ""]
    lines.append(f"{'balance, g':<22}{'put in':>16}{'code used twice':>17}{'engine':>16}{'difference':>12}")
    for event in WEIGHED:
        each = found["balance_g"][event.code]
        name = event_kinds()[event].name_en
        lines.append(
            f"{name:<22}{each['put_in']:>16,}{each['twice']:>17,}{each['engine']:>16,}{each['difference']:>12,}"
        )
    return "\n".join(lines)
