"""Merging the newest value and state of each channel into ``channel_latest``, about once a second.

In the writer's transaction it cost a third of the throughput, so it is the monitor's, and only what changed is
written. `revision` is the id of the journal row up to which a row is true: a reader polls ``revision > seen``.
"""

from typing import Final

import numpy as np

from monitor.alarms.rows import channel_condition
from monitor.engine import Engine
from monitor.judgement import SIDES, State
from monitor.layout import FOREVER
from monitor.output import write_extremes
from monitor.waste import merging
from store.connections import Connection
from store.copy_format import float8_array, int4_array, timestamptz_array

_STATE_NAMES: Final = np.array([state.name.lower() for state in State])
_MERGE: Final = """
INSERT INTO channel_latest AS latest (channel_id, ts, value, state, since, batch, revision)
SELECT channel_id, ts, value, state, since, batch, %s
FROM unnest(%s::integer[], %s::timestamptz[], %s::float8[], %s::text[], %s::timestamptz[], %s::bigint[])
     AS new (channel_id, ts, value, state, since, batch)
ORDER BY channel_id
ON CONFLICT (channel_id) DO UPDATE
SET ts = EXCLUDED.ts, value = EXCLUDED.value, state = EXCLUDED.state, since = EXCLUDED.since,
    batch = EXCLUDED.batch, revision = EXCLUDED.revision
"""


def pending(engine: Engine) -> bool:
    """Whether there is anything to merge."""
    return bool(engine.judge.dirty.any() or engine.judge.extreme_dirty.any()) or merging.pending(engine.waste)


def touch_all(engine: Engine) -> None:
    """Mark everything known as changed: after a restart nobody knows what was merged before."""
    engine.judge.dirty = engine.judge.latest_ts > -FOREVER
    engine.judge.extreme_dirty = engine.judge.active.copy()


def merge(connection: Connection, engine: Engine, revision: int) -> None:
    """Write what changed and clear the marks. The caller holds the transaction, and drops the engine if it fails."""
    judge = engine.judge
    i = np.flatnonzero(judge.dirty)
    if i.size:
        connection.execute(
            _MERGE,
            (
                revision,
                int4_array(engine.layout.channel_ids[i].astype(np.int32)),
                timestamptz_array(judge.latest_ts[i]),
                float8_array(judge.latest_value[i]),
                _STATE_NAMES[judge.code[i]].tolist(),
                timestamptz_array(judge.since[i]),
                judge.latest_batch[i].tolist(),
            ),
        )
    write_open_extremes(connection, engine)
    merging.merge(connection, engine.waste, revision)
    judge.dirty[:] = False
    judge.extreme_dirty[:] = False


def write_open_extremes(connection: Connection, engine: Engine) -> None:
    """Write how far open alarms have gone beyond their limit, where that is marked as changed."""
    write_extremes(connection, _extremes(engine))


def _extremes(engine: Engine) -> list[tuple[int, float]]:
    judge = engine.judge
    return [
        (
            engine.book.open[channel_condition(engine.layout.channels[slot].id, side)],
            float(judge.extreme[axis, slot]),
        )
        for axis, side in enumerate(SIDES)
        for slot in np.flatnonzero(judge.extreme_dirty[axis] & judge.active[axis]).tolist()
    ]
