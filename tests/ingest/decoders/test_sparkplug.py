"""Sparkplug B 3.0: payloads that a client nobody here wrote has encoded, births, aliases, gaps and deaths."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decoders.sparkplug import Node, Step, Topic, decode, read_topic, rebirth_command
from ingest.decoders.sparkplug_b_pb2 import Payload
from operations.bench.mutation import mutants
from tests.ingest.decoders.examples import TS, TS_MS, readings_of
from tests.node import node as node_program

CLIENT: Final = Path(__file__).parents[2] / "sparkplug_client"
GROUP, EDGE = "320602", "DEV1"


def topic(kind: str, device: str = "") -> Topic:
    """A topic of the edge node."""
    return Topic(GROUP, kind, EDGE, device)


def encoded(*payloads: dict[str, Any]) -> list[bytes]:
    """Payloads as the Sparkplug community's own JavaScript library encodes them."""
    program = node_program(CLIENT, "sparkplug-payload")
    lines = "\n".join(json.dumps(each) for each in payloads)
    done = subprocess.run(
        [program, "encode.js"], cwd=CLIENT, input=lines, capture_output=True, text=True, check=True, timeout=60
    )
    return [base64.b64decode(line) for line in done.stdout.split()]


BIRTH: Final[dict[str, Any]] = {
    "timestamp": TS_MS,
    "seq": 0,
    "metrics": [
        {"name": "bdSeq", "type": "UInt64", "value": 0},
        {"name": "Node Control/Rebirth", "type": "Boolean", "value": False},
        {
            "name": "ph",
            "alias": 1,
            "type": "Float",
            "value": 7.4,
            "properties": {"engUnit": {"type": "String", "value": "pH"}},
        },
        {"name": "temp", "alias": 2, "type": "Int16", "value": -3},
        {"name": "maker", "type": "String", "value": "Acme"},
    ],
}


def data(seq: int, *metrics: dict[str, Any]) -> dict[str, Any]:
    """An NDATA payload one minute after the birth."""
    return {"timestamp": TS_MS + 60_000, "seq": seq, "metrics": list(metrics)}


def test_a_birth_names_what_data_gives_by_alias() -> None:
    """Encoded by someone else's library: births give values, units and aliases; data by alias alone are read."""
    birth, first, second = encoded(
        BIRTH,
        data(1, {"alias": 1, "type": "Float", "value": 7.31}),
        data(2, {"alias": 2, "type": "Int16", "value": -12, "isHistorical": True, "timestamp": TS_MS + 5_000}),
    )
    step = decode(topic("NBIRTH"), birth, Node())
    assert readings_of(step.decoded) == [(TS, "ph", 7.4), (TS, "temp", -3.0)]
    assert step.decoded.samples[0].units == {"ph": "pH"}
    assert step.decoded.samples[0].declared
    assert step.decoded.rejections == []
    step = decode(topic("NDATA"), first, step.node)
    assert readings_of(step.decoded) == [(TS + 60_000_000, "ph", 7.31)]
    assert step.decoded.samples[0].units == {"ph": "pH"}
    assert step.rebirth is None
    step = decode(topic("NDATA"), second, step.node)
    assert readings_of(step.decoded) == [(TS + 5_000_000, "temp", -12.0)]
    assert step.decoded.samples[0].historical
    assert step.rebirth is None


def _payload(seq: int, **metric: Any) -> bytes:
    message = Payload(timestamp=TS_MS, seq=seq)
    message.metrics.add(**metric)
    return message.SerializeToString()


def _born() -> Step:
    return decode(topic("NBIRTH"), _payload(0, name="ph", alias=1, datatype=10, double_value=7.4), Node())


def test_a_gap_in_seq_asks_for_a_rebirth_and_keeps_the_data() -> None:
    """A missing sequence number asks for the births again; the message that showed it is still read."""
    step = decode(topic("NDATA"), _payload(5, alias=1, double_value=7.2), _born().node)
    assert step.rebirth == "seq of DEV1 is 5; 1 was to come"
    assert [value for _, _, value in readings_of(step.decoded)] == [7.2]
    assert decode(topic("NDATA"), _payload(6, alias=1, double_value=7.2), step.node).rebirth is None


def test_seq_wraps_after_255() -> None:
    """After 255 comes 0, which is no gap."""
    node = _born().node
    for seq in [*range(1, 256), 0, 1]:
        step = decode(topic("NDATA"), _payload(seq, alias=1, double_value=7.2), node)
        assert step.rebirth is None
        node = step.node


