"""The detector: the picture of an alarm, inspectors' feedback, a site's sensitivity, and the budget."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from monitor.api.alarms import Actor, AlarmId, Reader, detail_of, record_action
from monitor.api.context import Now, Shared, requires, visible_site
from monitor.api.refusals import conflict
from monitor.api.schemas import (
    ActionPending,
    AlarmDetail,
    Budget,
    Error,
    FeedbackGiven,
    FeedbackIn,
    FeedbackUndo,
    Picture,
    PictureChannel,
    PictureFlag,
    Sensitivity,
)
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, SiteInPath, limits_at
from monitor.api.snapshot import Snapshot
from monitor.detector.layout import DEFAULT_BUDGET
from monitor.sensitivity import site_budget, threshold_factor
from registry.catalogue import LANGUAGES, Language, entries, text
from registry.indicators import INDICATORS
from registry.model import Channel
from registry.words import Words, listed
from store import audit, journal, queries
from store.connections import Connection
from store.records import to_us

router = APIRouter(tags=["detector"])

BEFORE: Final = timedelta(hours=3)
AFTER: Final = timedelta(hours=1)
LONGEST: Final = timedelta(days=3)
MOST_FLAGS: Final = 5_000
_ORDER: Final = (
    "free_chlorine", "ph", "orp", "turbidity", "water_temperature", "circulation_flow", "combined_chlorine",
)  # fmt: skip
_GIVEN: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    202: {"model": ActionPending, "description": "Recorded; the monitor is away and will apply it when it is back"},
    409: {"model": Error, "description": "There is nothing of the kind to answer or to take back"},
}
Tuner = Annotated[Principal, Depends(requires(Permission.TUNE_DETECTOR))]


@router.get("/alarms/{alarm_id}/picture", summary="An alarm's picture", responses=NOT_FOUND)
def picture(alarm_id: AlarmId, shared: Shared, now: Now, reader: Reader) -> Picture:
    """The channels at the alarm's place on one time axis, with what was usual and the readings that tests flagged.

    Values come from `/readings`. The axis begins three hours before the evidence, at most three days before the end.
    """
    with shared.database.connection() as connection:
        alarm = detail_of(connection, now, reader, alarm_id)
        end = (alarm.returned_at or shared.clock()) + AFTER
        last = min(end, shared.clock())
        first = max(min(alarm.since, alarm.raised_at) - BEFORE, last - LONGEST)
        channels = _channels(now, alarm)
        flags = _flags(connection, [channel.id for channel in channels], first, last)
    return Picture(
        alarm_id=alarm_id,
        zone=now.registry.sites[alarm.site].zone,
        first=first,
        last=last,
        since=alarm.since,
        raised_at=alarm.raised_at,
        returned_at=alarm.returned_at,
        channels=[_panel(now, alarm, channel, flags.get(channel.id, [])) for channel in channels],
    )


@router.post(
    "/alarms/{alarm_id}/feedback", response_model=AlarmDetail, summary="Say whether an alarm was true", responses=_GIVEN
)
def give_feedback(
    alarm_id: AlarmId, shared: Shared, now: Now, actor: Actor, said: FeedbackIn
) -> Response | AlarmDetail:
    """An answer, false (误报) or true (属实), moves the sensitivity of the site: see `/sites/{code}/sensitivity`."""
    with shared.database.connection() as connection:
        alarm = detail_of(connection, now, actor, alarm_id)
        standing = [each for each in _given(connection, alarm.site) if each.alarm_id == alarm_id and not each.undone_at]
    if alarm.verdict is None:
        raise conflict("detector.no_verdict", alarm=alarm_id, kind=Words.of(f"alarm.kind.{alarm.kind}"))
    if standing:
        answer = Words.of(f"verdict.page.{standing[0].answer}")
        raise conflict("detector.answered", alarm=alarm_id, answer=answer, actor=standing[0].actor)
    body = {"site": alarm.site, "answer": said.answer, "text": said.comment or ""}
    return record_action(shared, now, actor, alarm_id, "feedback", body)


@router.post(
    "/alarms/{alarm_id}/feedback/undo", response_model=AlarmDetail, summary="Take feedback back", responses=_GIVEN
)
def undo_feedback(
    alarm_id: AlarmId, shared: Shared, now: Now, actor: Actor, said: FeedbackUndo
) -> Response | AlarmDetail:
    """What the answer did to the site's sensitivity is undone, exactly."""
    with shared.database.connection() as connection:
        alarm = detail_of(connection, now, actor, alarm_id)
        standing = [
            each.id for each in _given(connection, alarm.site) if each.alarm_id == alarm_id and not each.undone_at
        ]
    if said.feedback not in standing:
        shown = listed(standing) if standing else Words.of("refusal.detector.none_standing")
        raise conflict("detector.not_standing", feedback=said.feedback, alarm=alarm_id, standing=shown)
    body = {"site": alarm.site, "feedback": said.feedback, "text": said.comment or ""}
    return record_action(shared, now, actor, alarm_id, "feedback_undone", body)


@router.get("/sites/{code}/sensitivity", summary="A site's sensitivity", responses=NOT_FOUND)
def sensitivity(code: SiteInPath, shared: Shared, now: Now, reader: Reader) -> Sensitivity:
    """The budget, what feedback has made of it here, and the feedback."""
    visible_site(now, reader, code)
    with shared.database.connection() as connection:
        budget = _budget(connection)
        given = _given(connection, code)
    of_site = site_budget(budget, [each.answer for each in given if each.undone_at is None])
    return Sensitivity(
        site=code,
        budget=budget,
        site_budget=of_site,
        threshold=round(threshold_factor(of_site), 3),
        feedback=given[::-1],
    )


