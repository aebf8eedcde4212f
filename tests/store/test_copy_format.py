"""Readings in PostgreSQL's binary formats."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from store.connections import Connection, binary_row
from store.copy_format import (
    COPY_HEADER,
    COPY_TRAILER,
    POSTGRES_EPOCH_US,
    decode_float8_array,
    decode_int4_array,
    decode_timestamptz_array,
    encode_copy,
    float8_array,
    int4_array,
    timestamptz_array,
)
from store.records import READING, Readings

# What both timestamptz (from 4713 BC) and int64 since 1970 (until 294247 AD) hold.
LEAST_US, MOST_US = -210_866_803_200_000_000, 2**63 - 1
INSTANTS = st.integers(LEAST_US, MOST_US)
ROWS = npst.arrays(
    READING,
    st.integers(0, 40),
    elements=st.tuples(st.integers(-(2**31), 2**31 - 1), INSTANTS, st.floats(), st.just(0), st.booleans()),
)


def decode_copy(data: bytes) -> list[tuple[bytes, ...]]:
    """COPY BINARY rows, field by field, straight from PostgreSQL's description of the format."""
    rows, at = [], 0
    while at < len(data):
        fields, at = int.from_bytes(data[at : at + 2], "big"), at + 2
        row = []
        for _ in range(fields):
            size, at = int.from_bytes(data[at : at + 4], "big"), at + 4
            row.append(data[at : at + size])
            at += size
        rows.append(tuple(row))
    return rows


@given(rows=ROWS, batch=st.integers(0, 2**63 - 1))
def test_copy_rows_say_what_the_array_says(rows: Readings, batch: int) -> None:
    """Decoded by the letter of the format, every field has the array's value, bit for bit."""
    expected = [
        (
            int(row["channel_id"]).to_bytes(4, "big", signed=True),
            (int(row["ts"]) - POSTGRES_EPOCH_US).to_bytes(8, "big", signed=True),
            np.float64(row["value"]).byteswap().tobytes(),
            batch.to_bytes(8, "big"),
        )
        for row in rows
    ]
    assert decode_copy(encode_copy(rows, batch)) == expected


@pytest.mark.needs("copy")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(rows=ROWS)
def test_the_database_reads_copy_rows_as_they_were(connection: Connection, rows: Readings) -> None:
    """What goes in by COPY comes out of PostgreSQL with the same bits, over the whole range of its types."""
    with connection.transaction(force_rollback=True):
        connection.execute("CREATE TEMPORARY TABLE copied (LIKE reading, row bigserial)")
        with connection.cursor().copy("COPY copied (channel_id, ts, value, batch) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(COPY_HEADER + encode_copy(rows, 7) + COPY_TRAILER)
        channel_ids, ts, values = binary_row(
            connection,
            "SELECT array_agg(channel_id ORDER BY row), array_agg(ts ORDER BY row), array_agg(value ORDER BY row) "
            "FROM copied WHERE batch = %s",
            (7,),
        )
    assert_same(rows, channel_ids, ts, values)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(rows=ROWS)
def test_array_parameters_go_in_and_come_back_as_they_were(connection: Connection, rows: Readings) -> None:
    """Array parameters and array results are each other's inverse through PostgreSQL, empty arrays included."""
    channel_ids, ts, values = binary_row(
        connection,
        "SELECT %s, %s, %s",
        (int4_array(rows["channel_id"]), timestamptz_array(rows["ts"]), float8_array(rows["value"])),
    )
    assert_same(rows, channel_ids, ts, values)


def assert_same(rows: Readings, channel_ids: Any, ts: Any, values: Any) -> None:
    """The decoded columns equal the array's, NaN included (PostgreSQL keeps one NaN, not its payload bits)."""
    np.testing.assert_array_equal(decode_int4_array(channel_ids), rows["channel_id"])
    np.testing.assert_array_equal(decode_timestamptz_array(ts), rows["ts"])
    np.testing.assert_array_equal(decode_float8_array(values), rows["value"])
    finite = ~np.isnan(rows["value"])
    np.testing.assert_array_equal(np.signbit(decode_float8_array(values)[finite]), np.signbit(rows["value"][finite]))
