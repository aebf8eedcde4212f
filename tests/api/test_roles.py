"""What each role may call: every operation of the API against every role."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.api import alarms
from registry.credit import default_weights
from store.connections import Connection
from tests.api.conftest import ROLES, Served, put_alarm

EVERYBODY = set(ROLES)
READERS = EVERYBODY - {"public"}
EDITORS = {"administrator", "centre"}
OPEN_TO_ALL = {
    ("GET", "/published/pools"),
    ("GET", "/published/samples"),
    ("GET", "/published/rounds"),
    ("POST", "/published/rounds/{round_id}/votes"),
    ("GET", "/published/draws/{draw_id}"),
    ("GET", "/displays/{key}"),
    ("GET", "/anchors"),
    ("GET", "/anchors.jsonl"),
    ("GET", "/verify.py"),
}
MATRIX: list[tuple[str, str, set[str]]] = [
    ("GET", "/me", EVERYBODY),
    ("GET", "/overview", EVERYBODY),
    ("GET", "/sites", EVERYBODY),
    ("GET", "/sites/P-1", EVERYBODY),
    ("GET", "/channels", EVERYBODY),
    ("GET", "/latest", EVERYBODY),
    ("GET", "/readings?channel=11", EVERYBODY),
    ("GET", "/sites/P-1/readings.csv", READERS),
    ("GET", "/sites/P-1/readings.xlsx", READERS),
    ("GET", "/alarms", READERS),
    ("GET", "/alarms.csv", READERS),
    ("GET", "/alarms.xlsx", READERS),
    ("GET", "/alarms/65536", READERS),
    ("POST", "/alarms/65536/comment", READERS),
    ("POST", "/alarms/65536/acknowledge", READERS - {"venue"}),
    ("GET", "/dead-letters", {"administrator", "centre"}),
    ("GET", "/dead-letters/summary", {"administrator", "centre"}),
    ("GET", "/simulators", READERS - {"venue"}),
    ("GET", "/simulators/truth", READERS - {"venue"}),
    ("POST", "/simulators/start", {"administrator", "centre"}),
    ("POST", "/simulators/stop", {"administrator", "centre"}),
    ("POST", "/simulators/speed", {"administrator", "centre"}),
    ("POST", "/simulators/faults", {"administrator", "centre"}),
    ("DELETE", "/simulators/faults/f1", {"administrator", "centre"}),
    ("GET", "/registry/template.xlsx", EVERYBODY),
    ("GET", "/registry.xlsx", EDITORS),
    ("GET", "/registry/site.csv", EDITORS),
    ("GET", "/devices", READERS - {"venue"}),
    ("GET", "/devices/P-1-D1", READERS - {"venue"}),
    ("POST", "/devices", EDITORS),
    ("POST", "/devices/P-1-D1/adopt", EDITORS),
    ("POST", "/devices/P-1-D1/calibrations", READERS),
    ("GET", "/devices/P-1-D1/reviews", READERS - {"venue"}),
    ("POST", "/devices/P-1-D1/reviews", EDITORS),
    ("GET", "/documents", READERS - {"venue"}),
    ("GET", "/documents/closure.docx", EDITORS),
    ("PUT", "/documents/closure.docx", EDITORS),
    ("POST", "/evidence", READERS - {"venue"}),
    ("GET", "/evidence?subject=alarm&subject_id=65536", READERS - {"venue"}),
    ("POST", "/devices/P-1-D1/credential", EDITORS),
    ("DELETE", "/devices/P-1-D1/credential", EDITORS),
    ("GET", "/devices/P-1-D1/last-message", READERS - {"venue"}),
    ("GET", "/devices/P-1-D1/channels", READERS - {"venue"}),
    ("PUT", "/devices/P-1-D1/channels", EDITORS),
    ("GET", "/devices/P-1-D1/commands", READERS - {"venue"}),
    ("GET", "/sequence-gaps", EDITORS),
    ("GET", "/sites/P-1/devices", READERS),
    ("GET", "/sites/P-1/displays", READERS - {"inspector"}),
    ("POST", "/sites/P-1/displays", READERS - {"inspector"}),
    ("DELETE", "/sites/P-1/displays/1", READERS - {"inspector"}),
    ("GET", "/simulators/kinds", READERS - {"venue"}),
    ("GET", "/detector/budget", READERS),
    ("PUT", "/detector/budget", EDITORS),
    ("GET", "/sites/P-1/sensitivity", READERS),
    ("GET", "/sites/P-1/rules", EVERYBODY),
    ("POST", "/sites/P-1/rules", EDITORS),
    ("GET", "/samples", EVERYBODY),
    ("POST", "/samples", READERS - {"venue"}),
    ("GET", "/samples/template.xlsx", EVERYBODY),
    ("GET", "/alarms/65536/picture", READERS),
    ("POST", "/alarms/65536/shelve", READERS - {"venue"}),
    ("POST", "/alarms/65536/unshelve", READERS - {"venue"}),
    ("POST", "/alarms/65536/out-of-service", READERS - {"venue"}),
    ("POST", "/alarms/65536/in-service", READERS - {"venue"}),
    ("POST", "/alarms/65536/on-the-way", READERS - {"venue"}),
    ("POST", "/alarms/65536/reset", READERS - {"venue"}),
    ("GET", "/announcements", READERS),
    ("POST", "/announcements", READERS),
    ("GET", "/alarm-rules", EVERYBODY),
    ("GET", "/alarm-figures", READERS - {"venue"}),
    ("GET", "/sites/P-1/alarm-settings", READERS),
    ("POST", "/sites/P-1/alarm-settings", EDITORS),
    ("GET", "/cases", READERS),
    ("GET", "/cases.csv", READERS - {"venue"}),
    ("GET", "/cases.xlsx", READERS - {"venue"}),
    ("GET", "/cases/board", READERS - {"venue"}),
    ("GET", "/cases/figures", READERS - {"venue"}),
    ("GET", "/cases/officers", READERS - {"venue"}),
    ("POST", "/cases", READERS - {"venue"}),
    ("GET", "/lead-rules", READERS - {"venue"}),
    ("PUT", "/lead-rules/serious", EDITORS),
    ("DELETE", "/lead-rules/serious", EDITORS),
    ("GET", "/credit/weights", READERS),
    ("PUT", "/credit/weights", EDITORS),
    ("GET", "/credit", READERS - {"venue"}),
    ("GET", "/sites/P-1/credit", READERS),
    ("GET", "/sites/P-1/file", READERS),
    ("GET", "/sites/P-1/file/page", READERS),
    ("GET", "/sites/P-1/file.pdf", READERS),
    ("POST", "/sites/P-1/licences", READERS - {"venue"}),
    ("POST", "/sites/P-1/responsible", READERS - {"venue"}),
    ("POST", "/sites/P-1/commitments", READERS - {"venue"}),
    ("POST", "/sites/P-1/self-inspections", READERS),
    ("GET", "/sites/P-1/consent", READERS - {"inspector"}),
    ("PUT", "/sites/P-1/consent", READERS - {"inspector"}),
    ("DELETE", "/sites/P-1/consent", READERS - {"inspector"}),
    ("GET", "/disclosure/samples?month=2026-05", READERS - {"venue"}),
    ("GET", "/disclosure/rounds", READERS - {"venue"}),
    ("POST", "/disclosure/rounds", EDITORS),
    ("GET", "/conflicts", READERS - {"venue"}),
    ("POST", "/conflicts", READERS - {"venue"}),
    ("GET", "/draws", READERS - {"venue"}),
    ("POST", "/draws", EDITORS),
    ("GET", "/notifications/inbox", READERS),
    ("POST", "/notifications/inbox/read", READERS),
    ("GET", "/notifications/mine", READERS),
    ("PUT", "/notifications/mine", READERS),
    ("POST", "/notifications/channels", READERS),
    ("GET", "/notifications/routes", READERS - {"venue"}),
    ("POST", "/notifications/routes", EDITORS),
    ("GET", "/notifications/roster", READERS - {"venue"}),
    ("POST", "/notifications/roster", EDITORS),
    ("GET", "/notifications/receivers", READERS - {"venue"}),
    ("GET", "/notifications/gateways", EDITORS),
    ("PUT", "/notifications/gateways/sms", EDITORS),
    ("GET", "/notifications/office-hours", READERS - {"venue"}),
    ("PUT", "/notifications/office-hours", EDITORS),
    ("GET", "/notifications/log", READERS - {"venue"}),
    ("POST", "/notifications/dry-run", READERS - {"venue"}),
    ("GET", "/waste/tolerances", READERS),
    ("POST", "/waste/tolerances", {"administrator", "centre"}),
    ("POST", "/waste/tolerances/reset", {"administrator", "centre"}),
    ("GET", "/waste/overview", READERS),
    ("GET", "/waste/bags", READERS),
    ("GET", "/waste/balance?from=2026-05-01&to=2026-05-02", READERS),
    ("GET", "/waste/vehicles", READERS),
    ("GET", "/waste/institutions", READERS),
    ("GET", "/people", EDITORS),
    ("POST", "/people", EDITORS),
    ("PUT", "/people/guest", EDITORS),
    ("POST", "/people/guest/password", EDITORS),
    ("GET", "/roles", EDITORS),
    ("GET", "/audit", EDITORS),
    ("GET", "/demonstration", EDITORS),
    ("DELETE", "/demonstration", EDITORS),
]
SOON = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
BODIES = {
    "/notifications/inbox/read": {"ids": []},
    "/notifications/mine": {"language": "en"},
    "/notifications/channels": {"name": "mail", "kind": "email", "target": "somebody@example.org"},
    "/notifications/routes": {
        "position": 99,
        "name_zh": "试",
        "name_en": "Trial",
        "steps": [{"role": "inspector", "after_s": 0}],
    },
    "/notifications/roster": {
        "person": "inspector",
        "county": "320602",
        "role": "inspector",
        "since": "2026-05-01T00:00:00Z",
        "until": "2026-05-02T00:00:00Z",
    },
    "/notifications/gateways/sms": {"url": "https://sms.example.org/send"},
    "/notifications/dry-run": {"site": "P-1"},
    "/notifications/office-hours": {"begins": "09:00", "ends": "18:00"},
    "/alarms/65536/shelve": {"until": SOON, "reason": "probe is changed"},
    "/alarms/65536/out-of-service": {"until": SOON, "reason": "probe is changed"},
    "/announcements": {"site": "P-1", "kind": "maintenance", "to": SOON, "reason": "filters are changed"},
    "/sites/P-1/alarm-settings": {"rule": "limit:ph", "priority": "high", "reason": "infants swim here"},
    "/alarms/65536/comment": {"text": "seen"},
    "/sites/P-1/displays": {"place": "hall"},
    "/simulators/start": {},
    "/simulators/stop": {},
    "/simulators/speed": {"speed": 2},
    "/devices": {"code": "P-1-D9", "site": "P-1", "sampling_point": "basin-1", "indicators": ["ph"]},
    "/devices/P-1-D1/channels": [{"indicator": "ph", "names": ["PH"]}],
    "/detector/budget": {"per_site_week": 0.5},
    "/sites/P-1/rules": {
        "indicator": "ph",
        "lo": 7.0,
        "hi": 7.6,
        "reason": "children",
    },
    "/samples": {
        "site": "P-1",
        "sampling_point": "basin-1",
        "kind": "quick_test",
        "taken_at": "2026-01-02T00:00:00Z",
        "taken_by": "Li",
        "results": [{"indicator": "ph", "result": "7.3"}],
    },
    "/credit/weights": {"weights": default_weights().to_json(), "reason": "the rules of 2026"},
    "/sites/P-1/licences": {
        "kind": "许可证",
        "number": "1",
        "authority": "a",
        "issued_on": "2025-01-01",
        "valid_until": "2029-01-01",
    },
    "/sites/P-1/responsible": {"name": "Li", "role": "legal", "since": "2025-01-01"},
    "/sites/P-1/commitments": {"signed_on": "2025-01-01", "signed_by": "Li", "text": "we test every two hours"},
    "/sites/P-1/self-inspections": {
        "inspected_on": "2025-01-01",
        "inspected_by": "Li",
        "items": [{"item": "foot bath", "in_order": True}],
    },
    "/disclosure/rounds": {"name": "where?", "sites": ["P-2", "P-3"], "closes_at": SOON},
    "/conflicts": {"officer": "inspector", "site": "P-1", "reason": "a relative works there"},
    "/draws": {"name": "spring", "count": 1, "word_from": "the lottery of Sunday"},
    "/lead-rules/serious": {"after_minutes": 30, "reason": "a holiday"},
    "/cases": {"site": "P-1", "source": "inspection", "subject": "no chlorine"},
    "/devices/P-1-D1/adopt": {"field": "ORP_mV", "indicator": "orp"},
    "/devices/P-1-D1/calibrations": {"calibrated_on": "2026-05-01"},
    "/devices/P-1-D1/reviews": {
        "reviewed_on": "2026-05-01",
        "legal": True,
        "technical": True,
        "sited": True,
        "marked": False,
        "reviewers": ["Li", "Wang"],
    },
    "/evidence": {"subject": "alarm", "subject_id": 65536, "purpose": "a look"},
    "/people": {"username": "guest", "name": "Guest", "role": "public"},
    "/people/guest": {"name": "Guest", "role": "public"},
    # Both change nothing, which is a 409 to those who may.
    "/waste/tolerances": {"values": {"storage_h": 48}, "reason": "as the law has it"},
    "/waste/tolerances/reset": {"reason": "as they were"},
    "/simulators/faults": {"site": "P-2", "sampling_point": "basin-1", "fault": "pump_off"},
}


def test_each_role_may_do_what_its_role_says(api: Served, db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every path and role: 403 exactly where the role does not allow it, 401 without a token."""
    monkeypatch.setattr(alarms, "APPLIED_WITHIN_S", 0.05)
    put_alarm(db, 65536)
    wrong = []
    for method, path, allowed in MATRIX:
        if api.anonymous.request(method, f"/api/v1{path}", json=BODIES.get(path)).status_code != 401:
            wrong.append((method, path, "anonymous", "not 401"))
        # Acknowledging changes the alarm for the roles that follow, and without simulators a command is a 503: both
        # are allowed all the same.
        for role in ROLES:
            status = api.client(role).request(method, path, json=BODIES.get(path)).status_code
            if (status == 403) == (role in allowed) or status in {401, 404, 422, 500}:
                wrong.append((method, path, role, f"{status}"))
    assert wrong == []


