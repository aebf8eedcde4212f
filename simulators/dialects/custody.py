"""How scales, hand-helds, weighbridges and trackers speak: events of custody and positions (docs/waste.md)."""

import json
from typing import Final

from simulators.dialects.voice import Plain
from simulators.outbox import Sample

WASTE_KINDS: Final = frozenset({"smart_scale", "handheld", "weighbridge"})
TRACKER: Final = "vehicle_tracker"


class Custody(Plain):
    """Events of custody or positions: each sample is one object, and what it says is all there is in it."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic, {})

    def payload(self, samples: tuple[Sample, ...]) -> bytes:
        """One object, or a list of them."""
        records = [{"ts": each.ts, **each.values} for each in samples]
        return json.dumps(records if len(records) > 1 else records[0], separators=(",", ":")).encode()
