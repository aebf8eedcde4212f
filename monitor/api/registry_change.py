"""Changing the registry: one at a time, audited, and journaled last, so that ingest and the monitor follow."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from monitor.api.context import Context
from monitor.api.refusals import forbidden
from monitor.api.schemas import ImportReport, MistakeInfo, SheetCount
from monitor.api.scope import Principal
from registry.importing import Plan
from registry.model import Registry
from registry.tabular import Mistake
from registry.waste.model import NO_WASTE, WasteRegistry, owners
from registry.words import Words, together
from store import audit, journal, upkeep
from store.connections import Connection
from store.registry_rows import load_registry, save_channels, save_devices, save_sampling_points, save_sites
from store.waste_registry import save_waste_registry

LOCK_REGISTRY: Final = 0x4C44_5247


class MistakesError(Exception):
    """Entries of a form are not acceptable: 422, with each mistake in both languages."""

    def __init__(self, mistakes: Sequence[MistakeInfo]) -> None:
        self.words = together(Words(each.text_zh, each.text_en) for each in mistakes)
        super().__init__(self.words.en)
        self.mistakes = mistakes


@contextmanager
def changing(shared: Context) -> Iterator[tuple[Connection, Registry, datetime]]:
    """A transaction in which nobody else changes the registry, the registry as it is, and the time of the change."""
    with shared.database.connection() as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_REGISTRY,))
        yield connection, load_registry(connection), shared.clock()
    shared.refresher.hasten()


def save(connection: Connection, plan: Plan, principal: Principal, now: datetime) -> None:
    """Write what a plan changes. Audit and journal are the caller's, last."""
    save_sites(connection, plan.sites.values())
    save_sampling_points(connection, plan.sampling_points.values())
    save_devices(connection, plan.devices.values())
    save_channels(connection, plan.channels.values())
    save_waste_registry(connection, plan.waste)
    for device, (on, due) in plan.calibrations.items():
        upkeep.calibrate(connection, device, on, due, "", principal.username, now)


def record(
    connection: Connection,
    principal: Principal,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    now: datetime,
    *,
    what: str = "registry",
) -> None:
    """Audit a change and journal it; the last statements of its transaction.

    `what` is ``registry``, or ``credentials`` for what concerns the broker alone.
    """
    audit.append(connection, principal.username, action, subject, detail, now)
    journal.append_event(connection, "config", {"what": what, "by": principal.username}, now)


def require_scope(principal: Principal, plan: Plan, registry: Registry, waste: WasteRegistry = NO_WASTE) -> None:
    """403 where a plan touches a site outside the person's counties, naming it; or what is nobody's county."""
    if not principal.counties:
        return
    for (kind, code), sites in owners(plan.waste, waste):
        if "" in sites:
            entry = Words.of(f"refusal.registry_change.entry.{kind}", code=code)
            raise forbidden("registry_change.nobodys", entry=entry)
    touched = {**registry.sites, **plan.sites}
    codes = {*plan.sites, *(point.site for point in plan.sampling_points.values())}
    codes |= {device.site for device in plan.devices.values()}
    for device in {channel.device for channel in plan.channels.values()} - plan.devices.keys():
        codes.add(registry.devices[device].site)
    for _, sites in owners(plan.waste, waste):
        codes |= sites
    for code in sorted(codes):
        before = registry.sites.get(code)
        if not principal.sees(touched[code]) or (before is not None and not principal.sees(before)):
            raise forbidden("registry_change.outside", site=code, county=touched[code].county)


def report_of(plan: Plan, *, imported: bool) -> ImportReport:
    """A plan as the API tells it."""
    return ImportReport(
        imported=imported,
        counts=[
            SheetCount(
                sheet=sheet,
                rows=count.rows,
                new=count.new,
                changed=count.changed,
                same=count.same,
                held=count.held,
                faulty=count.faulty,
            )
            for sheet, count in plan.counts.items()
        ],
        mistakes=[mistake_info(each) for each in plan.mistakes],
    )


def mistake_info(mistake: Mistake) -> MistakeInfo:
    """A mistake as the API tells it."""
    column = mistake.column
    return MistakeInfo(
        sheet_zh=mistake.sheet.zh,
        sheet_en=mistake.sheet.en,
        row=mistake.row,
        column_zh=column.zh if column else None,
        column_en=column.en if column else None,
        value=mistake.value,
        text_zh=mistake.sentence("zh"),
        text_en=mistake.sentence("en"),
        problem_zh=mistake.words.zh,
        problem_en=mistake.words.en,
    )
