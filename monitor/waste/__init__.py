"""The custody of medical waste: every bag from ward to furnace, judged against law and against what is usual.

`step` takes events into the state, `sweep` judges what time it is about. Pure and vectorised; see `state` for how
late, repeated and shuffled events come to the same end, and docs/waste.md for the rules.
"""

from monitor.waste.custody import step
from monitor.waste.events import EVENT, FIX, NEVER, NONE, TEMPERATURE, VERDICT, Events, Verdicts
from monitor.waste.rules import RULES, Rule, Tolerances
from monitor.waste.state import State
from monitor.waste.stores import measure
from monitor.waste.sweeping import sweep
from monitor.waste.vehicles import locate
from monitor.waste.world import SiteFacts, World

__all__ = [
    "EVENT",
    "FIX",
    "NEVER",
    "NONE",
    "RULES",
    "TEMPERATURE",
    "VERDICT",
    "Events",
    "Rule",
    "SiteFacts",
    "State",
    "Tolerances",
    "Verdicts",
    "World",
    "locate",
    "measure",
    "step",
    "sweep",
]
