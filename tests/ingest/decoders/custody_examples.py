"""Good payloads of every decoder of custody: events, positions, and terminals' frames written out by the standard."""

import functools
import json
from typing import Final

from tests.ingest.decoders.examples import TS_MS

COLLECTED: Final = {
    "id": "s1-000017",
    "ts": TS_MS,
    "event": "collected",
    "tag": "E28011700000020F3A5B9C01",
    "category": "841-001-01",
    "ward": "icu",
    "gross_kg": 3.42,
    "tare_kg": 0.12,
    "signed_by": ["n-014", "t-003"],
    "sealed": True,
}
HANDED_OVER: Final = {
    "id": "s1-000018",
    "ts": "2026-01-15T10:15:00+08:00",
    "event": "handed_over",
    "tag": "B-2026-0115-1",
    "kind": "batch",
    "gross_kg": 412,
    "to": "r1",
    "vehicle": "v1",
    "manifest": "2026011500001",
    "signed_by": ["p1", "d1"],
    "seq": 18,
}

HEAD_2013: Final = "0200 0026 013900000001 0007"
"""0x0200, 38 bytes, 13900000001, number 7."""

HEAD_2019: Final = "0200 4026 01 00000000013900000001 0007"
"""The same with the version and a number of 20 digits."""

BODY: Final = "00000000 00000003 01E8895C 07344140 000A 019F 010E 260115101500" + "0104 0000 0064 0202 007D"
"""32.016732 N, 120.865088 E, 10 m, 41.5 km/h, 270°, 2026-01-15 10:15:00 in UTC+8, with mileage and fuel.

Written by hand from JT/T 808-2019, tables 22 to 27.
"""


def framed(hexadecimal: str) -> bytes:
    """Flag, content, XOR, flag, with 7E and 7D escaped."""
    content = bytes.fromhex(hexadecimal)
    content += bytes([functools.reduce(int.__xor__, content)])
    return b"\x7e" + content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02") + b"\x7e"


CUSTODY_EXAMPLES: Final = {
    "waste": [json.dumps(each).encode() for each in (COLLECTED, HANDED_OVER, [COLLECTED, HANDED_OVER])],
    "position": [
        json.dumps({"ts": TS_MS, "lat": 32.0163, "lon": 120.8642, "speed_kmh": 41.5, "heading": 270}).encode(),
        json.dumps([{"ts": TS_MS, "lat": 32.0163, "lon": 120.8642}]).encode(),
    ],
    "jt808": [
        framed(HEAD_2013 + BODY),
        framed(HEAD_2019 + BODY),
        framed("0704 0053 013900000001 0008 0002 01" + f"0026 {BODY} 0026 {BODY}".replace("101500", "101530", 1)),
    ],
}
