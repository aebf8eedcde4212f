"""What the law asks of evidence from monitoring equipment, point by point, and what of it is met.

The points are those of 行政处罚法 Art 41 and of the rules on electronic evidence (docs/supervision.md names each). They
are answered from what the platform has on record and nothing else; who decides about evidence is a person.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from registry.catalogue import entries, text

Answer = Literal["yes", "no", "unknown"]

POINTS: Final = (
    "named_by_law",
    "legal_review",
    "technical_review",
    "standard",
    "sited",
    "marked",
    "published",
    "authentic",
    "complete",
    "accurate",
    "audited",
    "informed",
    "heard",
    "originator",
)


@dataclass(frozen=True, slots=True)
class Check:
    """A point with its answer; `said` is the sentence that gives the reason."""

    point: str
    answer: Answer
    basis: str
    asked: str
    said: str

    def to_json(self) -> dict[str, str]:
        """The check as ``evidence.json`` keeps it."""
        return asdict(self)


def checklist(facts: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[Check]:
    """Every point of the list for a package's facts and manifest, both as JSON has them."""
    return [_check(point, *_ANSWERS[point](facts, manifest)) for point in POINTS]


Answered = tuple[Answer, dict[str, object]]


def _check(point: str, answer: Answer, fields: dict[str, object]) -> Check:
    key = f"evidence.check.{point}"
    return Check(
        point, answer, text("zh", f"{key}.basis"), text("zh", f"{key}.asked"), text("zh", f"{key}.{answer}", **fields)
    )


def _devices(facts: Mapping[str, Any], holds: Callable[[Any], bool]) -> Answered:
    """Yes where it holds of the review of every device that counted at the time; unknown where there was none.

    One that was entered afterwards was not on record then, whatever day it names.
    """
    at_the_time = [device["review_at_the_time"] for device in facts["devices"]]
    reviews = [each if each and each["entered_at"] <= facts["moment"] else None for each in at_the_time]
    codes = "、".join(device["code"] for device in facts["devices"]) or "—"
    if not reviews or any(review is None for review in reviews):
        return "unknown", {"devices": codes}
    return ("yes" if all(holds(review) for review in reviews) else "no"), {"devices": codes}


def _named_by_law(_: Mapping[str, Any], __: Mapping[str, Any]) -> Answered:
    return "no", {}


def _authentic(_: Mapping[str, Any], manifest: Mapping[str, Any]) -> Answered:
    fields: dict[str, object] = {"rows": len(manifest["rows"]), "anchors": manifest["anchors"]}
    if not manifest["rows"]:
        return "no", fields
    return ("yes" if manifest["anchored"] else "unknown"), fields


def _complete(facts: Mapping[str, Any], manifest: Mapping[str, Any]) -> Answered:
    fields: dict[str, object] = {
        "count": sum(each["count"] for each in facts["readings"]),
        "rejected": len(facts["rejected"]),
        "gaps": sum(_gap(each, facts["devices"]) for each in facts["readings"]),
        "left_out": len(manifest["not_included"]),
    }
    whole = not manifest["not_included"] and not facts["rejected"] and not fields["gaps"]
    return ("yes" if whole and fields["count"] else "no"), fields


def _gap(channel: Mapping[str, Any], devices: Iterable[Mapping[str, Any]]) -> bool:
    period = next(each["period_s"] for each in devices if each["code"] == channel["device"])
    return float(channel.get("longest_gap_s") or 0) > 3 * float(period)


def _accurate(facts: Mapping[str, Any], _: Mapping[str, Any]) -> Answered:
    """Calibrated when it counted, entered before, and no test of quality spoke against the readings."""
    day = facts["moment"][:10]
    uncalibrated = [
        device["code"]
        for device in facts["devices"]
        if (at := device["calibration_at_the_time"]) is None
        or (at["due_on"] is not None and at["due_on"] < day)
        or at["entered_at"] > facts["moment"]
    ]
    # That a value is beyond its limit says nothing against the instrument.
    doubts = sorted({each["test"] for each in facts["flags"] if each["test"] != "limit"})
    corrected = len(facts["corrections"])
    fields: dict[str, object] = {
        "devices": "、".join(uncalibrated) or "—",
        "tests": "、".join(_test(each) for each in doubts) or "—",
        "corrections": corrected,
    }
    if not facts["devices"]:
        return "unknown", fields
    return ("no" if uncalibrated or doubts or corrected else "yes"), fields


def _test(code: str) -> str:
    key = f"verdict.flag.{code}"
    return text("zh", key) if key in entries() else code


def _audited(_: Mapping[str, Any], manifest: Mapping[str, Any]) -> Answered:
    audit = manifest["audit"]
    if audit is None:
        return "no", {"who": "—"}
    return ("yes" if audit["accepted"] else "no"), {"who": audit["audited_by_name"]}


def _informed(facts: Mapping[str, Any], _: Mapping[str, Any]) -> Answered:
    case = facts["case"]
    if case and case["told_at"]:
        return "yes", {"at": case["told_at"]}
    return ("no" if case else "unknown"), {"at": "—"}


def _heard(facts: Mapping[str, Any], _: Mapping[str, Any]) -> Answered:
    case = facts["case"]
    if case is None:
        return "unknown", {}
    return ("yes" if any(step["action"] == "feedback" for step in case["steps"]) else "unknown"), {}


def _originator(facts: Mapping[str, Any], _: Mapping[str, Any]) -> Answered:
    own = [device["code"] for device in facts["devices"] if device["credential"]]
    fields: dict[str, object] = {"own": len(own), "devices": len(facts["devices"])}
    return ("yes" if facts["devices"] and len(own) == len(facts["devices"]) else "unknown"), fields


_ANSWERS: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Answered]]] = {
    "named_by_law": _named_by_law,
    "legal_review": lambda facts, _: _devices(facts, lambda review: review["legal"]),
    "technical_review": lambda facts, _: _devices(facts, lambda review: review["technical"]),
    "standard": lambda facts, _: _devices(facts, lambda review: bool(review["standard"])),
    "sited": lambda facts, _: _devices(facts, lambda review: review["sited"]),
    "marked": lambda facts, _: _devices(facts, lambda review: review["marked"]),
    "published": lambda facts, _: _devices(facts, lambda review: bool(review["published"])),
    "authentic": _authentic,
    "complete": _complete,
    "accurate": _accurate,
    "audited": _audited,
    "informed": _informed,
    "heard": _heard,
    "originator": _originator,
}
