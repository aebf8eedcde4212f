"""From verdicts to alarms: which verdicts are one condition, and what its alarm says.

One lost bag is one alarm. What hundreds of bags break at once for one reason is one alarm too, with the bags on it:
bags that lie too long in one store, a hand-over that nobody signed, a vehicle that is not registered.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from monitor.alarms.book import Book, Changes
from monitor.waste.events import Verdicts
from monitor.waste.rules import FACTS, RULES, Rule
from registry.limits import Severity
from registry.waste.catalogue import Event
from store.records import from_us

KIND: Final = "waste"
SHOWN: Final = 50
"""Bags that an alarm's evidence names; it counts all."""

SETTLED: Final = "custody_settled"
"""Why an alarm returned: what was wrong is right again."""

HISTORY: Final = "custody_history"
"""Why an alarm returned: it told of a fact, which does not change, and nothing more was heard."""

TOLERANCES_SET: Final = "custody_tolerances"
"""Why an alarm returned: other tolerances were set, by which it would not have been raised."""

_STORAGE: Final = frozenset({Rule.STORAGE_36H, Rule.STORAGE_44H, Rule.STORAGE_48H})
_OF_SITE: Final = frozenset(
    {
        Rule.STORAGE_36H,
        Rule.STORAGE_44H,
        Rule.STORAGE_48H,
        Rule.MANIFEST,
        Rule.PICKUP,
        Rule.SILENT,
        Rule.OUTPUT,
        Rule.SHARPS,
        Rule.STORE_WARM,
    }
)
_OF_SITE_AND_EVENT: Final = frozenset({Rule.UNSIGNED, Rule.UNSCANNED, Rule.ORDER})
_OF_SITE_AND_CODE: Final = frozenset({Rule.VEHICLE, Rule.RECEIVER, Rule.DISPOSER_STORAGE})
_OF_CODE: Final = frozenset({Rule.ROUTE, Rule.STOP})

Member = dict[str, Any]
"""A bag (or whatever a verdict is about) on an alarm: its code, since when (us), value, and the rule's number."""


class Conditions:
    """Conditions that are on, each with its members by key. JSON as it is, so that a snapshot can hold it."""

    def __init__(self, on: Mapping[str, Mapping[str, Member]] | None = None, worsened: Iterable[str] = ()) -> None:
        self.on: dict[str, dict[str, Member]] = {name: dict(each) for name, each in (on or {}).items()}
        self.worsened = set(worsened)

    def follow(
        self,
        book: Book,
        changes: Changes,
        journal_id: int,
        now: int,
        verdicts: Verdicts,
        names: "Names",
        covered: Callable[[str], bool] = lambda _site: False,
        returned_by: str | None = None,
    ) -> None:
        """Raise, amend and return alarms by what a sweep at `now` (us) said.

        `covered` tells whether a site's warm store has an alarm already, by its thermometer's own limit. `returned_by`
        is why alarms return; None: by what happened to the waste.
        """
        touched: dict[str, Rule] = {}
        history: dict[str, tuple[Rule, dict[str, Member]]] = {}
        for row in verdicts:
            rule = Rule(row["rule"])
            condition = _condition(rule, row, names)
            key, member = str(int(row["key"])), _member(rule, row, names)
            if row["on"] and row["late"]:
                history.setdefault(condition, (rule, {}))[1][key] = member
                continue
            if rule is Rule.STORE_WARM and row["on"] and covered(member["site"]):
                continue
            self._take(condition, rule, key, member if row["on"] else None, touched)
            if rule in _STORAGE:
                self._follow_storage(rule, key, row, names, touched)
        for condition in sorted(touched):
            self._settle(book, changes, journal_id, now, condition, touched[condition], names, returned_by)
        for condition, (rule, members) in sorted(history.items()):
            at = max(member["at"] for member in members.values())
            row_of = _row(f"{condition}:late:{at}:{journal_id}", rule, members, now, names)
            ends = {"returned_at": from_us(max(at, min(now, at))), "return_reason": "historic"}
            book.find(changes, journal_id, {**row_of, **ends})

    def _follow_storage(self, rule: Rule, key: str, row: Any, names: "Names", touched: dict[str, Rule]) -> None:
        """Keep a bag in the pre-warning while it is in it, and in the pre-warning only while it is not overdue."""
        before = _condition(Rule.STORAGE_36H, row, names)
        if row["on"]:
            if rule is Rule.STORAGE_48H:
                # The pre-warning has said what it had to say.
                self._take(before, Rule.STORAGE_36H, key, None, touched)
            return
        # Where other tolerances ended the one, the other may be what holds now.
        if (left := names.pre_warning(int(row["key"]))) is not None:
            member = {**_member(left[0], row, names), "limit": left[1]}
            self._take(before, Rule.STORAGE_36H, key, member, touched)

    def _take(self, condition: str, rule: Rule, key: str, member: Member | None, touched: dict[str, Rule]) -> None:
        members = self.on.get(condition, {})
        if member is None:
            if members.pop(key, None) is None:
                return
        else:
            self.on.setdefault(condition, members)[key] = member
        touched[condition] = rule

    def _settle(
        self,
        book: Book,
        changes: Changes,
        journal_id: int,
        now: int,
        condition: str,
        rule: Rule,
        names: "Names",
        returned_by: str | None,
    ) -> None:
        members = self.on[condition]
        if not members:
            del self.on[condition]
            self.worsened.discard(condition)
            reason = returned_by or (HISTORY if rule in FACTS else SETTLED)
            book.return_alarm(changes, journal_id, condition, from_us(now), reason)
            return
        worst = max((Rule(member["rule"]) for member in members.values()), key=_weight)
        if condition not in book.open:
            if worst is Rule.STORAGE_44H:
                self.worsened.add(condition)
            book.raise_alarm(changes, journal_id, _row(condition, worst, members, now, names))
            return
        alarm = book.open[condition]
        changes.amend(alarm, {"evidence": _evidence(worst, members)})
        if worst is Rule.STORAGE_44H and condition not in self.worsened:
            self.worsened.add(condition)
            limit = next(member["limit"] for member in members.values() if member["rule"] == Rule.STORAGE_44H)
            book.worsen(changes, journal_id, condition, from_us(now), RULES[worst].priority, f"{limit:g} h")

    def forget(self, sites: Iterable[str]) -> None:
        """Drop conditions of sites that are gone; who keeps the book ends their alarms."""
        known = set(sites)
        for condition, members in list(self.on.items()):
            if not any(member["site"] in known for member in members.values()):
                del self.on[condition]