def test_every_operation_is_in_the_matrix(api: Served) -> None:
    """A path added without a line in the matrix fails here."""
    document = api.anonymous.get("/openapi.json").json()
    listed = {
        (
            method,
            path.split("?")[0]
            .replace("P-1-D1", "{code}")
            .replace("guest", "{username}")
            .replace("/site.csv", "/{sheet}.csv")
            .replace("P-1", "{code}")
            .replace("65536", "{alarm_id}")
            .replace("/f1", "/{fault_id}")
            .replace("/serious", "/{severity}")
            .replace("/gateways/sms", "/gateways/{kind}")
            .replace("/closure.docx", "/{name}.docx")
            .replace("/displays/1", "/displays/{display_id}"),
        )
        for method, path, _ in MATRIX
    }
    offered = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, operations in document["paths"].items()
        for method in operations
    }
    # What needs a file, a former password, an alarm with a verdict or something that runs is tested where that is made.
    elsewhere = {
        ("PUT", "/notifications/channels/{channel_id}"),
        ("DELETE", "/notifications/channels/{channel_id}"),
        ("POST", "/notifications/channels/{channel_id}/test"),
        ("PUT", "/notifications/routes/{route_id}"),
        ("DELETE", "/notifications/routes/{route_id}"),
        ("DELETE", "/notifications/roster/{duty_id}"),
        ("DELETE", "/notifications/gateways/{kind}"),
        ("POST", "/registry/import"),
        ("POST", "/auth/password"),
        ("POST", "/samples/import"),
        ("POST", "/samples/{sample_id}/withdraw"),
        ("GET", "/samples/{sample_id}/comparison"),
        ("POST", "/sites/{code}/rules/{rule_id}/end"),
        ("POST", "/alarms/{alarm_id}/feedback"),
        ("POST", "/alarms/{alarm_id}/feedback/undo"),
        ("POST", "/announcements/{announcement_id}/withdraw"),
        ("POST", "/sites/{code}/alarm-settings/{setting_id}/end"),
        ("GET", "/cases/{case_id}"),
        ("POST", "/cases/{case_id}/act"),
        ("POST", "/cases/{case_id}/feedback"),
        ("POST", "/cases/{case_id}/files"),
        ("GET", "/cases/{case_id}/files/{file_id}"),
        ("POST", "/back-tests"),
        ("GET", "/back-tests/{number}"),
        ("DELETE", "/back-tests/{number}"),
        ("POST", "/devices/{code}/commands"),
        ("DELETE", "/documents/{name}.docx"),
        ("GET", "/cases/{case_id}/documents/{name}.{form}"),
        ("GET", "/evidence/{package_id}"),
        ("GET", "/evidence/{package_id}/package.zip"),
        ("GET", "/evidence/{package_id}/report.pdf"),
        ("POST", "/evidence/{package_id}/audit"),
        ("POST", "/disclosure/samples/publish"),
        ("POST", "/disclosure/samples/{sample_id}/withdraw"),
        ("POST", "/sites/{code}/responsible/{number}/end"),
        ("DELETE", "/sites/{code}/commitments/{number}"),
        ("GET", "/responsible-persons/{person}"),
        ("POST", "/responsible-persons/{person}/certificates"),
        ("GET", "/waste/institutions/{code}/register.{form}"),
        ("GET", "/waste/institutions/{code}/manifest.{form}"),
        ("GET", "/waste/vehicles/{code}/card.{form}"),
        ("GET", "/waste/labels.pdf"),
        ("GET", "/waste/bags/{tag}"),
        ("GET", "/waste/vehicles/{code}/track"),
        ("GET", "/waste/institutions/{code}"),
        ("DELETE", "/conflicts/{conflict_id}"),
        ("GET", "/draws/{draw_id}"),
        ("POST", "/draws/{draw_id}/hold"),
        ("POST", "/draws/{draw_id}/cancel"),
        ("POST", "/draws/{draw_id}/tasks/{place}"),
    }
    assert offered - listed == {("GET", "/health"), ("POST", "/auth/token"), *OPEN_TO_ALL, *elsewhere}