@router.get("/detector/budget", summary="The false-alarm budget")
def budget(shared: Shared, _: Reader) -> Budget:
    """Expected false alarms a site and week: the one setting that all thresholds follow from."""
    with shared.database.connection() as connection:
        return Budget(per_site_week=_budget(connection))


@router.put("/detector/budget", summary="Set the false-alarm budget")
def set_budget(wanted: Budget, shared: Shared, tuner: Tuner) -> Budget:
    """Journaled: the monitor judges by it from that row on."""
    at = shared.clock()
    payload = {"what": "budget", "per_site_week": wanted.per_site_week, "actor": tuner.username, "at": to_us(at)}
    with shared.database.connection() as connection, connection.transaction():
        before = _budget(connection)
        detail = {"per_site_week": wanted.per_site_week, "before": before}
        audit.append(connection, tuner.username, "set_budget", "detector", detail, at)
        journal.append_event(connection, "config", payload, at)
    return wanted


def _budget(connection: Connection) -> float:
    found = queries.configured_budget(connection)
    return DEFAULT_BUDGET if found is None else found


def _given(connection: Connection, site: str) -> list[FeedbackGiven]:
    """The site's feedback, oldest first."""
    given: dict[int, FeedbackGiven] = {}
    for row in queries.feedback_of_site(connection, site):
        if row["event"] == "feedback":
            names = {f"verdict_name_{each}": _verdict_name(each, row["verdict"]) for each in LANGUAGES}
            given[row["journal_id"]] = FeedbackGiven(
                id=row["journal_id"],
                alarm_id=row["alarm_id"],
                at=row["at"],
                actor=row["actor"],
                answer=row["detail"]["answer"],
                comment=row["text"],
                verdict=row["verdict"],
                undone_at=None,
                undone_by=None,
                **names,
            )
        elif row["detail"]["undoes"] in given:
            undone = given[row["detail"]["undoes"]]
            undone.undone_at, undone.undone_by = row["at"], row["actor"]
    return list(given.values())


def _verdict_name(language: Language, verdict: str | None) -> str:
    return text(language, f"verdict.kind.{verdict or 'unknown'}")


def _channels(now: Snapshot, alarm: AlarmDetail) -> list[Channel]:
    """The channels at the alarm's place, those that spoke first, then in the order people read them."""
    registry = now.registry
    spoke = [each.channel_id for each in alarm.evidence.channels] if alarm.evidence else []
    if not spoke and alarm.channel_id is not None:
        spoke = [alarm.channel_id]
    here = [
        channel
        for device in registry.devices_of_site[alarm.site]
        if alarm.sampling_point in (None, device.sampling_point)
        for channel in registry.channels_of_device[device.code]
    ]

    def place(channel: Channel) -> tuple[int, int, int]:
        known = _ORDER.index(channel.indicator) if channel.indicator in _ORDER else len(_ORDER)
        return (spoke.index(channel.id) if channel.id in spoke else len(spoke), known, channel.id)

    return sorted(here, key=place)


def _flags(
    connection: Connection, channel_ids: Sequence[int], first: Any, last: Any
) -> Mapping[int, list[PictureFlag]]:
    """The flagged readings of each channel, with the tests that flagged them."""
    found: dict[int, dict[Any, list[dict[str, Any]]]] = {}
    for row in queries.flags_of(connection, channel_ids, first, last, MOST_FLAGS):
        found.setdefault(row["channel_id"], {}).setdefault(row["ts"], []).append(row)
    return {
        channel: [
            PictureFlag(
                ts=ts,
                value=rows[0]["value"],
                tests=[row["test"] for row in rows],
                tests_zh="、".join(_flag_name("zh", row["test"]) for row in rows),
                tests_en=", ".join(_flag_name("en", row["test"]) for row in rows),
                flag=max(row["flag"] for row in rows),
            )
            for ts, rows in by_time.items()
        ]
        for channel, by_time in found.items()
    }


def _flag_name(language: Language, test: str) -> str:
    key = f"verdict.flag.{test}"
    return entries()[key][language] if key in entries() else test


def _panel(now: Snapshot, alarm: AlarmDetail, channel: Channel, flags: list[PictureFlag]) -> PictureChannel:
    registry, indicator = now.registry, INDICATORS[channel.indicator]
    device = registry.device_of(channel)
    site, point = registry.sites[device.site], registry.sampling_point_of(device)
    spoken = {each.channel_id: each for each in alarm.evidence.channels} if alarm.evidence else {}
    said = spoken.get(channel.id)
    return PictureChannel(
        channel_id=channel.id,
        device=device.code,
        indicator=channel.indicator,
        indicator_name_zh=indicator.name_zh,
        indicator_name_en=indicator.name_en,
        unit=indicator.unit,
        precision=indicator.precision,
        spoke=said is not None or channel.id == alarm.channel_id,
        expected_lo=said.expected_lo if said else None,
        expected_hi=said.expected_hi if said else None,
        limit=limits_at(now.facts.rules.get(site.code, ()), site, point, alarm.raised_at).get(channel.indicator),
        flags=flags,
    )
