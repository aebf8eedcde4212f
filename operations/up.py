"""``landun up``: the whole system from one command."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from operations import first_start, ports
from operations.assembly import Assembly
from operations.denied import DeniedPublishes
from operations.disk import MIN_FREE_BYTES, DiskGuard
from operations.folder import DataFolder, Record
from operations.leftovers import end_leftovers
from operations.output import Output
from operations.people import SignIn
from operations.ports import LOOPBACK, Address
from operations.registry_watch import RegistryWatch
from operations.secrets import Secrets
from operations.supervisor import SUPERVISOR, Supervisor
from store.connections import connect
from store.embedded import EmbeddedPostgres
from store.readings import WriteMode, write_batch
from store.records import DeadLetter, empty_readings

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class UpSettings:
    """Options of ``landun up``.

    `ports` holds those asked for, 0 for any free one. `database_url` names a database to use instead of the
    embedded one. Devices reach the broker at `broker_host`. `seed`, `sites`, `demonstrate` and `backfill_hours` count
    at the first start only. With less than `min_free_bytes` of free disk the simulators stop.
    `workers` is the number of ingest processes, by default as many as at the last start.
    """

    data: Path
    host: str = LOOPBACK
    ports: Mapping[str, int] = field(default_factory=dict)
    database_url: str | None = None
    seed: int | None = None
    sites: int = first_start.POOLS
    demonstrate: bool = True
    backfill_hours: int = 24
    min_free_bytes: int = MIN_FREE_BYTES
    workers: int | None = None
    broker_host: str = LOOPBACK


def run(settings: UpSettings) -> None:
    """Start everything, say so on standard output, keep it running until a signal, end it.

    The log goes to standard error and to ``<data>/logs``. Raises `OperatorError` on what an operator can put
    right before anything has started.
    """
    folder = DataFolder(settings.data.expanduser().absolute())
    folder.prepare()
    with folder.locked(), _output(folder) as output:
        say = _sayer(output)
        end_leftovers(folder.children_file, say)
        record = first_start.record_of(
            folder,
            seed=settings.seed,
            sites=settings.sites,
            demonstrate=settings.demonstrate,
            history_hours=settings.backfill_hours,
            now=datetime.now(UTC),
        )
        address = _choose_ports(settings, record, say)
        folder.write_record(record)
        secrets = Secrets.of(folder.secrets)
        embedded = None if settings.database_url else _embedded(folder, address, secrets)
        dsn = settings.database_url or (embedded.dsn if embedded else "")
        made: list[SignIn] = []
        denied = DeniedPublishes(_dead_letter_writer(dsn))
        assembly = Assembly(
            folder=folder,
            record=record,
            secrets=secrets,
            address=address,
            dsn=dsn,
            embedded=embedded,
            denied=denied,
            announce_sign_in=made.append,
            min_free_bytes=settings.min_free_bytes,
            broker_host=settings.broker_host,
            workers=settings.workers,
        )
        guard = DiskGuard(folder.path, say, settings.min_free_bytes)
        with _started(denied), _started(guard), _started(assembly.watch):
            asyncio.run(_supervise(assembly, output, made))


def _embedded(folder: DataFolder, address: Address, secrets: Secrets) -> EmbeddedPostgres:
    embedded = EmbeddedPostgres(folder.path / "postgres", port=address.ports["database"], password=secrets.postgres)
    embedded.prepare()
    return embedded


async def _supervise(assembly: Assembly, output: Output, made: Sequence[SignIn]) -> None:
    supervisor = Supervisor(assembly.nodes(), output, children_file=assembly.folder.children_file)
    loop = asyncio.get_running_loop()
    for sign in SIGNALS:
        loop.add_signal_handler(sign, supervisor.stop)

    def retire(name: str) -> None:
        asyncio.run_coroutine_threadsafe(supervisor.retire(name), loop)

    assembly.retire = retire

    def when_ready() -> None:
        for each in made:
            _print(f"first sign-in: {each}")
        _print(f"ready dashboard={assembly.address.dashboard} api={assembly.address.api}")

    await supervisor.run(when_ready)
    output.say(SUPERVISOR, "ended")


def _choose_ports(settings: UpSettings, record: Record, say: Callable[[str], None]) -> Address:
    services = [name for name in ports.DEFAULT_PORTS if name != "database" or settings.database_url is None]
    choices = ports.choose(
        services,
        hosts={"api": settings.host, "dashboard": settings.host, "broker": settings.broker_host},
        asked=settings.ports,
        remembered=record.ports,
    )
    for choice in choices:
        if choice.message:
            say(choice.message)
    record.ports = {choice.service: choice.port for choice in choices}
    return Address(settings.host, record.ports)


def _dead_letter_writer(dsn: str) -> Callable[[Sequence[DeadLetter]], None]:
    def write(letters: Sequence[DeadLetter]) -> None:
        with connect(dsn, autocommit=True, application_name="landun-up") as connection:
            write_batch(
                connection,
                empty_readings(),
                messages=(),
                dead=letters,
                recorded_at=datetime.now(UTC),
                mode=WriteMode.COPY,
            )

    return write


@contextlib.contextmanager
def _output(folder: DataFolder) -> Iterator[Output]:
    output = Output(sys.stderr, folder.logs)
    handler = _ToOutput(output)
    logging.getLogger().handlers[:] = [handler]
    try:
        yield output
    finally:
        output.close()


class _ToOutput(logging.Handler):
    """Log records of this process as lines of the supervisor."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        self._output.say(SUPERVISOR, f"{record.levelname} {record.name}: {record.getMessage()}")


@contextlib.contextmanager
def _started(worker: DeniedPublishes | DiskGuard | RegistryWatch) -> Iterator[None]:
    worker.start()
    try:
        yield
    finally:
        worker.close()


def _sayer(output: Output) -> Callable[[str], None]:
    return lambda line: output.say(SUPERVISOR, line)


def _print(line: str) -> None:
    """To standard output, where nothing but these lines goes; nobody may be listening there any more."""
    with contextlib.suppress(OSError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
