"""Writing what changed of bags into ``waste_bag``, about once a second; and old news of bags that left memory."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste.events import NEVER, NONE
from monitor.waste.history import retold
from monitor.waste.pace import Pace
from monitor.waste.rows import changed_rows
from monitor.waste.state import State
from monitor.waste.watch import Watch
from store.connections import Connection
from store.records import from_us
from store.waste_bags import STEPS, bags_by_key, write_bags

_NEITHER: Final = -1


def pending(watch: Watch) -> bool:
    """Whether there is anything to write."""
    return any(bool(state.closed or state.beyond or state["dirty"].any()) for state in watch.states.values())


def merge(connection: Connection, watch: Watch, revision: int) -> None:
    """Write what changed and clear the marks. The caller holds the transaction, and drops the engine if it fails."""
    for name, state in watch.states.items():
        simulated = name == "simulated"
        pace = watch.paces[name]
        rows = changed_rows(state)
        if rows.size:
            write_bags(connection, as_rows(state, rows, pace, simulated=simulated), revision)
        if state.beyond:
            events, state.beyond = np.concatenate(state.beyond), []
            keys = np.unique(events["key"]).tolist()
            known = bags_by_key(connection, keys, simulated=simulated)
            for row in known:
                of, told = retold(state, row, events[events["key"] == row["key"]], pace)
                write_bags(connection, as_rows(of, told, pace, simulated=simulated), revision)


def as_rows(state: State, rows: NDArray[Any], pace: Pace, *, simulated: bool) -> list[Mapping[str, Any]]:
    """Rows of `monitor.waste.rows.BAG_ROW` as columns of table ``waste_bag``, with times of the wall clock."""
    rows = rows.copy()
    for name in ("ts", "again_ts", "opened", "newest", "arrived"):
        rows[name] = pace.outward(rows[name])
    return [_as_row(state, row, simulated=simulated) for row in rows]


def _as_row(state: State, row: Any, *, simulated: bool) -> Mapping[str, Any]:
    names, sites = state.codes.name, state.world.sites
    again = row["again_ts"] > row["ts"][0]
    return {
        "key": int(row["key"]),
        "simulated": simulated,
        "tag": row["tag"].decode(),
        "site": sites[row["site"]].code if row["site"] != NONE else None,
        "parent": int(row["parent"]),
        **{name: names(int(row[name])) for name in ("ward", "store", "vehicle", "receiver", "plant")},
        "named": names(int(row["to"])),
        "category": int(row["category"]),
        "categories": int(row["categories"]),
        **{f"{step}_at": _time(row["ts"][place]) for place, step in enumerate(STEPS)},
        **{f"{step}_g": _grams(row["net_g"][place]) for place, step in enumerate(STEPS)},
        "signs": row["signs"].tolist(),
        "own": int(row["own"]),
        "late": int(row["late"]),
        "manifest": bool(row["manifest"]),
        "step": None if row["last"] == _NEITHER else int(row["last"]),
        "again_at": _time(row["again_ts"]) if again else None,
        "again_g": _grams(row["again_net_g"]) if again else None,
        "again_ward": names(int(row["again_ward"])) if again else None,
        "opened_at": _time(row["opened"]),
        "newest": from_us(int(row["newest"])),
        "arrived": from_us(int(row["arrived"])),
        "found": int(row["found"]),
        "open": int(row["open"]),
    }


def _time(us: Any) -> Any:
    return from_us(int(us)) if -NEVER < us < NEVER else None


def _grams(grams: Any) -> int | None:
    return None if grams == NONE else int(grams)
