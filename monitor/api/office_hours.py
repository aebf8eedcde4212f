"""The agency's working hours, which steps of routes count by."""

from typing import Annotated

from fastapi import APIRouter, Depends

from monitor.api.context import Shared, requires
from monitor.api.schemas.notifications import OfficeHours, OfficeHoursInfo
from monitor.api.scope import Permission, Principal
from monitor.notify.model import Office
from store import audit, notify_settings
from store.connections import Connection

router = APIRouter(prefix="/notifications", tags=["notifications"])

Seer = Annotated[Principal, Depends(requires(Permission.SEE_NOTIFICATIONS))]
Setter = Annotated[Principal, Depends(requires(Permission.SET_NOTIFICATIONS))]


@router.get("/office-hours", summary="The agency's working hours")
def office_hours(_: Seer, shared: Shared) -> OfficeHoursInfo:
    """By the clock of each site's zone, on working days by the State Council's calendar."""
    with shared.database.connection() as connection:
        return hours_of(connection)


@router.put("/office-hours", summary="Set the agency's working hours")
def set_office_hours(given: OfficeHours, setter: Setter, shared: Shared) -> OfficeHoursInfo:
    """They hold from the next pass on, within seconds, also for steps whose clock runs already."""
    row = {**given.model_dump(), "changed_by": setter.username, "changed_at": shared.clock()}
    with shared.database.connection() as connection, connection.transaction():
        before = hours_of(connection)
        notify_settings.save_office_hours(connection, row)
        said = {**given.model_dump(mode="json"), "before": f"{before.begins:%H:%M}–{before.ends:%H:%M}"}
        audit.append(connection, setter.username, "notify_office_set", "office-hours", said, shared.clock())
    return OfficeHoursInfo(**row)


def hours_of(connection: Connection) -> OfficeHoursInfo:
    """What is set; the design default, of nobody, where nothing is."""
    row = notify_settings.office_hours(connection)
    if row is None:
        return OfficeHoursInfo(begins=Office().begin, ends=Office().end, changed_by=None, changed_at=None)
    return OfficeHoursInfo(**row)
