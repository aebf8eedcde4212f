"""The package for the eye: a PDF made from ``evidence.json`` and the manifest, and from nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from monitor.documents import Sheet, grid, heading, pdf_of, plain, simulated_mark
from monitor.documents.sheet import Block
from registry.catalogue import entries, text
from registry.waste.catalogue import Event, event_kinds

HASHES_SHOWN: Final = 60
EVENTS: Final = "dashboard.event"
STEPS: Final = "supervision.action"


def report(facts: Mapping[str, Any], manifest: Mapping[str, Any], at: datetime) -> bytes:
    """The PDF of a package; both as JSON has them. `at`: when it was made, or audited."""
    local = _Clock(facts["site"]["zone"])
    subject = _r(facts["subject"]["kind"], id=facts["subject"]["id"])
    blocks: list[Block] = [
        heading(_r("title"), 1),
        plain(_r(_state(manifest)), bold=True, align="center"),
        plain(_r("lead"), indent=2),
        heading(_r("overview")),
        grid(_overview(facts, manifest, subject, local), [1, 4]),
    ]
    if facts["alarms"]:
        blocks += [heading(_r("warnings")), *_warnings(facts, local), heading(_r("limits")), *_limits(facts)]
        blocks += [heading(_r("devices")), grid(_devices(facts, local), [2, 4, 3])]
        blocks += [heading(_r("readings")), *_readings(facts, local)]
        if facts["custody"]:
            blocks += [plain(_r("custody"), bold=True), grid(_custody(facts, local), [2.6, 2.4, 1.4, 1.6, 1.4, 1.6])]
    if facts["case"]:
        blocks += [heading(_r("case_steps")), grid(_steps(facts, local), [2.2, 1.6, 1.4, 4])]
    blocks += [heading(_r("checks")), grid(_checks(facts), [3, 3, 1.2, 4])]
    blocks += [heading(_r("not_included")), *_left_out(manifest)]
    blocks += [heading(_r("integrity")), plain(_r("copied"), indent=2), plain(_r("verify"), indent=2)]
    blocks += [
        grid(_hashes(manifest), [2, 4]),
        heading(_r("signatures")),
        grid(_signatures(manifest, local), [1, 1], heads=0),
    ]
    mark = simulated_mark() if manifest["simulated"] else None
    return pdf_of(Sheet(_r("title"), tuple(blocks), _r("header", subject=subject), mark), at)


class _Clock:
    """Times as the clock on the venue's wall shows them, to the millisecond, with their offset."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)

    def __call__(self, at: str | None) -> str:
        if at is None:
            return "—"
        local = datetime.fromisoformat(at).astimezone(self.zone)
        return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d} {local:%z}"


def _r(key: str, /, **fields: object) -> str:
    return text("zh", f"evidence.report.{key}", **fields)


def _c(key: str, /, **fields: object) -> str:
    return text("zh", f"evidence.column.{key}", **fields)


def _term(table: str, code: str) -> str:
    key = f"{table}.{code}"
    return text("zh", key) if key in entries() else code


def _state(manifest: Mapping[str, Any]) -> str:
    audit = manifest["audit"]
    return "draft" if audit is None else "accepted" if audit["accepted"] else "rejected"


def _overview(
    facts: Mapping[str, Any], manifest: Mapping[str, Any], subject: str, local: _Clock
) -> list[tuple[str, str]]:
    site = facts["site"]
    points = sorted({alarm["sampling_point_name"] for alarm in facts["alarms"] if alarm["sampling_point_name"]})
    return [
        (_c("item"), _c("content")),
        (_c("subject"), subject),
        (_c("site"), f"{site.get('name_zh', '')}（{site['code']}）"),
        (_c("point"), "、".join(points) or _c("none")),
        (_c("device"), "、".join(device["code"] for device in facts["devices"]) or _c("none")),
        (_c("made"), f"{local(manifest['made_at'])}　{manifest['made_by_name']}（{manifest['made_by']}）"),
        (_c("purpose"), manifest["purpose"]),
        (_c("state"), _r(_state(manifest))),
    ]


def _who(facts: Mapping[str, Any], actor: str | None) -> str:
    if not actor:
        return "—"
    known = facts["people"].get(actor)
    return f"{known['name']}（{actor}）" if known else actor


def _warnings(facts: Mapping[str, Any], local: _Clock) -> list[Block]:
    blocks: list[Block] = []
    for alarm in facts["alarms"]:
        blocks.append(plain(f"{_r('alarm', id=alarm['id'])}　{alarm['text_zh']}", indent=2))
        rows = [(_c("at"), _c("event"), _c("who"), _c("text"), _c("row"))]
        rows += [
            (
                local(each["at"]),
                _term(EVENTS, each["event"]),
                _who(facts, each["actor"]),
                _said(each),
                str(each["journal_id"]),
            )
            for each in alarm["history"]
        ]
        blocks.append(grid(rows, [2.6, 1.6, 1.8, 3, 1.2]))
    return blocks


def _said(event: Mapping[str, Any]) -> str:
    """A person's words; the platform's own say why a condition ended, as a code."""
    said = event["text"] or ""
    return said if event["actor"] else _term("dashboard.return_reason", said)


