"""Other ingest workers: what two of them read must not overlap, or each reading would be written twice."""

from datetime import timedelta
from typing import Final

from ingest.subtrees import Subtree
from store.connections import Connection
from store.queries import heartbeats

ALIVE_WITHIN: Final = timedelta(seconds=12)
"""A worker says that it lives every 5 s."""


class OverlapError(Exception):
    """Another worker that lives reads some of the same topics."""


def check_overlap(connection: Connection, subtree: Subtree) -> None:
    """Raise `OverlapError` naming the worker that reads some of what `subtree` is to read."""
    for service, age, detail in heartbeats(connection):
        if not service.startswith("ingest") or service == subtree.service or age > ALIVE_WITHIN:
            continue
        other = Subtree(tuple(detail.get("counties", ())), bool(detail.get("rest", True)), detail.get("member", ""))
        if subtree.overlaps(other):
            raise OverlapError(
                f"worker {subtree.service} would read what {service} reads already: counties "
                f"{', '.join(subtree.counties) or 'all'} and {', '.join(other.counties) or 'all'}; give each county to "
                "one worker, and --no-rest to all but one"
            )
