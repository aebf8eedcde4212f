"""A voice: where a device publishes and what its samples look like there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, Protocol

import cbor2

from registry.units import IDENTITY, Conversion
from simulators.outbox import BATCH, Sample, payload_of

Words = tuple[str, bytes]
"""A topic and a payload."""

BEIJING: Final = timezone(timedelta(hours=8))
"""The clock of China's own protocols."""

_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class Term:
    """What a device calls an indicator, in which unit it gives it (empty: it does not say), and how it gets there."""

    name: str
    unit: str = ""
    conversion: Conversion = IDENTITY

    def value(self, value: float) -> float:
        """An indicator's value as the device gives it."""
        return value if self.conversion is IDENTITY else round(self.conversion.apply(value), _DECIMALS)


Terms = Mapping[str, Term]
"""By indicator."""


class Voice(Protocol):
    """A dialect as one device speaks it.

    `most_samples` is how many samples a message may hold, `resolution_ms` the step of its times.
    """

    @property
    def most_samples(self) -> int:
        """How many samples a message may hold."""

    @property
    def resolution_ms(self) -> int:
        """The step of its times."""

    def say(self, samples: tuple[Sample, ...]) -> Words:
        """One message with all the samples, oldest first."""

    def greet(self) -> Sequence[Words]:
        """What is said first on every new connection."""

    def will(self) -> Words | None:
        """What the broker is to say when the connection breaks, if that is not the status topic's business."""

    def ears(self) -> Sequence[str]:
        """Topics that the device listens to."""

    def hear(self, payload: bytes) -> Sequence[Words]:
        """What is answered to a message on one of its ears."""


class Plain:
    """A voice without ceremony: a topic, and a function from samples to payload."""

    most_samples = BATCH
    resolution_ms = 1

    def __init__(self, topic: str, terms: Terms) -> None:
        self.topic = topic
        self.terms = terms

    def say(self, samples: tuple[Sample, ...]) -> Words:
        """One message with all the samples, oldest first."""
        return self.topic, self.payload(samples)

    def greet(self) -> Sequence[Words]:
        """Nothing."""
        return ()

    def will(self) -> Words | None:
        """Nothing."""
        return None

    def ears(self) -> Sequence[str]:
        """None."""
        return ()

    def hear(self, payload: bytes) -> Sequence[Words]:  # noqa: ARG002 - it has no ears
        """Nothing."""
        return ()

    def payload(self, samples: tuple[Sample, ...]) -> bytes:
        """The native payload."""
        return payload_of(samples)

    def named(self, sample: Sample) -> dict[str, float]:
        """A sample's values by the names that the device gives them."""
        return {self.terms[name].name: self.terms[name].value(value) for name, value in sample.values.items()}


class ThingsBoard(Plain):
    """A ThingsBoard device: one ``{ts, values}`` or a list of them."""

    def payload(self, samples: tuple[Sample, ...]) -> bytes:
        """A telemetry upload."""
        records = [{"ts": each.ts, "values": self.named(each)} for each in samples]
        return _json(records if len(records) > 1 else records[0])


class ThingsBoardGateway(Plain):
    """What a ThingsBoard gateway sends for one of its devices, which it calls `device`."""

    def __init__(self, topic: str, terms: Terms, device: str) -> None:
        super().__init__(topic, terms)
        self.device = device

    def payload(self, samples: tuple[Sample, ...]) -> bytes:
        """A gateway's telemetry upload."""
        return _json({self.device: [{"ts": each.ts, "values": self.named(each)} for each in samples]})


class SenmlJson(Plain):
    """SenML in JSON: a base name and time for each sample."""

    def __init__(self, topic: str, terms: Terms, base: str) -> None:
        super().__init__(topic, terms)
        self.base = base

    def payload(self, samples: tuple[Sample, ...]) -> bytes:
        """A pack."""
        return _json(self.pack(samples))

    def pack(self, samples: tuple[Sample, ...]) -> list[dict[str, Any]]:
        """The records of all samples; the first of each sample carries its time."""
        records: list[dict[str, Any]] = []
        for sample in samples:
            for index, (indicator, value) in enumerate(sample.values.items()):
                record: dict[str, Any] = {"bn": self.base, "bt": sample.ts / 1000} if index == 0 else {}
                term = self.terms[indicator]
                record |= {"n": term.name, "v": term.value(value)}
                if term.unit:
                    record["u"] = term.unit
                records.append(record)
        return records


class SenmlCbor(SenmlJson):
    """SenML in CBOR, its labels as RFC 8428's table 4 numbers them."""

    _LABELS: Final[Mapping[str, int]] = {"bn": -2, "bt": -3, "n": 0, "u": 1, "v": 2}

    def payload(self, samples: tuple[Sample, ...]) -> bytes:
        """A pack."""
        return cbor2.dumps(
            [{self._LABELS[key]: value for key, value in record.items()} for record in self.pack(samples)]
        )


class Alink(Plain):
    """Alibaba's property post, which holds one sample."""

    most_samples = 1

    def payload(self, samples: tuple[Sample, ...]) -> bytes:
        """A property post."""
        (sample,) = samples
        params = {name: {"value": value, "time": sample.ts} for name, value in self.named(sample).items()}
        return _json(
            {
                "id": str(sample.seq),
                "version": "1.0",
                "sys": {"ack": 0},
                "params": params,
                "method": "thing.event.property.post",
            }
        )


class Huawei(Plain):
    """Huawei IoTDA's property report: a service for each sample, its time in whole seconds."""

    resolution_ms = 1_000

    def payload(self, samples: tuple[Sample, ...]) -> bytes:
        """A report."""
        services = [
            {
                "service_id": "water",
                "properties": self.named(each),
                "event_time": f"{datetime.fromtimestamp(each.ts / 1000, UTC):%Y%m%dT%H%M%SZ}",
            }
            for each in samples
        ]
        return _json({"services": services})


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