class Names:
    """What numbers of a verdict are called: codes of sites, devices, vehicles and receivers; tags by key.

    `pre_warning` tells of a bag's key the rule by which its storage runs out soon, and its hours; None where it is not.
    """

    def __init__(
        self,
        sites: Mapping[int, str],
        devices: Mapping[int, str],
        code: Callable[[int], str | None],
        tags: Mapping[int, str],
        simulated: bool,
        pre_warning: Callable[[int], tuple[Rule, float] | None] = lambda _key: None,
    ) -> None:
        self.pre_warning = pre_warning
        self.sites, self.devices, self.code, self.tags = sites, devices, code, tags
        self.simulated = simulated


def _condition(rule: Rule, row: Any, names: Names) -> str:
    site = names.sites.get(int(row["site"]), "")
    if rule in (Rule.STORAGE_36H, Rule.STORAGE_44H):
        return f"{KIND}:{Rule.STORAGE_36H.code}:{site}"
    if rule in _OF_SITE:
        what = site
    elif rule in _OF_SITE_AND_EVENT:
        what = f"{site}:{Event(row['event']).code}" if row["event"] else site
    elif rule in _OF_SITE_AND_CODE:
        what = f"{site}:{names.code(int(row['code'])) or ''}"
    elif rule in _OF_CODE:
        what = names.code(int(row["code"])) or ""
    elif rule is Rule.CLOCK:
        what = names.devices.get(int(row["key"]), "")
    else:
        what = names.tags.get(int(row["subject"]), str(int(row["subject"])))
    # Codes of bags may be the same at a simulated site and at a live one.
    return f"{KIND}:{rule.code}:{'simulated:' if names.simulated else ''}{what}"


def _member(rule: Rule, row: Any, names: Names) -> Member:
    device = names.devices.get(int(row["key"]), "") if rule is Rule.CLOCK else ""
    of_bag = rule < Rule.PICKUP
    return {
        "rule": int(rule),
        "site": names.sites.get(int(row["site"]), ""),
        "device": device,
        "tag": names.tags.get(int(row["subject"]), "") if of_bag else "",
        "at": int(row["at"]),
        "value": _number(row["value"]),
        "limit": _number(row["limit"]),
        "event": Event(row["event"]).code if row["event"] else None,
        "other": Event(row["other"]).code if row["other"] else None,
        "code": names.code(int(row["code"])),
    }


def _number(value: Any) -> float | None:
    found = float(value)
    return None if found != found else round(found, 3)  # noqa: PLR0124 -- NaN differs from itself


def _code(rule: Rule) -> str:
    return f"{KIND}:{rule.code}"


def _weight(rule: Rule) -> tuple[int, int]:
    return (Severity.LOW, Severity.MEDIUM, Severity.HIGH).index(Severity(RULES[rule].priority)), rule


def _row(condition: str, rule: Rule, members: Mapping[str, Member], now: int, names: Names) -> dict[str, Any]:
    first = min(members.values(), key=lambda member: (member["at"], member["tag"]))
    about = RULES[rule]
    return {
        "kind": KIND,
        "rule": _code(rule),
        "condition": condition,
        "site": first["site"],
        "device": first["device"] or None,
        "simulated": names.simulated,
        "priority": about.priority,
        "audience": about.audience,
        "legal_lead": about.legal_lead,
        "since": from_us(first["at"]),
        "raised_at": from_us(now),
        "value": first["value"],
        "unit": about.unit or None,
        "limit_hi": first["limit"],
        "clause": about.clause,
        "evidence": _evidence(rule, members),
    }


def _evidence(rule: Rule, members: Mapping[str, Member]) -> dict[str, Any]:
    ordered = sorted(members.values(), key=lambda member: (member["at"], member["tag"]))
    first = ordered[0]
    bags = [
        {"tag": member["tag"], "since": from_us(member["at"]).isoformat(), "value": member["value"]}
        for member in ordered[:SHOWN]
        if member["tag"]
    ]
    return {
        "rule": rule.code,
        "count": len(members),
        "bags": bags,
        **{name: first[name] for name in ("event", "other", "code", "value", "limit")},
    }
