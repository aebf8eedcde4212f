"""Events of custody: ``{"id": …, "ts": …, "event": "collected", "tag": …, …}`` or a list of them (docs/waste.md).

An event is kept whole or not at all: a bag with half of what was scanned would be another bag. What the law wants and
the message lacks is no error here; it is judged (`registry.waste.catalogue.EventKind.wants`).
"""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final

from ingest.decoders.json_text import JsonObject, finite, read_objects
from ingest.decoders.model import Decoded, Scan
from ingest.decoders.timestamps import read_timestamp
from ingest.rejection import Reason, shown
from registry.waste.catalogue import (
    LONGEST_ID,
    LONGEST_TAG,
    MOST_SIGNATURES,
    Container,
    Event,
    category_numbers,
    event_kinds,
)

HEAVIEST_KG: Final = 100_000
"""More than any vehicle that drives on roads."""

_SHAPE: Final = "an object or a list of objects"
_CODE: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_ID}}}\Z")
_TAG: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_TAG}}}\Z")
_REQUIRED: Final = ("id", "ts", "event", "tag")
_EVENTS: Final = MappingProxyType({each.code: each for each in Event})
_CONTAINERS: Final = MappingProxyType({each.code: each for each in Container})


def decode(payload: bytes) -> Decoded:
    """Events and rejections of a payload."""
    decoded = Decoded()
    for content, where in read_objects(payload, _SHAPE, "id, ts, event and tag", decoded):
        decode_event(content, where, decoded)
    return decoded


def decode_event(content: JsonObject, where: str, into: Decoded) -> None:
    """Add an object's event, or everything that is wrong with it; `where` is the prefix of its fields' names."""
    read: dict[str, Any] = {}
    wrong = False
    for name, value in content.items():
        if name in content.repeated:
            into.reject(Reason.WRONG_SHAPE, f"{where}{name} is given more than once; must be given once", where + name)
            wrong = True
            continue
        reader = _READERS.get(name)
        if reader is None:
            into.reject(Reason.WRONG_SHAPE, _unknown(name, where), where + name)
            continue
        if value is None or value == "":
            continue  # as if it were left out
        try:
            read[name] = reader(value)
        except ValueError as error:
            into.reject(_reason(name), f"{where}{name} is {shown(value)}; {error}", where + name)
            wrong = True
    for name in _lacking(read, content):
        into.reject(_reason(name), f"{where}{name} is missing; {_why(name, read)}", where + name)
        wrong = True
    gross, tare = read.get("gross_kg"), read.get("tare_kg")
    if gross is not None and tare is not None and tare > gross:
        detail = f"{where}tare_kg is {tare / 1000:g}; must be at most the gross weight, {gross / 1000:g} kg"
        into.reject(Reason.WRONG_SHAPE, detail, f"{where}tare_kg")
        wrong = True
    if type(seq := read.pop("seq", None)) is int:
        into.numbers.append((seq, read.get("ts")))
    if not wrong:
        into.scans.append(_scan(read, where))


def _scan(read: Mapping[str, Any], where: str) -> Scan:
    return Scan(
        id=read["id"],
        ts=read["ts"],
        event=read["event"],
        tag=read["tag"],
        kind=read.get("kind", Container.BAG),
        parent=read.get("parent", ""),
        category=read.get("category", 0),
        ward=read.get("ward", ""),
        gross_g=read.get("gross_kg"),
        tare_g=read.get("tare_kg"),
        signed_by=read.get("signed_by", ()),
        place=read.get("place", ""),
        to=read.get("to", ""),
        vehicle=read.get("vehicle", ""),
        manifest=read.get("manifest", ""),
        sealed=read.get("sealed"),
        where=where,
    )


