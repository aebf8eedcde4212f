"""What a data folder gets once: its record, its schema, the demonstration, its first administrator."""

import secrets
from datetime import UTC, datetime
from typing import Final

from operations.folder import DataFolder, Record
from operations.people import SignIn, ensure_administrator, ensure_demonstration_people
from operations.ports import DEFAULT_PORTS, LOOPBACK
from registry.demonstration import demonstration, load_demonstration
from registry.demonstration_dialects import with_dialects
from registry.model import Registry
from registry.waste.model import WasteRegistry
from simulators.waste.city import demonstration_city
from simulators.waste.model import City
from simulators.waste.registering import beside, registered
from store import demonstration as demonstration_rows
from store import journal
from store.connections import connect
from store.migrations import migrate
from store.registry_rows import load_registry, save_registry
from store.waste_registry import save_waste_registry

SEEDS: Final = 1_000_000
POOLS: Final = 32
"""On-line pools of the demonstration; with more sites asked for, the rest are small ones with few channels."""
MODBUS_PORT: Final = DEFAULT_PORTS["modbus"]
"""Where simulated controllers answer in a folder that has not been started yet."""

TERMINALS: Final = 1
"""Vehicles of the demonstration with a JT/T 808 terminal; the others' trackers speak MQTT."""

STORES: Final = 2
"""Cold stores for medical waste, beside the pools."""


def record_of(
    folder: DataFolder, *, seed: int | None, sites: int, demonstrate: bool, history_hours: int, now: datetime
) -> Record:
    """The folder's record; a new one, not yet written, where it has none. An existing folder keeps its own seed."""
    known = folder.read_record()
    if known is not None:
        return known
    chosen = secrets.randbelow(SEEDS) if seed is None else seed
    return Record(
        created=now.replace(microsecond=0),
        seed=chosen,
        sites=sites,
        demonstration=demonstrate,
        history_hours=history_hours,
    )


def demonstration_of(record: Record) -> Registry:
    """The demonstration's registry as this data folder has it: the same in every process and at every start.

    Pools and stores, and beside them a few institutions whose waste is followed (`waste_of`).
    """
    pools = _pools_of(record)
    return beside(
        pools, registered(city_of(record), record.registered_at, _next_channel(pools), terminals=TERMINALS)[0]
    )


def waste_of(record: Record) -> WasteRegistry:
    """What is registered of the demonstration's medical waste."""
    return registered(city_of(record), record.registered_at, terminals=TERMINALS)[1]


def city_of(record: Record) -> City:
    """The demonstration's city of medical waste."""
    return demonstration_city(record.seed)


def _next_channel(registry: Registry) -> int:
    return max(registry.channels, default=0) + 1


def _pools_of(record: Record) -> Registry:
    generate = load_demonstration if record.sites > POOLS else demonstration
    native = generate(record.seed, online=record.sites, stores=STORES, registered_at=record.registered_at)
    return with_dialects(native, record.modbus_at or f"{LOOPBACK}:{record.ports.get('modbus', MODBUS_PORT)}")


def prepare_database(dsn: str, record: Record) -> list[SignIn]:
    """Bring schema and registry up to date; who was made just now, the first administrator before all others.

    The demonstration's sites and people are put in where it is wanted and missing. Idempotent. Raises `psycopg.Error`.
    """
    migrate(dsn)
    now = datetime.now(UTC)
    with connect(dsn, application_name="landun-up") as connection:
        made = ensure_administrator(connection)
        known = demonstration_rows.find(connection)
        # Removed through the API, and the process that was to note it in the record died first.
        removed = known is not None and known.removed_at is not None
        if record.demonstration and not removed:
            wanted = demonstration_of(record)
            demonstration_rows.note(connection, wanted.sites.keys())
            present = load_registry(connection)
            if any(present.devices.get(code) != device for code, device in wanted.devices.items()):
                save_registry(connection, wanted)
                save_waste_registry(connection, waste_of(record))
                journal.append_event(connection, "config", {"what": "registry"}, now)
            made += ensure_demonstration_people(connection, wanted, now)
    return made
