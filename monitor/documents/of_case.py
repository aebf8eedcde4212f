"""What a case puts into the fields of its documents. What the platform does not know is left as a line to write on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from monitor.documents.sheet import Picture
from registry.catalogue import clause, entries, text
from registry.counties import COUNTIES
from registry.limits import profiles

BLANK: Final = "＿＿＿＿＿＿"
PHOTO_MM: Final = 120.0
PICTURES: Final = frozenset({"image/jpeg", "image/png"})
_MEASURES: Final = frozenset({"work_order", "guide", "order"})
_RECHECKS: Final = frozenset({"recheck_passed", "recheck_failed"})


@dataclass(frozen=True, slots=True)
class Measured:
    """A quick test or laboratory result as a line of a record."""

    place: str
    indicator: str
    value: str
    limit: str
    method: str


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of the case, so many bytes long; `content` where it is a picture that a document can show."""

    name: str
    size: int
    sha256: str
    event: int
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Papers:
    """A case as documents need it: rows by column name, and what else they name.

    `responsible` answers for the venue, at `phone`; `name_of` is the name of a person by username; `alarms` are (row,
    sentence, name of the sampling point).
    """

    number: str
    case: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    alarms: Sequence[tuple[Mapping[str, Any], str, str]]
    files: Sequence[Attached]
    measured: Sequence[Measured]
    site_name: str
    agency: str
    responsible: str
    phone: str
    name_of: Callable[[str | None], str]


