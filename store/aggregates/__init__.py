"""Readings by minute, hour and day: views `reading_1m`, `reading_1h`, `reading_1d`, the same on every engine.

| column | meaning |
|---|---|
| `channel_id`, `bucket` | the channel and the bucket's begin; hours and days in the zone of the channel's site |
| `count`, `sum`, `min`, `max` | of the values in force; sums, and not means, so that buckets combine |
| `mean` | `sum` ÷ `count` |
| `beyond`, `share` | readings with a stored judgement ``limit`` (table `reading_flag`), and their share of `count` |

**Corrections.** A value in force is the reading's, or that of its newest correction (`store.corrections`); a reading
declared void counts nowhere. What was judged beyond a limit and corrected afterwards no longer counts as beyond: the
judgement was about a value that is not in force.

**Exact.** A bucket is always computed anew from all its readings, never patched, so it can't drift: duplicates, late
readings and their order make no difference. Which buckets, the journal says (`store.aggregates.keeper`).

**Engines.** TimescaleDB keeps continuous aggregates (`store.aggregates.continuous`), plain PostgreSQL tables
(`store.aggregates.tables`).
"""

from store.aggregates.continuous import in_use as keeps_minutes
from store.aggregates.keeper import CONSUMER, Keeper, ask_rebuild, built, ensure_zones, forget

__all__ = ["CONSUMER", "Keeper", "ask_rebuild", "built", "ensure_zones", "forget", "keeps_minutes"]
