"""What devices sent that could not be stored, and why."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from monitor.api.context import Shared, requires
from monitor.api.schemas import DeadLetterInfo, DeadLetterPage, DeadLetterSummary, SequenceGaps
from monitor.api.scope import Permission
from store import queries
from store.sequences import devices_with_gaps

router = APIRouter(tags=["dead letters"], dependencies=[Depends(requires(Permission.READ_DEAD_LETTERS))])

PREVIEW_CHARACTERS: Final = 2_000


@router.get("/dead-letters", summary="Rejected messages, newest first")
def dead_letters(
    shared: Shared,
    reason: Annotated[str | None, Query(description="Only this reason", examples=["unknown_device"])] = None,
    device: Annotated[str | None, Query(description="Only this device, as far as the topic told it")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> DeadLetterPage:
    """Each with its reason and the beginning of its payload."""
    with shared.database.connection() as connection:
        total, rows = queries.dead_letters(connection, reason=reason, device=device, limit=limit, offset=offset)
    return DeadLetterPage(
        total=total,
        items=[
            DeadLetterInfo(
                **{name: row[name] for name in DeadLetterInfo.model_fields if name in row},
                payload_text=bytes(row["payload"]).decode("utf-8", "replace")[:PREVIEW_CHARACTERS],
            )
            for row in rows
        ],
    )


@router.get("/sequence-gaps", summary="Devices of whose messages some are missing, newest first")
def sequence_gaps(shared: Shared, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> list[SequenceGaps]:
    """What the numbering of devices (`seq`) shows to be lost before it reached the broker."""
    with shared.database.connection() as connection:
        return [SequenceGaps(**each._asdict()) for each in devices_with_gaps(connection, limit)]


@router.get("/dead-letters/summary", summary="Rejected messages by reason")
def summary(
    shared: Shared,
    hours: Annotated[float, Query(gt=0, le=24 * 366, description="Length of the counted period, h")] = 24,
) -> DeadLetterSummary:
    """How many messages were rejected since then, by reason."""
    since = shared.clock() - timedelta(hours=hours)
    with shared.database.connection() as connection:
        reasons = queries.dead_letter_counts(connection, since)
    return DeadLetterSummary(since=since, total=sum(reasons.values()), reasons=reasons)