def _limits(facts: Mapping[str, Any]) -> Iterable[Block]:
    rows = [(_c("standard"), _c("clause"), _c("interval"), _c("certainty"))]
    for each in facts["limits"]:
        if each["standard"] is None:
            rows.append((each["profile"], "—", "—", "—"))
        rows += [
            (
                f"{each['standard']}《{each['title']}》（{each['version']}，{each['valid_from']} 起）",
                limit["clause"],
                limit["interval"],
                _c(f"certainty_{limit['certainty']}"),
            )
            for limit in each["limits"]
        ]
    if len(rows) == 1:
        return [plain(_r("nothing"))]
    return [grid(rows, [4, 2, 2, 1.4])]


def _devices(facts: Mapping[str, Any], local: _Clock) -> list[tuple[str, str, str]]:
    rows = [(_c("device"), _c("calibration"), _c("review"))]
    for device in facts["devices"]:
        at, review = device["calibration_at_the_time"], device["review_at_the_time"]
        calibrated = (
            _c("calibrated", on=at["calibrated_on"], due=at["due_on"] or "—", entered=local(at["entered_at"]))
            if at
            else _c("none")
        )
        reviewed = (
            _c(
                "reviewed",
                on=review["reviewed_on"],
                who="、".join(review["reviewers"]),
                entered=local(review["entered_at"]),
            )
            if review
            else _c("none")
        )
        rows.append((device["code"], calibrated, reviewed))
    return rows


def _readings(facts: Mapping[str, Any], local: _Clock) -> Iterable[Block]:
    rows = [(_c("item"), _c("count"), _c("range"), _c("lag"), _c("late"))]
    for each in facts["readings"]:
        name = f"{each['name']}（{each['unit'] or '—'}）{each['device']}"
        if not each["count"]:
            rows.append((name, "0", "—", "—", "—"))
            continue
        lag = f"{each['lag_median_s']:.1f} / {each['lag_greatest_s']:.1f}"
        between = f"{each['least']:g}～{each['greatest']:g}"
        rows.append((name, str(each["count"]), between, lag, str(each["late"])))
    yield grid(rows, [3, 1, 2, 2.4, 1])
    alarmed = {alarm["channel_id"] for alarm in facts["alarms"]}
    for each in facts["readings"]:
        if each["id"] in alarmed and each["shown"]:
            yield plain(f"{each['name']}（{each['unit']}）{each['device']}", bold=True)
            shown = [(_c("device_time"), _c("arrived"), _c("value"), _c("row"))]
            shown += [
                (local(one["at"]), local(one["arrived"]), f"{one['value']:g} {each['unit']}", str(one["row"]))
                for one in each["shown"]
            ]
            yield grid(shown, [3, 3, 1.4, 1.2])


def _custody(facts: Mapping[str, Any], local: _Clock) -> list[tuple[str, ...]]:
    """Every scan of the bags that the warnings name, at their own place and at others'."""
    kinds = event_kinds()
    rows = [(_c("device_time"), _c("tag"), _c("event"), _c("device"), _c("weight"), _c("signed"))]
    return rows + [
        (
            local(each["ts"]),
            each["tag"],
            kinds[Event(each["event"])].label("zh"),
            each["device"],
            "—" if each["gross_g"] is None else f"{(each['gross_g'] - (each['tare_g'] or 0)) / 1000:.3f} kg",
            "、".join(each["signed_by"]) or "—",
        )
        for each in facts["custody"]
    ]


def _steps(facts: Mapping[str, Any], local: _Clock) -> list[tuple[str, str, str, str]]:
    rows = [(_c("at"), _c("event"), _c("who"), _c("text"))]
    return rows + [
        (local(step["at"]), _term(STEPS, step["action"]), _who(facts, step["actor"]), step["text"])
        for step in facts["case"]["steps"]
    ]


def _checks(facts: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    rows = [(_c("point_asked"), _c("basis"), _c("answer"), _c("reason"))]
    return rows + [
        (each["asked"], each["basis"], text("zh", f"evidence.answer.{each['answer']}"), each["said"])
        for each in facts["checklist"]
    ]


def _left_out(manifest: Mapping[str, Any]) -> Iterable[Block]:
    for each in (*manifest["not_included"], _r("others"), _r("between"), _r("no_video")):
        yield plain(f"· {each}")


def _hashes(manifest: Mapping[str, Any]) -> Sequence[Sequence[str]]:
    """The hashes of what can be read; those of the journal's rows are in the list of the package."""
    files = [(name, each["sha256"]) for name, each in manifest["files"].items() if not name.startswith("rows/")]
    return [(_c("file"), _c("hash")), *files[:HASHES_SHOWN]]


def _signatures(manifest: Mapping[str, Any], local: _Clock) -> list[tuple[str, str]]:
    audit = manifest["audit"]
    made = f"{_r('maker_signs')}{manifest['made_by_name']}\n{local(manifest['made_at'])}"
    audited = _r("auditor_signs")
    if audit is not None:
        audited += f"{audit['audited_by_name']}\n{local(audit['audited_at'])}\n{_r(_state(manifest))}\n{audit['note']}"
    return [(made, audited)]
