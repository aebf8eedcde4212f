"""One suite for every dialect: its examples, any bytes, broken examples, and nothing good lost beside a bad value."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decoders import hj212
from ingest.decoders.model import Decoded
from ingest.dialects import CUSTODY, DECODERS
from operations.bench.mutation import mutants
from registry.model import Dialect
from tests.ingest.decoders.custody_examples import CUSTODY_EXAMPLES
from tests.ingest.decoders.examples import ARRIVED, EXAMPLES, Example, readings_of

DIALECTS = sorted(DECODERS)


def _check(decoded: Decoded) -> None:
    """What must hold of any payload."""
    came_to = decoded.samples or decoded.scans or decoded.fixes or decoded.rejections or decoded.nothing
    assert came_to, "a payload came to nothing at all"
    for sample in decoded.samples:
        assert sample.values or sample.missing, "a sample without a value"
        assert all(math.isfinite(value) for value in sample.values.values())
        assert all(math.copysign(1, value) > 0 for value in sample.values.values() if value == 0)
        assert set(sample.units) <= set(sample.values)
    for scan in decoded.scans:
        assert 0 < len(scan.id) <= 64
        assert 0 < len(scan.tag) <= 24
        assert scan.gross_g is None or 0 <= (scan.tare_g or 0) <= scan.gross_g <= 100_000_000
    for fix in decoded.fixes:
        assert abs(fix.lat) <= 90
        assert abs(fix.lon) <= 180
    for rejection in decoded.rejections:
        assert rejection.detail


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: f"{each.dialect}-{each.payload[:24]!r}")
def test_examples_come_to_their_readings(example: Example) -> None:
    """Every documented example gives exactly its readings, with their units, and no rejection."""
    decoded = DECODERS[example.dialect](example.payload, ARRIVED)
    assert decoded.rejections == []
    assert readings_of(decoded) == example.readings
    assert {name: unit for sample in decoded.samples for name, unit in sample.units.items()} == example.units
    _check(decoded)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(payload=st.binary(max_size=300))
def test_any_bytes_are_answered(dialect: Dialect, payload: bytes) -> None:
    """No bytes raise; all come to readings or to a reason."""
    _check(DECODERS[dialect](payload, ARRIVED))


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32))
def test_broken_examples_are_answered(dialect: Dialect, seed: int) -> None:
    """Examples with bytes changed, cut, doubled or swapped raise nothing."""
    for payload in mutants([each.payload for each in EXAMPLES if each.dialect is dialect], 20, seed):
        _check(DECODERS[dialect](payload, ARRIVED))


@pytest.mark.parametrize("kind", sorted(CUSTODY))
@given(payload=st.binary(max_size=300))
def test_any_bytes_of_custody_are_answered(kind: str, payload: bytes) -> None:
    """The same of events, positions and terminals' frames."""
    _check(CUSTODY[kind](payload))


@pytest.mark.parametrize("kind", sorted(CUSTODY))
@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32))
def test_broken_examples_of_custody_are_answered(kind: str, seed: int) -> None:
    """Examples of events, positions and frames with bytes changed, cut, doubled or swapped raise nothing."""
    for payload in mutants(CUSTODY_EXAMPLES[kind], 20, seed):
        _check(CUSTODY[kind](payload))


@pytest.mark.parametrize(
    ("dialect", "good", "bad"),
    [
        (Dialect.NATIVE, b'"values":{"ph":7.1', b',"orp":"high"'),
        (Dialect.THINGSBOARD, b'{"ph":7.1', b',"orp":"high"'),
        (Dialect.ALINK, b'{"params":{"ph":7.1', b',"orp":true'),
        (Dialect.HUAWEI, b'{"services":[{"properties":{"ph":7.1', b',"orp":[1]'),
        (Dialect.SENML_JSON, b'[{"n":"ph","v":7.1}', b',{"n":"orp","vs":"high"}'),
        (Dialect.HJ212, b"DataTime=20260115101500;ph-Rtd=7.1", b";orp-Rtd=high"),
    ],
)
def test_a_good_value_is_kept_beside_a_bad_one(dialect: Dialect, good: bytes, bad: bytes) -> None:
    """One bad value is rejected by its name, and the value beside it is a reading."""
    decoded = DECODERS[dialect](_closed(dialect, good + bad), ARRIVED)
    assert [(name, value) for _, name, value in readings_of(decoded)] == [("ph", 7.1)]
    (rejection,) = decoded.rejections
    assert "orp" in rejection.detail
    assert rejection.reason == "not_a_number"


def _closed(dialect: Dialect, body: bytes) -> bytes:
    match dialect:
        case Dialect.NATIVE:
            return b'{"ts":1768443300000,' + body + b"}}"
        case Dialect.THINGSBOARD:
            return body + b"}"
        case Dialect.ALINK:
            return body + b"}}"
        case Dialect.HUAWEI:
            return body + b"}}]}"
        case Dialect.SENML_JSON:
            return body + b"]"
        case _:
            head = "QN=20260115101500000;ST=21;CN=2011;PW=1;MN=M1;Flag=4;CP=&&"
            return hj212.frame(f"{head}{body.decode()}&&")
