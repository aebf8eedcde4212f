"""Evidence packages over the API: two people, roles, scope, what is published."""

import io
import zipfile
from typing import Any

from monitor.evidence.verify import check
from store import audit
from store.connections import Connection
from tests.api.conftest import Served, put_alarm

ALARM = 65536
ASKED = {"subject": "alarm", "subject_id": ALARM, "purpose": "核查"}
AUDIT = {"accepted": True, "note": "与设备记录一致"}


def made(api: Served, role: str = "inspector", **more: Any) -> dict[str, Any]:
    """A draft made by the person of a role."""
    answer = api.client(role).post("/evidence", json={**ASKED, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_second_person_audits(api: Served, db: Connection) -> None:
    """The maker cannot audit their own package, another can, once; then it is accepted, sealed and published."""
    put_alarm(db, ALARM)
    draft = made(api)
    assert (draft["state"], draft["made_by"], draft["may_audit"]) == ("draft", "inspector", False)
    path = f"/evidence/{draft['id']}"
    own = api.client("inspector").post(f"{path}/audit", json=AUDIT)
    assert own.status_code == 409
    assert "second person" in own.json()["detail"]
    assert "须由第二人审核" in own.json()["detail_zh"]
    done = api.client("centre").post(f"{path}/audit", json=AUDIT).raise_for_status().json()
    assert (done["state"], done["audited_by"]) == ("accepted", "centre")
    assert api.client("administrator").post(f"{path}/audit", json=AUDIT).status_code == 409
    archive = api.client("inspector").get(f"{path}/package.zip")
    assert "attachment" in archive.headers["content-disposition"]
    published = api.anonymous.get("/api/v1/anchors.jsonl").content
    found = check(archive.content, published)
    assert found.faults == []
    assert f"this package is published in anchor {done['anchor']}" in found.notes
    assert api.client("inspector").get(f"{path}/report.pdf").content.startswith(b"%PDF-")
    actions = [
        row[0]
        for row in db.execute(
            "SELECT action FROM audit_log WHERE subject = %s ORDER BY id", (f"evidence:{draft['id']}",)
        )
    ]
    assert actions == ["evidence_made", "evidence_audited", "evidence_downloaded", "evidence_downloaded"]
    assert audit.verify(db).ok


def test_a_rejected_package_says_so(api: Served, db: Connection) -> None:
    """An audit that does not accept is kept as well, in the package and in its name."""
    put_alarm(db, ALARM)
    draft = made(api)
    path = f"/evidence/{draft['id']}"
    done = api.client("centre").post(f"{path}/audit", json={**AUDIT, "accepted": False}).json()
    assert done["state"] == "rejected"
    archive = api.client("centre").get(f"{path}/package.zip")
    assert "-rejected.zip" in archive.headers["content-disposition"]
    assert any("REJECTED" in note for note in check(archive.content).notes)


def test_a_simulated_sites_package_is_marked_and_none_is_out_of_scope(api: Served, db: Connection) -> None:
    """What is about a simulated site says so; who does not see the site finds neither alarm nor package."""
    put_alarm(db, ALARM, channel_id=31)
    refused = api.client("inspector").post("/evidence", json=ASKED)
    assert refused.status_code == 404
    assert api.client("centre").post("/evidence", json={**ASKED, "subject_id": 1}).status_code == 404
    package = made(api, "centre")
    assert package["simulated"]
    archive = api.client("centre").get(f"/evidence/{package['id']}/package.zip")
    assert "SIMULATED" in archive.headers["content-disposition"]
    assert any("SIMULATED" in note for note in check(archive.content).notes)
    for path in ("", "/package.zip", "/report.pdf"):
        assert api.client("inspector").get(f"/evidence/{package['id']}{path}").status_code == 404
        assert api.client("venue").get(f"/evidence/{package['id']}{path}").status_code == 403
    assert api.get("/evidence", "inspector", subject="alarm", subject_id=ALARM) == []
    assert [each["id"] for each in api.get("/evidence", "centre", subject="alarm", subject_id=ALARM)] == [package["id"]]


def test_anchors_and_the_checker_are_open_to_everybody(api: Served, db: Connection) -> None:
    """Whoever keeps copies of anchors needs no account; the checker is the one in the packages."""
    put_alarm(db, ALARM)
    package = made(api)
    anchors = api.anonymous.get("/api/v1/anchors").raise_for_status().json()
    lines = api.anonymous.get("/api/v1/anchors.jsonl", params={"after": 0}).text.splitlines()
    assert len(anchors) == len(lines) == 1
    assert api.anonymous.get("/api/v1/anchors.jsonl", params={"after": anchors[0]["number"]}).text == ""
    checker = api.anonymous.get("/api/v1/verify.py").content
    archive = api.client("inspector").get(f"/evidence/{package['id']}/package.zip").content
    assert checker in (file for file in _files(archive))


def test_a_review_counts_from_its_day(api: Served, db: Connection) -> None:
    """A review of a device is kept with who entered it and when; one in the future is refused."""
    said = {"reviewed_on": "2026-05-01", "legal": True, "technical": True, "standard": "JJG 862", "sited": True,
            "marked": True, "published": "机关网站", "reviewers": ["李", "王"]}  # fmt: skip
    client = api.client("centre")
    entered = client.post("/devices/P-1-D1/reviews", json=said)
    assert entered.status_code == 201
    assert entered.json()["entered_by"] == "centre"
    assert client.post("/devices/P-1-D1/reviews", json={**said, "reviewed_on": "2999-01-01"}).status_code == 422
    assert [each["standard"] for each in api.get("/devices/P-1-D1/reviews", "inspector")] == ["JJG 862"]


def _files(archive: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return [opened.read(name) for name in opened.namelist()]