def content_of(scan: Scan) -> int:
    """A 64-bit digest of all that a device said of an event but its id: two that are equal say the same."""
    said = (
        scan.ts,
        int(scan.event),
        scan.tag,
        int(scan.kind),
        scan.parent,
        scan.category,
        scan.ward,
        scan.gross_g,
        scan.tare_g,
        ",".join(scan.signed_by),
        scan.place,
        scan.to,
        scan.vehicle,
        scan.manifest,
        scan.sealed,
    )
    # No code holds the separator.
    return int.from_bytes(blake2b("|".join(map(str, said)).encode(), digest_size=8).digest(), "little", signed=True)


def _lacking(read: Mapping[str, Any], content: JsonObject) -> list[str]:
    """The required fields that were not given; one that was given wrongly is reported already."""
    event = read.get("event")
    needed = _REQUIRED if event is None else (*_REQUIRED, *event_kinds()[event].needs)
    return [name for name in needed if name not in read and content.get(name) in (None, "")]


def _why(name: str, read: Mapping[str, Any]) -> str:
    if name in _REQUIRED:
        return "must be given, as nobody can tell otherwise what happened to which container when"
    return f"must be given, as {read['event'].code} says nothing without it"


def _unknown(name: str, where: str) -> str:
    meant = get_close_matches(name, _READERS, n=1)
    hint = f"; did you mean {meant[0]}?" if meant else f"; the fields are {', '.join(_READERS)}"
    return f"{where}{shown(name)} is no field of an event and was passed over{hint}"


def _reason(name: str) -> Reason:
    if name == "ts":
        return Reason.BAD_TIMESTAMP
    return Reason.NOT_A_NUMBER if name in ("gross_kg", "tare_kg") else Reason.WRONG_SHAPE


def _code(value: object) -> str:
    if isinstance(value, str) and _CODE.match(value):
        return value
    raise ValueError(f"must be a string of 1 to {LONGEST_ID} letters, digits, '_' or '-'")


def _tag(value: object) -> str:
    if isinstance(value, str) and _TAG.match(value):
        return value
    raise ValueError(f"must be a string of 1 to {LONGEST_TAG} letters, digits, '_' or '-'")


def _ts(value: object) -> int:
    try:
        return read_timestamp(value)
    except ValueError as error:
        raise ValueError(str(error).partition("; ")[2]) from None


def _event(value: object) -> Event:
    found = _EVENTS.get(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"must be one of {', '.join(_EVENTS)}")
    return found


def _kind(value: object) -> Container:
    found = _CONTAINERS.get(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"must be one of {', '.join(_CONTAINERS)}")
    return found


def _category(value: object) -> int:
    found = category_numbers().get(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"must be one of {', '.join(category_numbers())}")
    return found


def _grams(value: object) -> int:
    number = finite(value) if type(value) is int or type(value) is float else None
    if number is None or not 0 <= number <= HEAVIEST_KG:
        raise ValueError(f"must be a number of kg from 0 to {HEAVIEST_KG}")
    return round(number * 1000)


def _signatures(value: object) -> tuple[str, ...]:
    right = f"must be a list of at most {MOST_SIGNATURES} different persons' codes"
    if not isinstance(value, list) or len(value) > MOST_SIGNATURES:
        raise ValueError(right)
    try:
        codes = tuple(_code(each) for each in value)
    except ValueError:
        raise ValueError(f"{right}, each of letters, digits, '_' or '-'") from None
    if len(set(codes)) < len(codes):
        raise ValueError(right)
    return codes


def _sealed(value: object) -> bool:
    if value is True or value is False:
        return value
    raise ValueError("must be true or false")


def _seq(value: object) -> int:
    if type(value) is not int:
        raise ValueError("must be a whole number")
    return value


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "id": _code,
        "ts": _ts,
        "event": _event,
        "tag": _tag,
        "kind": _kind,
        "parent": _tag,
        "category": _category,
        "ward": _code,
        "gross_kg": _grams,
        "tare_kg": _grams,
        "signed_by": _signatures,
        "place": _code,
        "to": _code,
        "vehicle": _code,
        "manifest": _code,
        "sealed": _sealed,
        "seq": _seq,
    }
)
"""What each field's value is read with; raises `ValueError` saying what would be right."""
