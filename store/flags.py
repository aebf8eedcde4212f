"""Table `reading_flag`: what is not good about a reading, by QARTOD test (2 unknown, 3 suspect, 4 fail, 9 missing)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from store import partitions
from store.connections import Connection
from store.copy_format import int2_array, int4_array, timestamptz_array

_INSERT: Final = """
INSERT INTO reading_flag (channel_id, ts, test, flag)
SELECT channel_id, ts, %s, flag
FROM unnest(%s::integer[], %s::timestamptz[], %s::smallint[]) AS new (channel_id, ts, flag)
ON CONFLICT DO NOTHING
"""


def write_flags(
    connection: Connection,
    test: str,
    channel_ids: NDArray[np.int32],
    ts: NDArray[np.int64],
    flags: NDArray[np.int16],
    *,
    partitioned: bool = True,
) -> None:
    """Write flags of one test in the caller's transaction; one that is there already stays.

    Parameters
    ----------
    test : QARTOD's name of the test, ``limit`` for a value beyond the limit in force at its time
    channel_ids, ts, flags : shape (n,); times in us since the Unix epoch
    partitioned : False where a plain table of the same name hides the real one

    """
    if len(ts) == 0:
        return
    if partitioned:
        partitions.ensure_for(connection, ts, "reading_flag")
    order = np.lexsort((ts, channel_ids))  # by key, as two writers must, to wait for one another and not for ever
    parameters = (int4_array(channel_ids[order]), timestamptz_array(ts[order]), int2_array(flags[order]))
    connection.execute(_INSERT, (test, *parameters))
