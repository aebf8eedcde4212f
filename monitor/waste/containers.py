"""Boxes and batches: what was put into them when, and their own events; a box that moves moves what is in it.

Both are sets that only grow: links (child, container, time) and a log of events of containers. What a bag owes to
its containers is looked up when it is judged: of each step the earliest event of a container it lay in, from the time
it was put in until that container was treated (emptied), at most `Tolerances.box_h`. A turnover box has the same code
every day, so a link holds for one journey of the box and no longer. Boxes lie in boxes, at most `DEEPEST`.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste.events import NEVER, NONE, STEP_OF_EVENT, STEPS, Events
from monitor.waste.keys import Growing, Ints, KeyTable, Relation
from registry.waste.catalogue import Container, Event

DEEPEST: Final = 3

LINK: Final = np.dtype([("child", "<i8"), ("parent", "<i8"), ("ts", "<i8"), ("bag", "?")])
"""`child` was put into `parent` at `ts`; `bag`: it is one, not a container itself."""

LOG: Final = np.dtype(
    [
        ("key", "<i8"),
        ("ts", "<i8"),
        ("arrived", "<i8"),
        ("due", "<i8"),
        ("site", "<i4"),
        ("place", "<i4"),
        ("vehicle", "<i4"),
        ("to", "<i4"),
        ("net_g", "<i4"),
        ("found", "<u4"),
        ("open", "<u4"),
        ("event", "u1"),
        ("signs", "u1"),
        ("manifest", "?"),
        ("unsealed", "?"),
        ("late", "?"),
    ]
)
"""An event of a container, and what was made of it so far."""

_MERGED_MAX: Final = (
    "arrived",
    "site",
    "place",
    "vehicle",
    "to",
    "net_g",
    "signs",
    "manifest",
    "unsealed",
    "late",
)


class Containers:
    """Links and log, as growing arrays, with what finds them."""

    def __init__(self, links: NDArray[Any] | None = None, log: NDArray[Any] | None = None) -> None:
        self._links = Growing(np.empty(0, dtype=LINK) if links is None else links)
        self._log = Growing(np.empty(0, dtype=LOG) if log is None else log)
        self.touched: list[Ints] = []
        self._index()

    @property
    def links(self) -> NDArray[Any]:
        """Every link, dtype `LINK`."""
        return self._links.rows

    @property
    def log(self) -> NDArray[Any]:
        """Every event of a container, dtype `LOG`; may be written to."""
        return self._log.rows

    def _index(self) -> None:
        links, log = self.links, self.log
        self.of_child = Relation(links["child"].astype(np.int64), np.arange(links.size))
        self.of_parent = Relation(links["parent"].astype(np.int64), np.arange(links.size))
        self.of_container = Relation(log["key"].astype(np.int64), np.arange(log.size))
        self._known_links, self._known_log = KeyTable(), KeyTable()
        self._known_links.insert(_link_hash(links), np.arange(links.size, dtype=np.int32))
        self._known_log.insert(_log_hash(log), np.arange(log.size, dtype=np.int32))

    @property
    def nbytes(self) -> int:
        """Memory, bytes."""
        relations = (self.of_child, self.of_parent, self.of_container)
        tables = (self._known_links, self._known_log)
        return self._links.nbytes + self._log.nbytes + sum(each.nbytes for each in (*relations, *tables))

    def link(self, child: Ints, parent: Ints, ts: Ints, bag: NDArray[np.bool_]) -> None:
        """Add links; those already there change nothing."""
        new = np.empty(child.size, dtype=LINK)
        new["child"], new["parent"], new["ts"], new["bag"] = child, parent, ts, bag
        hashes = _link_hash(new)
        hashes, first = np.unique(hashes, return_index=True)
        fresh = self._known_links.find(hashes) < 0
        new, rows = new[first[fresh]], np.arange(int(fresh.sum())) + self.links.size
        if not new.size:
            return
        self._known_links.insert(hashes[fresh], rows.astype(np.int32))
        self._links.append(new)
        self.of_child.add(new["child"].astype(np.int64), rows)
        self.of_parent.add(new["parent"].astype(np.int64), rows)
        self._touch_events_of(new["parent"].astype(np.int64))

    def take(self, events: Events, late: NDArray[np.bool_]) -> None:
        """Add events of containers to the log. Of one step at one time there is one row, in any order."""
        new = np.zeros(events.size, dtype=LOG)
        for name in (
            "key",
            "ts",
            "arrived",
            "site",
            "place",
            "vehicle",
            "to",
            "net_g",
            "event",
            "manifest",
            "unsealed",
        ):
            new[name] = events[name]
        new["signs"], new["late"], new["due"] = events["signatures"], late, NEVER
        hashes, first, group = np.unique(_log_hash(new), return_index=True, return_inverse=True)
        known = self._known_log.find(hashes)
        fresh = known < 0
        rows = known.astype(np.int64)
        rows[fresh] = np.arange(int(fresh.sum())) + self.log.size
        self._known_log.insert(hashes[fresh], rows[fresh].astype(np.int32))
        added = new[first[fresh]]
        self._log.append(added)
        self.of_container.add(added["key"].astype(np.int64), rows[fresh])
        for name in _MERGED_MAX:
            np.maximum.at(self.log[name], rows[group], new[name])
        self.touched.append(rows)
        # A later event of the journey is compared with this one, and "emptied" ends what came before.
        self._touch_events_of(np.unique(added["key"].astype(np.int64)))

    def _touch_events_of(self, containers: Ints) -> None:
        _, rows = self.of_container.of(np.unique(containers))
        self.touched.append(rows)

    def content(self, containers: Ints) -> Ints:
        """The bags that were ever put into containers, however deep: their keys, each once."""
        found: list[Ints] = []
        for _ in range(DEEPEST):
            _, rows = self.of_parent.of(np.unique(containers))
            links = self.links[rows]
            found.append(links["child"][links["bag"]].astype(np.int64))
            containers = links["child"][~links["bag"]].astype(np.int64)
            if not containers.size:
                break
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)

    def inherited(self, children: Ints, box_us: int) -> tuple[Ints, Ints]:
        """What children owe to containers: time and log row of each step, shape (n, steps); NEVER, NONE: nothing."""
        width = len(STEPS)
        times = np.full(children.size * width, NEVER, dtype=np.int64)
        rows = np.full(children.size * width, NONE, dtype=np.int64)
        found: list[tuple[Ints, Ints, Ints]] = []
        index, link_rows = self.of_child.of(children)
        links = self.links[link_rows]
        who, container, begin = index, links["parent"].astype(np.int64), links["ts"].astype(np.int64)
        end = begin + box_us
        for _ in range(DEEPEST):
            if not who.size:
                break
            lain, log_rows = self.of_container.of(container)
            log = self.log[log_rows]
            within = (log["ts"] >= begin[lain]) & (log["ts"] <= end[lain])
            emptied = within & (log["event"] == Event.TREATED)
            np.minimum.at(end, lain[emptied], log["ts"][emptied])
            within &= log["ts"] <= end[lain]
            step = STEP_OF_EVENT[log["event"]]
            kept = within & (step != NONE)
            found.append((who[lain[kept]] * width + step[kept], log["ts"][kept].astype(np.int64), log_rows[kept]))
            lain, link_rows = self.of_child.of(container)
            links = self.links[link_rows]
            kept = (links["ts"] >= begin[lain]) & (links["ts"] <= end[lain])
            lain, links = lain[kept], links[kept]
            who, end = who[lain], end[lain]
            container, begin = links["parent"].astype(np.int64), links["ts"].astype(np.int64)
        if found:
            place, ts, row = (np.concatenate([each[n] for each in found]) for n in range(3))
            # Of several at one time the one whose container has the least key: no order of arrival matters.
            order = np.lexsort((self.log["key"][row], ts, place))
            place, ts, row = place[order], ts[order], row[order]
            first = np.append(True, place[1:] != place[:-1]) if place.size else np.empty(0, dtype=np.bool_)
            times[place[first]], rows[place[first]] = ts[first], row[first]
        return times.reshape(-1, width), rows.reshape(-1, width)

    def forget(self, before: int, kept: NDArray[np.bool_]) -> None:
        """Drop links not in `kept` (shape (links,)), and events older than `before` of containers nothing lies in."""
        links = self.links[kept]
        holds = np.isin(self.log["key"], links["parent"])
        log = self.log[holds | (self.log["ts"] >= before) | (self.log["open"] != 0)]
        self._links, self._log = Growing(links), Growing(log)
        self.touched = []
        self._index()

    def journey_keys(self, rows: Ints) -> Ints:
        """A key for each event of the log, the same however often it came."""
        return _log_hash(self.log[rows])

    def parents(self, children: Ints) -> Ints:
        """The container that each child was put into last (of several at once the one with the least key); 0: none."""
        index, rows = self.of_child.of(children)
        links = self.links[rows]
        order = np.lexsort((-links["parent"].astype(np.int64), links["ts"], index))
        found = np.zeros(children.size, dtype=np.int64)
        found[index[order]] = links["parent"][order]  # the last of each remains
        return found


def is_container(kind: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether events are of boxes or batches."""
    return np.asarray(kind != Container.BAG)


def _mixed(*parts: Ints) -> Ints:
    """One hash of several numbers, never 0 (splitmix64's finaliser over their sum of products)."""
    with np.errstate(over="ignore"):
        found = np.zeros(parts[0].size, dtype=np.uint64)
        for part in parts:
            found = (found ^ part.astype(np.uint64)) * np.uint64(0x9E37_79B9_7F4A_7C15)
            found ^= found >> np.uint64(30)
            found *= np.uint64(0xBF58_476D_1CE4_E5B9)
            found ^= found >> np.uint64(27)
    mixed: Ints = found.view(np.int64)
    return np.where(mixed == 0, 1, mixed)


def _link_hash(links: NDArray[Any]) -> Ints:
    return _mixed(links["child"].astype(np.int64), links["parent"].astype(np.int64), links["ts"].astype(np.int64))


def _log_hash(log: NDArray[Any]) -> Ints:
    return _mixed(log["key"].astype(np.int64), log["event"].astype(np.int64), log["ts"].astype(np.int64))
