"""How the platform does, and what it could not store."""

from typing import TypedDict


class Component(TypedDict):
    """One part of the platform."""

    name: str
    state: str
    since: str | None
    detail: str
    detail_zh: str


class Pipeline(TypedDict):
    """Messages on their way through ingest, which must add up."""

    received: int
    committed: int
    dead: int
    silent: int
    in_flight: int
    waiting: int
    imbalance: int
    acknowledged: int
    redelivered: int
    duplicate: int
    late: int
    missing: int
    lag_s: float


class Canary(TypedDict):
    """From the platform's own device to the live feed."""

    last_ms: float | None
    p50_ms: float | None
    p99_ms: float | None
    silent_s: float


class Health(TypedDict):
    """How the platform is doing."""

    status: str
    at: str
    version: str
    sites_live: int
    sites_total: int
    sites: dict[str, dict[str, int]]
    components: list[Component]
    journal: dict[str, int | None]
    pipeline: Pipeline | None
    canary: Canary | None
    versions: dict[str, str]
    disk_total_bytes: int | None
    disk_free_bytes: int | None


class SequenceGaps(TypedDict):
    """What is missing in the numbering of a device."""

    device: str
    missing: int
    gaps: int
    restarts: int
    at: str


class DeadLetter(TypedDict):
    """A message, or one field of one, that was not stored."""

    id: int
    received_at: str
    topic: str
    reason: str
    detail: str
    site: str | None
    device: str | None
    field: str | None
    payload_text: str
    payload_bytes: int
    replayed_at: str | None
    replayed_by: str | None


class DeadLetterPage(TypedDict):
    """A page of dead letters, newest first."""

    total: int
    items: list[DeadLetter]


class DeadLetterSummary(TypedDict):
    """Rejected messages by reason."""

    since: str
    total: int
    reasons: dict[str, int]
