"""Bare COPY of the benchmark's rows: what the server takes when nobody decodes, journals or acknowledges."""

import time
from typing import Final

import numpy as np

from operations.bench.workload import Workload
from store import partitions
from store.connections import connect
from store.copy_format import COPY_HEADER, COPY_TRAILER, encode_copy
from store.records import READING

ROWS_A_COPY: Final = 50_000


def copy_rate(dsn: str, workload: Workload) -> float:
    """Rows a second into a fresh `reading`: one stream of bytes made before, a transaction each 50 000 rows.

    The rows come in the order in which the devices publish them.
    """
    rows = np.zeros(workload.readings, dtype=READING)
    rows["channel_id"], rows["ts"], rows["value"] = workload.rows()
    pieces = [
        COPY_HEADER + encode_copy(rows[first : first + ROWS_A_COPY], 1 + first // ROWS_A_COPY) + COPY_TRAILER
        for first in range(0, len(rows), ROWS_A_COPY)
    ]
    with connect(dsn, autocommit=True) as connection:
        partitions.ensure_for(connection, rows["ts"])
        began = time.perf_counter()
        for piece in pieces:
            with (
                connection.cursor() as cursor,
                cursor.copy("COPY reading (channel_id, ts, value, batch) FROM STDIN (FORMAT BINARY)") as copy,
            ):
                copy.write(piece)
        return len(rows) / (time.perf_counter() - began)
