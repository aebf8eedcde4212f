"""Every refusal of the API says in both languages what was wrong."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any, Final

import httpx
import pytest

from registry.catalogue import entries
from tests.api.conftest import Served

HAN: Final = re.compile(r"[一-鿿]")
MONITOR: Final = Path(__file__).parents[2] / "monitor"
REFUSING: Final = {"unacceptable": 0, "conflict": 0, "not_found": 0, "forbidden": 0, "refused": 1, "unauthorized": 0}
"""Functions that make a refusal, and the place of the key among their arguments."""
PARAMETERS: Final = {
    "code": "NT-999",
    "name": "no-such",
    "username": "nobody",
    "tag": "T1",
    "kind": "sms",
    "county": "1",
}
CHANGES_ALL: Final = ("/demonstration", "/notifications/inbox/read", "/auth/sign-out")


def test_all_answers_that_refuse_have_both_languages(api: Served) -> None:
    """Each operation is asked for what is not there and sent what cannot be taken; nothing answers with a 500."""
    client = api.client("administrator")
    document = httpx.get(f"{api.url}/openapi.json", timeout=30).json()
    refused = 0
    for method, path, operation in _operations(document):
        answer = client.request(method, api.url + path, **_nothing_right(operation))
        if answer.is_success:
            continue
        refused += 1
        assert answer.status_code in {401, 404, 409, 422, 503}, (method, path, answer.text)
        body = answer.json()
        assert "detail_zh" in body, (method, path, body)
        assert HAN.search(body["detail_zh"]), (method, path, body)
        assert not HAN.search(body["detail"]), (method, path, body)
    assert refused > 100


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if (method == "delete" and "{" not in path) or path.endswith(CHANGES_ALL):
                continue
            filled = re.sub(r"\{(\w+)\}", lambda found: PARAMETERS.get(found[1], "999999"), path)
            yield method.upper(), filled, operation


def _nothing_right(operation: dict[str, Any]) -> dict[str, Any]:
    """A body without a field that is known; where a file is asked for, none."""
    content = operation.get("requestBody", {}).get("content", {})
    return {"json": {"no_such_field": "\u00a0"}} if "application/json" in content else {}


@pytest.mark.parametrize(
    ("path", "body", "english", "chinese"),
    [
        ("/readings?channel=x&from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z", None, "'x'", "应为整数"),
        ("/alarms?limit=0", None, "query parameter limit: '0': must be greater than or equal to 1", "不能小于 1"),
        ("/alarms?priority=urgent", None, "must be 'high', 'medium'", "应为 'high'"),
        ("/readings?channel=11&from=yesterday&to=2026-11-02T00:00:00Z", None, "must be a valid datetime", "应为时间"),
        ("/waste/tolerances", {"values": {"storage_h": 40}}, "body reason: is required", "reason：必填"),
        ("/waste/tolerances", {"values": {}, "reason": "x"}, "a length of at least", "至少"),
        ("/waste/tolerances", "[", "not JSON", "不是 JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_both_languages(
    api: Served, path: str, body: object, english: str, chinese: str
) -> None:
    """Where it is, what was given and what would be right."""
    client = api.client("administrator")
    if body is None:
        answer = client.get(path)
    elif isinstance(body, str):
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    else:
        answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert english in answer.json()["detail"]
    assert chinese in answer.json()["detail_zh"]


def test_what_the_framework_refuses_is_told_as_it_is(api: Served) -> None:
    """An address that is none, a method it does not take, a form cut off: each by its own words."""
    client = api.client("administrator")
    said = [client.get("/nowhere"), client.put("/overview")]
    broken = client.post(
        "/samples/import", content=b"--x\r\n", headers={"Content-Type": "multipart/form-data; boundary=y"}
    )
    assert [(each.status_code, each.json()["detail_zh"]) for each in said] == [
        (404, "没有这个地址"),
        (405, "这个地址不接受这种方法"),
    ]
    assert (broken.status_code, "multipart" in broken.json()["detail_zh"]) == (400, True), broken.text


def test_every_key_of_a_refusal_is_in_the_catalogue_with_its_fields() -> None:
    """No refusal can fail for a missing sentence or field, and no sentence of the API stands outside the catalogue."""
    found = 0
    for path in sorted(MONITOR.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in (each for each in ast.walk(tree) if isinstance(each, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else None
            where = f"{path.name}:{call.lineno}"
            assert name != "HTTPException", where
            if name not in REFUSING or len(call.args) <= REFUSING[name]:
                continue
            key = call.args[REFUSING[name]]
            if isinstance(key, ast.JoinedStr):
                continue  # chosen among several; each has the same fields
            if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                continue  # an error that brings its own words
            found += 1
            sentence = entries()[f"refusal.{key.value}"]["en"]
            needed = {field for _, field, _, _ in Formatter().parse(sentence) if field}
            given = {each.arg for each in call.keywords}
            assert None in given or needed <= given, (where, needed - given)
    assert found > 80
