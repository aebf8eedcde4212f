"""The OpenAPI document: what integrators read."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from monitor.api.app import create_app
from monitor.api.settings import VERSION, ApiSettings


@pytest.fixture(scope="module")
def application() -> FastAPI:
    """The application, not running."""
    return create_app(ApiSettings(database_url="postgresql://nowhere", token_secret="s" * 40))


@pytest.fixture(scope="module")
def document(application: FastAPI) -> dict[str, Any]:
    """Its OpenAPI document."""
    return application.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation with its name."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_schema_is_a_valid_json_schema(document: dict[str, Any]) -> None:
    """OpenAPI 3.1 schemas are JSON Schema 2020-12; every reference leads somewhere."""
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == VERSION
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(document))):
        assert reference in document["components"]["schemas"], reference


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    """Tag, summary, description, and each parameter described, so that the document can be used by itself."""
    known = {tag["name"] for tag in document["tags"]}
    for name, operation in operations(document):
        assert operation.get("summary"), name
        assert operation.get("description"), name
        assert set(operation["tags"]) <= known, name
        for parameter in operation.get("parameters", ()):
            if parameter["name"] not in {"limit", "offset", "fault_id"}:
                assert parameter.get("description"), (name, parameter["name"])


def test_every_answer_has_a_shape(document: dict[str, Any]) -> None:
    """Each success names a schema or a kind of file; each error is the one error model."""
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            content = answer.get("content", {})
            assert content, (name, status)
            for kind, body in content.items():
                if not status.startswith("2"):
                    assert body["schema"]["$ref"].endswith("/Error"), (name, status)
                elif kind == "application/json":
                    assert body.get("schema"), (name, status)


def test_everything_but_health_and_sign_in_asks_for_a_token(document: dict[str, Any]) -> None:
    """The document says which operations need a token."""
    open_to_all = {name for name, operation in operations(document) if not operation.get("security")}
    assert open_to_all == {
        "GET /health",
        "POST /api/v1/auth/token",
        "GET /api/v1/displays/{key}",
        "GET /api/v1/published/pools",
        "GET /api/v1/published/samples",
        "GET /api/v1/published/rounds",
        "POST /api/v1/published/rounds/{round_id}/votes",
        "GET /api/v1/published/draws/{draw_id}",
        "GET /api/v1/anchors",
        "GET /api/v1/anchors.jsonl",
        "GET /api/v1/verify.py",
    }


def test_fields_are_described_or_speak_for_themselves(document: dict[str, Any]) -> None:
    """Every number that is not a count, an id or a choice has a description: that is where its unit stands."""
    undescribed = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, property_ in schema.get("properties", {}).items()
        if "'number'" in str(property_)
        and "description" not in property_
        and not property_.get("$ref")
        and name != "Points"
    ]
    assert undescribed == []


def test_live_frames_are_in_the_document(document: dict[str, Any]) -> None:
    """OpenAPI has no WebSockets, so the frames' shapes stand among the schemas, told apart by `type`."""
    frame = document["components"]["schemas"]["LiveFrame"]
    assert set(frame["discriminator"]["mapping"]) == {"hello", "latest", "alarm", "notification", "health"}
