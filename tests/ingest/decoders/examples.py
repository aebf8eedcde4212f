"""Each dialect's examples, as its own documentation gives them or in its form, with what they must come to."""

import json
from dataclasses import dataclass, field
from typing import Final

import cbor2

from ingest.decoders import hj212
from ingest.decoders.model import Decoded
from registry.model import Dialect

ARRIVED: Final = 1_768_443_400_000_000
"""2026-01-15T02:16:40Z: when every example arrives, in us."""

TS_MS: Final = 1_768_443_300_000
TS: Final = TS_MS * 1000

Reading = tuple[int | None, str, float]


@dataclass(frozen=True)
class Example:
    """A payload and the readings (ts in us, name, value) that it holds, in order."""

    dialect: Dialect
    payload: bytes
    readings: list[Reading]
    units: dict[str, str] = field(default_factory=dict)


def readings_of(decoded: Decoded) -> list[Reading]:
    """All readings of a decoded payload, in order."""
    return [(sample.ts, name, value) for sample in decoded.samples for name, value in sample.values.items()]


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


EXAMPLES: Final = [
    Example(Dialect.NATIVE, _json({"ts": TS_MS, "values": {"ph": 7.42}}), [(TS, "ph", 7.42)]),
    Example(
        Dialect.NATIVE,
        _json([{"ts": TS_MS, "values": {"ph": 7.42}}, {"ts": TS_MS + 60_000, "values": {"ph": 7.4, "orp": 702}}]),
        [(TS, "ph", 7.42), (TS + 60_000_000, "ph", 7.4), (TS + 60_000_000, "orp", 702.0)],
    ),
    # thingsboard.io, MQTT device API: the three shapes of a telemetry upload.
    Example(Dialect.THINGSBOARD, b'{"key1":1.5, "key2":42}', [(None, "key1", 1.5), (None, "key2", 42.0)]),
    Example(Dialect.THINGSBOARD, b'[{"key1":1.5}, {"key2":42}]', [(None, "key1", 1.5), (None, "key2", 42.0)]),
    Example(
        Dialect.THINGSBOARD,
        b'{"ts":1451649600512, "values":{"key1":1.5, "key2":42}}',
        [(1_451_649_600_512_000, "key1", 1.5), (1_451_649_600_512_000, "key2", 42.0)],
    ),
    # thingsboard.io, gateway API: telemetry upload.
    Example(
        Dialect.THINGSBOARD_GATEWAY,
        b'{"Device A": [{"ts": 1483228800000, "values": {"temperature": 42, "humidity": 80}},'
        b'{"ts": 1483228801000, "values": {"temperature": 43, "humidity": 82}}],'
        b'"Device B": [{"ts": 1483228800000, "values": {"temperature": 42, "humidity": 80}}]}',
        [
            (1_483_228_800_000_000, "temperature", 42.0),
            (1_483_228_800_000_000, "humidity", 80.0),
            (1_483_228_801_000_000, "temperature", 43.0),
            (1_483_228_801_000_000, "humidity", 82.0),
            (1_483_228_800_000_000, "temperature", 42.0),
            (1_483_228_800_000_000, "humidity", 80.0),
        ],
    ),
    # RFC 8428 §5.1.1: a single measurement, without a time.
    Example(
        Dialect.SENML_JSON,
        b'[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]',
        [(None, "urn:dev:ow:10e2073a01080063", 23.1)],
        {"urn:dev:ow:10e2073a01080063": "Cel"},
    ),
    # RFC 8428 §5.1.2: base name, base time, base unit, relative times before it.
    Example(
        Dialect.SENML_JSON,
        b'[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,'
        b'"n":"voltage","u":"V","v":120.1},{"n":"current","t":-1,"v":1.5},{"n":"current","v":1.7}]',
        [
            (1_276_020_076_001_000, "urn:dev:ow:10e2073a0108006:voltage", 120.1),
            (1_276_020_076_001_000, "urn:dev:ow:10e2073a0108006:current", 1.7),
            (1_276_020_075_001_000, "urn:dev:ow:10e2073a0108006:current", 1.5),
        ],
        {"urn:dev:ow:10e2073a0108006:voltage": "V", "urn:dev:ow:10e2073a0108006:current": "A"},
    ),
    # Times relative to now, base value and base sum.
    Example(
        Dialect.SENML_JSON,
        b'[{"bn":"pool/","bv":7,"bs":100,"n":"ph","t":-60,"v":0.4},{"n":"ph","v":0.5},{"n":"water","s":20.5}]',
        [
            (ARRIVED - 60_000_000, "pool/ph", 7.4),
            (None, "pool/ph", 7.5),
            (None, "pool/water.sum", 120.5),
        ],
    ),
    Example(
        Dialect.SENML_CBOR,
        cbor2.dumps([{-2: "pool/", -3: TS_MS / 1000, 0: "ph", 1: "pH", 2: 7.42}, {0: "temp", 1: "Cel", 2: 27.3}]),
        [(TS, "pool/ph", 7.42), (TS, "pool/temp", 27.3)],
        {"pool/ph": "pH", "pool/temp": "Cel"},
    ),
    # help.aliyun.com, device properties: values alone or with their own times.
    Example(
        Dialect.ALINK,
        b'{"id":"123","version":"1.0","sys":{"ack":0},"params":{"Power":{"value":7.4,"time":1524448722000},'
        b'"WF":{"value":23.6,"time":1524448722000},"T":27.1},"method":"thing.event.property.post"}',
        [
            (1_524_448_722_000_000, "Power", 7.4),
            (1_524_448_722_000_000, "WF", 23.6),
            (None, "T", 27.1),
        ],
    ),
    # support.huaweicloud.com, reporting device properties.
    Example(
        Dialect.HUAWEI,
        b'{"services":[{"service_id":"Temperature","properties":{"value":57,"value2":60},'
        b'"event_time":"20151212T121212Z"},{"service_id":"Battery","properties":{"level":80}}]}',
        [
            (1_449_922_332_000_000, "value", 57.0),
            (1_449_922_332_000_000, "value2", 60.0),
            (None, "level", 80.0),
        ],
    ),
    # The same, of a gateway in batch.
    Example(
        Dialect.HUAWEI,
        b'{"devices":[{"device_id":"d1","services":[{"service_id":"w","properties":{"ph":7.4},'
        b'"event_time":"20260115T021500Z"}]},{"device_id":"d2","services":[{"service_id":"w","properties":{"ph":7.5}}]}]}',
        [(TS, "ph", 7.4), (None, "ph", 7.5)],
    ),
    Example(
        Dialect.HJ212,
        hj212.frame(
            "QN=20260115101500000;ST=21;CN=2011;PW=123456;MN=320600SWIM00000000000001;Flag=5;"
            "CP=&&DataTime=20260115101500;w01001-Rtd=7.42,w01001-Flag=N;w01010-Rtd=27.3,w01010-Flag=N&&"
        ),
        [(TS, "w01001", 7.42), (TS, "w01010", 27.3)],
    ),
    Example(
        Dialect.HJ212,
        hj212.frame(
            "QN=20260115101500000;ST=21;CN=2051;PW=123456;MN=320600SWIM00000000000001;Flag=5;"
            "CP=&&DataTime=20260115101500;w01001-Min=7.3,w01001-Avg=7.42,w01001-Max=7.5,w01001-Flag=N&&"
        ),
        [(TS, "w01001-Avg", 7.42), (TS, "w01001-Min", 7.3), (TS, "w01001-Max", 7.5)],
    ),
    Example(
        Dialect.MODBUS,
        _json({"ts": TS_MS, "map": "neopool", "registers": {"257": 4, "258": 742, "259": 702, "262": 65533}}),
        [(TS, "ph", 7.42), (TS, "orp", 702.0), (TS, "water_temperature", -0.3)],
        {"ph": "pH", "orp": "mV", "water_temperature": "℃"},
    ),
]
