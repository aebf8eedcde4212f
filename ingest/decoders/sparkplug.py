"""Sparkplug B 3.0: births name the metrics, data may give their aliases alone, a gap in `seq` asks for a rebirth.

Topics are ``spBv1.0/{group}/{type}/{edge}/[{device}]``. What an edge node has declared is a `Node`, an immutable
value that each message turns into the next: so a decoder with memory stays a function. NDATA and DDATA come with
QoS 0 by the specification, so a broker's death may lose them: they are outside Landun's promise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from ingest.decoders.json_text import finite
from ingest.decoders.model import Decoded, Sample
from ingest.decoders.sparkplug_b_pb2 import Payload
from ingest.decoders.timestamps import read_milliseconds
from ingest.rejection import Reason, shown

NAMESPACE: Final = "spBv1.0"
REBIRTH: Final = "Node Control/Rebirth"
UNIT_PROPERTY: Final = "engUnit"
"""The property that Ignition and others give a metric's engineering unit in."""

_SEQ_MODULUS: Final = 256
_DATA_TYPES: Final = ("NDATA", "DDATA")
_BIRTH_TYPES: Final = ("NBIRTH", "DBIRTH")
_DEATH_TYPES: Final = ("NDEATH", "DDEATH")
_TYPES: Final = (*_BIRTH_TYPES, *_DEATH_TYPES, *_DATA_TYPES)
_LEVELS_OF_NODE: Final = 4
_SIGNED_BITS: Final = {1: 8, 2: 16, 3: 32, 4: 64}
"""Data types Int8 to Int64 (specification, 6.4.16), sent as unsigned two's complement."""

_NOT_READINGS: Final = ("Node Control/", "Device Control/", "Properties/")
_NUMERIC: Final = ("int_value", "long_value", "float_value", "double_value", "boolean_value")


class Topic(NamedTuple):
    """A Sparkplug topic's levels; `device` is empty for the node itself."""

    group: str
    kind: str
    edge: str
    device: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as its birth declared it."""

    name: str
    datatype: int
    unit: str


@dataclass(frozen=True, slots=True)
class Node:
    """What an edge node has declared. `metrics` are by device and alias; `seq` is the last sequence number seen."""

    born: bool = False
    seq: int | None = None
    metrics: Mapping[tuple[str, int], Metric] = field(default_factory=lambda: MappingProxyType({}))
    units: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    alive: frozenset[str] = frozenset()


class Step(NamedTuple):
    """A message's outcome. `rebirth` says why the node must be asked to send its births again, if it must."""

    decoded: Decoded
    node: Node
    rebirth: str | None = None


def is_command(topic: str) -> bool:
    """Whether a topic is what a host says: a command to a node, or its own state."""
    namespace, _, rest = topic.partition("/")
    levels = rest.split("/")
    return namespace == NAMESPACE and (levels[0] == "STATE" or levels[1:2] == ["NCMD"] or levels[1:2] == ["DCMD"])


def read_topic(topic: str) -> Topic | str:
    """The levels of a Sparkplug topic, or what is wrong with it."""
    levels = topic.split("/")
    right = f"must be {NAMESPACE}/group/type/edge[/device] with type one of {', '.join(_TYPES)}"
    if len(levels) not in (_LEVELS_OF_NODE, _LEVELS_OF_NODE + 1) or levels[0] != NAMESPACE or not all(levels):
        return f"topic {shown(topic)}: {right}"
    device = levels[4] if len(levels) > _LEVELS_OF_NODE else ""
    if levels[2] not in _TYPES or bool(device) != levels[2].startswith("D"):
        return f"topic {shown(topic)}: {right}; D types name a device, N types none"
    return Topic(levels[1], levels[2], levels[3], device)


def decode(topic: Topic, payload: bytes, node: Node) -> Step:
    """Samples and rejections of a message, and what is known of its node from now on."""
    decoded = Decoded()
    message = Payload()
    try:
        message.ParseFromString(payload)
    except DecodeError as error:
        decoded.reject(Reason.MALFORMED_PROTOBUF, f"{shown(str(error))}; must be a Sparkplug B payload")
        return Step(decoded, node)
    if topic.kind == "NDEATH":
        return Step(decoded, Node())
    if topic.kind == "NBIRTH":
        node = Node(born=True, seq=message.seq, alive=frozenset(("",)))
        return Step(decoded, _born(topic, message, node, decoded))
    node, rebirth = _in_sequence(topic, message, node)
    if topic.kind == "DDEATH":
        return Step(decoded, _buried(node, topic.device), rebirth)
    if topic.kind == "DBIRTH":
        return Step(decoded, _born(topic, message, _buried(node, topic.device), decoded), rebirth)
    missing = _read_metrics(topic, message, node, decoded)
    return Step(decoded, node, rebirth or missing)


def command_topic(group: str, edge: str) -> str:
    """The topic of a command to a node."""
    return f"{NAMESPACE}/{group}/NCMD/{edge}"