def test_data_before_a_birth_ask_for_it() -> None:
    """An alias that no birth declared is a rejection that says so, and asks for a rebirth; a name is read."""
    step = decode(topic("NDATA"), _payload(1, alias=9, double_value=7.2), Node())
    assert [each.reason for each in step.decoded.rejections] == ["before_birth"]
    assert step.rebirth
    step = decode(topic("NDATA"), _payload(1, name="ph", double_value=7.2), Node())
    assert readings_of(step.decoded) == [(TS, "ph", 7.2)]
    assert step.rebirth


def test_a_death_forgets_what_was_declared() -> None:
    """After a device's death its aliases mean nothing, its node's still do; a node's death forgets all."""
    node = _born().node
    step = decode(topic("DBIRTH", "D2"), _payload(1, name="orp", alias=7, datatype=10, double_value=700.0), node)
    assert step.node.alive == {"", "D2"}
    assert step.decoded.samples[0].device == "D2"
    step = decode(topic("DDEATH", "D2"), _payload(2), step.node)
    assert step.node.alive == {""}
    dead = decode(topic("DDATA", "D2"), _payload(3, alias=7, double_value=700.0), step.node)
    assert [each.reason for each in dead.decoded.rejections] == ["before_birth"]
    assert decode(topic("NDEATH"), _payload(0), dead.node).node == Node()


@pytest.mark.parametrize(
    ("datatype", "given_as", "number", "value"),
    [
        (1, "int_value", 0xFE, -2.0),
        (2, "int_value", 0xFFFE, -2.0),
        (3, "int_value", 0xFFFFFFFE, -2.0),
        (4, "long_value", 2**64 - 2, -2.0),
        (7, "int_value", 0xFFFFFFFE, 4294967294.0),
        (9, "float_value", 7.4, 7.4),
        (11, "boolean_value", True, 1.0),
    ],
)
def test_numbers_are_what_their_type_says(datatype: int, given_as: str, number: Any, value: float) -> None:
    """Signed integers come as unsigned two's complement; a 32-bit 7.4 stays 7.4."""
    step = decode(topic("NDATA"), _payload(1, name="x", datatype=datatype, **{given_as: number}), _born().node)
    assert readings_of(step.decoded) == [(TS, "x", value)]


@pytest.mark.parametrize("metric", [{"is_null": True}, {"string_value": "high"}, {"float_value": float("nan")}, {}])
def test_what_is_no_number_is_rejected_by_name(metric: dict[str, Any]) -> None:
    """A null, a text or a NaN is a rejection that names the metric."""
    step = decode(topic("NDATA"), _payload(1, name="ph", datatype=10, **metric), _born().node)
    assert step.decoded.samples == []
    (rejection,) = step.decoded.rejections
    assert rejection.field == "ph"


def test_the_rebirth_command_is_readable() -> None:
    """The command says what the specification's 6.4.24 says."""
    message = Payload()
    message.ParseFromString(rebirth_command())
    assert message.metrics[0].name == "Node Control/Rebirth"
    assert message.metrics[0].boolean_value


@pytest.mark.parametrize(
    "wrong", ["spBv1.0/g/NDATA", "spBv1.0/g/NDATA/e/d", "spBv1.0/g/DDATA/e", "spBv1.0/g/XDATA/e", "spBv1.0//NDATA/e"]
)
def test_a_wrong_topic_says_what_is_right(wrong: str) -> None:
    """A topic that is none of Sparkplug's says what would be."""
    assert "must be spBv1.0/group/type/edge" in str(read_topic(wrong))


@given(kind=st.sampled_from(["NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"]), payload=st.binary())
def test_any_bytes_are_answered(kind: str, payload: bytes) -> None:
    """No payload raises, whatever its type and state."""
    for before in (Node(), _born().node):
        decode(topic(kind, "D2" if kind.startswith("D") else ""), payload, before)


@given(st.integers(0, 2**32))
def test_broken_payloads_are_answered(seed: int) -> None:
    """Good payloads with bytes changed raise nothing, one after the other on the same node."""
    good = [
        _payload(0, name="ph", alias=1, datatype=10, double_value=7.4),
        _payload(1, alias=1, double_value=7.2),
        _payload(2, alias=1, is_null=True),
    ]
    node = Node()
    for index, payload in enumerate(mutants(good, 20, seed)):
        node = decode(
            topic(("NBIRTH", "NDATA", "DBIRTH", "DDATA")[index % 4], "D2" * (index % 4 > 1)), payload, node
        ).node
