"""Flat records of the registry as the journal and the snapshot keep them: one JSON object, times in ISO 8601 UTC."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def record_json(record: "DataclassInstance") -> dict[str, Any]:
    """Each field by its name; an aware time as its moment in UTC."""
    found = {field.name: getattr(record, field.name) for field in fields(record)}
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in found.items()
    }


def record_fields(kind: "type[DataclassInstance]", raw: Mapping[str, Any], times: Iterable[str]) -> dict[str, Any]:
    """The arguments to make a `kind` of what `record_json` made; `times` are its fields that hold a moment or None.

    Raises `KeyError`, `TypeError` or `ValueError` on anything else.
    """
    found = {field.name: raw[field.name] for field in fields(kind)}
    return found | {name: datetime.fromisoformat(found[name]) for name in times if found[name] is not None}