def fields_of(name: str, papers: Papers, given: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """The fields of a document about a case; `given` are those that a person wrote, and go before all others."""
    common = _common(papers, now)
    more = _MORE.get(name)
    return {**common, **(more(papers) if more else {}), **{key: value for key, value in given.items() if value}}


def _common(papers: Papers, now: datetime) -> dict[str, Any]:
    case = papers.case
    zone = ZoneInfo(case["zone"])
    places = sorted({place for _, _, place in papers.alarms if place})
    return {
        **dict.fromkeys(("address", "contact", "certificate_1", "certificate_2"), BLANK),
        "responsible": papers.responsible or BLANK,
        "phone": papers.phone or BLANK,
        "number": f"{BLANK}〔{now.astimezone(zone).year}〕＿＿号",
        "party": papers.site_name,
        "site": case["site"],
        "case": papers.number,
        "agency": papers.agency or BLANK,
        "date": day(now, zone),
        "to": f"{COUNTIES[case['county']].name_zh if case['county'] in COUNTIES else case['county']}{BLANK}",
        "source": _term("source", case["source"]),
        "found_at": minute(case["opened_at"], zone),
        "summary": case["subject"],
        "clause": "；".join(_basis(papers)) or BLANK,
        "deadline": day(case["measure_due_at"], zone, last=True) if case["measure_due_at"] else BLANK,
        "checked_at": minute(now, zone),
        "place": "、".join(places) or BLANK,
        "findings": [sentence for _, sentence, _ in papers.alarms] or [case["subject"]],
        "basis": _basis(papers) or [BLANK],
        "measures": _lines(case["requirement"]) or [BLANK],
        "requirements": [text("zh", f"document.require.{each}") for each in ("check", "correct", "report")],
        "online": text("zh", "document.online") if papers.alarms else "",
        "officer_1": papers.name_of(case["officer"]) or BLANK,
        "officer_2": papers.name_of(case["second_officer"]) or BLANK,
        "attachments": text("zh", "document.attached", count=len(papers.files)) if papers.files else "无",
        "order": _order(papers, zone),
    }


def _of_feedback(papers: Papers) -> dict[str, Any]:
    """The venue's newest report, with its files and photographs."""
    zone = ZoneInfo(papers.case["zone"])
    given = [event for event in papers.events if event["action"] == "feedback"]
    newest = given[-1] if given else None
    files = [each for each in papers.files if newest is not None and each.event == newest["id"]]
    done = minute(newest["at"], zone) if newest else BLANK
    problems = _lines(papers.case["requirement"]) or [papers.case["subject"]]
    # What was done is told for all of the order at once.
    items = [{"problem": each, "measure": "", "done": ""} for each in problems]
    items[0] |= {"measure": newest["text"] if newest else BLANK, "done": done}
    return {
        "items": items,
        "attachments": [
            {"name": each.name, "size": f"{each.size / 1000:.0f} kB", "sha256": each.sha256} for each in files
        ],
        "photos": [Picture(each.content, PHOTO_MM) for each in files if each.content is not None],
        "sent_by": papers.name_of(newest["actor"]) if newest else BLANK,
    }


def _of_recheck(papers: Papers) -> dict[str, Any]:
    zone = ZoneInfo(papers.case["zone"])
    checks = [event for event in papers.events if event["action"] in _RECHECKS]
    newest = checks[-1] if checks else None
    result = _term("action", newest["action"]) if newest else BLANK
    officers = [papers.name_of(each) for each in (newest["detail"].get("officers", ()) if newest else ())]
    problems = _lines(papers.case["requirement"]) or [papers.case["subject"]]
    items = [{"problem": each, "found": "", "result": result} for each in problems]
    items[0]["found"] = newest["text"] if newest else BLANK
    found: dict[str, Any] = {
        "items": items,
        "measurements": [
            {name: getattr(each, name) for name in ("place", "indicator", "value", "limit", "method")}
            for each in papers.measured
        ],
        "conclusion": result,
    }
    if newest:
        found["checked_at"] = minute(newest["at"], zone)
    return found | {f"officer_{place}": each for place, each in enumerate(officers[:2], start=1)}


def _of_closure(papers: Papers) -> dict[str, Any]:
    zone = ZoneInfo(papers.case["zone"])
    closing = [event for event in papers.events if event["action"] in ("close", "merge")]
    newest = closing[-1] if closing else None
    return {
        "outcome": _term("closure", papers.case["closure"]) if papers.case["closure"] else BLANK,
        "reason": (newest["text"] if newest else "") or BLANK,
        "approver": BLANK,
        "steps": [
            {
                "at": minute(event["at"], zone),
                "step": _term("action", event["action"]),
                "who": papers.name_of(event["actor"]),
                "note": event["text"],
            }
            for event in papers.events
        ],
    }


_MORE: Final[Mapping[str, Callable[[Papers], dict[str, Any]]]] = {
    "rectification_feedback": _of_feedback,
    "recheck_record": _of_recheck,
    "closure": _of_closure,
}
OF_CASES: Final = ("lead_assignment", "supervision_opinion", *_MORE)
"""Documents that are about a case, in the order in which they come up."""


def day(at: datetime, zone: ZoneInfo, *, last: bool = False) -> str:
    """A day as it stands in an official paper; `last`: the moment is the end of the day, not in the next one."""
    local = at.astimezone(zone)
    if last and (local.hour, local.minute, local.second) == (0, 0, 0):
        local = datetime.fromtimestamp(at.timestamp() - 1, zone)
    return f"{local.year}年{local.month}月{local.day}日"


def minute(at: datetime, zone: ZoneInfo) -> str:
    """A moment to the minute, by the clock of the place."""
    local = at.astimezone(zone)
    return f"{day(at, zone)}{local:%H:%M}"


def _order(papers: Papers, zone: ZoneInfo) -> str:
    asked = [event for event in papers.events if event["action"] in _MEASURES]
    if not asked:
        return BLANK
    return f"{_term('action', asked[-1]['action'])}（{day(asked[-1]['at'], zone)}）"


def _basis(papers: Papers) -> list[str]:
    """The standards and clauses that the warnings were judged by, each once."""
    found: dict[str, None] = {}
    for alarm, _, _ in papers.alarms:
        profile = profiles().get(alarm["limit_profile"] or "")
        if profile is not None:
            found[f"{profile.standard}《{profile.title_zh}》{clause('zh', alarm['clause'] or '')}"] = None
    return list(found)


def _lines(written: str | None) -> list[str]:
    return [each.strip() for each in (written or "").splitlines() if each.strip()]


def _term(table: str, code: str) -> str:
    key = f"supervision.{table}.{code}"
    return text("zh", key) if key in entries() else code
