"""The journal's chain from the rows that a package holds whole up to what the next anchor fixes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from monitor.evidence.verify import Row
from store import anchors, kept_rows
from store.anchors import CHECKPOINT_ROWS, Anchor
from store.connections import Connection
from store.journal import Entry, last_id
from store.kept_rows import Link
from store.records import to_us

GAP: Final = CHECKPOINT_ROWS
"""Rows further apart than this are in two runs, each up to a checkpoint, instead of one run with all between."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The whole rows, the runs of links around them, and the anchors from the first to the newest."""

    entries: tuple[Entry, ...]
    runs: tuple[tuple[Link, ...], ...]
    anchors: tuple[Anchor, ...]

    def text(self) -> bytes:
        """The runs as ``chain.txt`` (see `verify`)."""
        lines = []
        for run in self.runs:
            lines.append(f"> {run[0].prev_hash.hex()}")
            lines += [row_of(link).line() for link in run]
        return ("\n".join(lines) + "\n").encode() if lines else b""


def row_of(link: Link) -> Row:
    """A link as the stand-alone checker knows it."""
    return Row(
        link.id,
        link.kind,
        to_us(link.recorded_at),
        link.rows,
        link.batch,
        link.body_sha256,
        link.raw_sha256,
        link.hash,
    )


def chain_of(connection: Connection, ids: Iterable[int]) -> Chain:
    """The chain from rows of the journal to the anchors that cover them."""
    entries = tuple(kept_rows.entries(connection, ids))
    first = anchors.covering(connection, entries[0].id) if entries else anchors.newest(connection)
    fixed = tuple(anchors.after(connection, first.number - 1)) if first else ()
    spans = spans_of([entry.id for entry in entries], checkpoints(fixed), last_id(connection))
    runs = [run for span in spans for run in _contiguous(kept_rows.links(connection, *span))]
    return Chain(entries, tuple(runs), fixed)


def checkpoints(fixed: Iterable[Anchor]) -> list[int]:
    """The ids whose hashes anchors give, in order."""
    return sorted(
        {
            int(number)
            for each in fixed
            for number in (*(pair[0] for pair in each.said["journal"]["checkpoints"]), each.journal_id)
        }
    )


def spans_of(ids: Sequence[int], fixed: Sequence[int], newest: int) -> list[tuple[int, int]]:
    """First and last ids of runs that take in `ids`, each up to the next fixed id, else to the newest row."""
    spans: list[tuple[int, int]] = []
    starts = [0, *(place for place, (one, other) in enumerate(pairwise(ids), start=1) if other - one > GAP), len(ids)]
    for start, end in pairwise(starts):
        if start == end:
            continue
        last = next((each for each in fixed if each >= ids[end - 1]), newest)
        if spans and spans[-1][1] >= ids[start] - 1:
            spans[-1] = spans[-1][0], max(last, spans[-1][1])
        else:
            spans.append((ids[start], last))
    return spans


def _contiguous(links: Sequence[Link]) -> list[tuple[Link, ...]]:
    """Runs without a gap: what the journal dropped between rows that were kept ends one."""
    runs: list[list[Link]] = []
    for link in links:
        if runs and runs[-1][-1].id + 1 == link.id:
            runs[-1].append(link)
        else:
            runs.append([link])
    return [tuple(run) for run in runs]