def rebirth_command() -> bytes:
    """The payload of the NCMD that asks a node for its births (specification, 6.4.24)."""
    message = Payload()
    message.metrics.add(name=REBIRTH, datatype=11, boolean_value=True)
    return message.SerializeToString()


def _in_sequence(topic: Topic, message: Payload, node: Node) -> tuple[Node, str | None]:
    """The node with this message's sequence number, and why it must be reborn where a number is missing."""
    if not node.born:
        return node, f"{topic.kind} of {topic.edge} came before its NBIRTH"
    expected = (node.seq + 1) % _SEQ_MODULUS if node.seq is not None else message.seq
    wrong = None
    if message.seq != expected:
        wrong = f"seq of {topic.edge} is {message.seq}; {expected} was to come"
    return replace(node, seq=message.seq), wrong


def _buried(node: Node, device: str) -> Node:
    return replace(
        node,
        metrics=MappingProxyType({key: each for key, each in node.metrics.items() if key[0] != device}),
        units=MappingProxyType({key: each for key, each in node.units.items() if key[0] != device}),
        alive=node.alive - {device},
    )


def _born(topic: Topic, message: Payload, node: Node, into: Decoded) -> Node:
    """The node with a birth's declarations; the birth's own values are samples too."""
    metrics = dict(node.metrics)
    units = dict(node.units)
    for metric in message.metrics:
        unit = _unit(metric)
        if metric.HasField("alias"):
            metrics[topic.device, metric.alias] = Metric(_text(metric.name), metric.datatype, unit)
        if unit:
            units[topic.device, _text(metric.name)] = unit
    born = replace(
        node, metrics=MappingProxyType(metrics), units=MappingProxyType(units), alive=node.alive | {topic.device}
    )
    _read_metrics(topic, message, born, into)
    return born


def _unit(metric: Payload.Metric) -> str:
    for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        if key == UNIT_PROPERTY:
            return _text(value.string_value)
    return ""


def _read_metrics(topic: Topic, message: Payload, node: Node, into: Decoded) -> str | None:
    """Add the samples of a message's metrics; why a rebirth is needed where an alias is not known."""
    birth = topic.kind in _BIRTH_TYPES
    samples: dict[tuple[int | None, bool], Sample] = {}
    missing = None
    for index, metric in enumerate(message.metrics):
        at = f"metrics[{index}]"
        declared = node.metrics.get((topic.device, metric.alias)) if metric.HasField("alias") else None
        name = _text(metric.name) or (declared.name if declared else "")
        if not name:
            missing = f"alias {metric.alias} of {topic.edge}/{topic.device} was not declared in a birth"
            into.reject(Reason.BEFORE_BIRTH, f"{missing}; the birth must come first", at)
            continue
        datatype = metric.datatype or (declared.datatype if declared else 0)
        value = _value(metric, datatype)
        if value is None:
            if not birth:  # a birth also declares what is no reading
                what = "null" if metric.is_null else shown(_text(metric.string_value) or metric.WhichOneof("value"))
                into.reject(Reason.NOT_A_NUMBER, f"{name} is {what}; must be a number", name)
            continue
        if birth and (name == "bdSeq" or name.startswith(_NOT_READINGS)):
            continue
        try:
            ts = _time(metric, message)
        except ValueError as error:
            into.reject(Reason.BAD_TIMESTAMP, str(error), f"{name}.timestamp")
            continue
        sample = samples.setdefault(
            (ts, metric.is_historical),
            Sample(ts, {}, units={}, device=topic.device or None, historical=metric.is_historical, declared=birth),
        )
        sample.values[name] = value
        unit = _unit(metric) or (declared.unit if declared else "") or node.units.get((topic.device, name), "")
        if unit:
            sample.units = {**sample.units, name: unit}
    into.samples += samples.values()
    return missing


def _text(given: str | bytes) -> str:
    """A protobuf string; the library hands out bytes where the sender's were no UTF-8."""
    return given if isinstance(given, str) else given.decode("utf-8", "backslashreplace")


def _time(metric: Payload.Metric, message: Payload) -> int | None:
    if metric.HasField("timestamp"):
        return read_milliseconds(metric.timestamp, "timestamp")
    if message.HasField("timestamp"):
        return read_milliseconds(message.timestamp, "timestamp")
    return None


def _value(metric: Payload.Metric, datatype: int) -> float | None:
    """A metric's number; None where it has none."""
    given = metric.WhichOneof("value")
    if metric.is_null or given not in _NUMERIC:
        return None
    number = getattr(metric, given)
    bits = _SIGNED_BITS.get(datatype)
    if bits is not None and given in ("int_value", "long_value"):
        low = number & ((1 << bits) - 1)
        number = low - (1 << bits) if low >> (bits - 1) else low
    if given == "float_value":
        number = str(np.float32(number))  # the shortest decimal of the 32-bit number, so that 7.4 stays 7.4
    return finite(float(number))
