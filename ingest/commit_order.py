"""The late rule among workers that share a subscription.

The broker deals a device's messages out in turn, so two workers may commit them in another order than they came in.
What counts is the order of the journal: a reading that is not newer than what its channel has there already is late,
whichever worker brought it. So each worker, holding the journal's lock, first reads what the others have committed.
"""

from typing import Final

import numpy as np

from ingest.lateness import LateRule
from store import journal
from store.connections import Connection
from store.records import Readings

CHUNK: Final = 200


class CommitOrder:
    """Marks readings as late by the order of commits. `after` is the journal id up to which the rule knows it all."""

    def __init__(self, after: int) -> None:
        self._after = after

    def settle(self, connection: Connection, new: Readings, rule: LateRule) -> None:
        """Set `late` of what is about to be journaled; to be called under the journal's lock, again after a rollback.

        What is late already stays so. The batch itself is remembered when it is read back, once it is committed.
        """
        while entries := journal.read_after(connection, self._after, CHUNK):
            for entry in entries:
                if entry.kind == "readings":
                    rule.remember(journal.readings_of(entry))
            self._after = entries[-1].id
        late = np.array(new["late"])
        rule.mark(new, remember=False)
        new["late"] |= late
