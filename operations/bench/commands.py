"""``landun bench``: the command group. Each command measures one thing and prints one JSON line."""

from typing import Annotated, Any

import typer

app = typer.Typer(help="Measure this machine's Landun; each measurement prints one JSON line.")


@app.callback(invoke_without_command=True)
def bench(context: typer.Context) -> None:
    """Without a command: ingest through NATS, then every benchmark of the checkout."""
    if context.invoked_subcommand is None:
        from operations.bench.ingest import measure
        from operations.bench.rig import Settings

        show(measure(Settings()), as_json=True)
        checkout(None)


@app.command()
def checkout(
    names: Annotated[list[str] | None, typer.Argument(help="Which benchmarks; all of them by default.")] = None,
) -> None:
    """Run the benchmarks that live in the checkout beside the packages."""
    from operations.bench.checkout import run

    run(names or [])


@app.command()
def ingest(
    broker: Annotated[
        str, typer.Option(help="nats, mosquitto, or [mqtt://user:password@]HOST:PORT of one that runs.")
    ] = "nats",
    dsn: Annotated[
        str | None, typer.Option(help="Server to measure on, in databases of its own; an embedded one by default.")
    ] = None,
    values: Annotated[int, typer.Option(min=1, help="Readings a message.")] = 8,
    messages: Annotated[
        int | None, typer.Option(min=1, help="Messages; by default as many as make a million readings.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Ingest processes, each with its counties.")] = 1,
    devices: Annotated[int, typer.Option(min=1, help="Connected devices.")] = 1_000,
    late: Annotated[float, typer.Option(min=0, max=1, help="Share of messages that come after newer ones.")] = 0.0,
    sync: Annotated[
        str, typer.Option(help="NATS's sync_interval: always (as `landun up`), or a time such as 1s.")
    ] = "1s",
    overload: Annotated[
        bool, typer.Option(help="Instead: publish ten times what a slowed database takes, then let it catch up.")
    ] = False,
    broken: Annotated[
        bool, typer.Option(help="Instead: the flood good, and broken in every message in several ways.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line instead of a table.")] = False,
) -> None:
    """From the devices' first publish to ingest's last commit, beside bare COPY of the same rows."""
    import signal
    import sys

    from operations.bench import broken as breaking
    from operations.bench import ingest as flood
    from operations.bench import overload as flooding
    from operations.bench.rig import Settings

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ended from outside, it still leaves nothing behind
    settings = Settings(
        broker=broker,
        dsn=dsn,
        values=values,
        messages=messages or (30_000 if overload or broken else 1_000_000 // values),
        devices=devices,
        workers=workers,
        late=late,
        sync_interval=sync,
    )
    measure = flooding.measure if overload else breaking.measure if broken else flood.measure
    show(measure(settings), as_json=json)


@app.command()
def decode(
    messages: Annotated[int, typer.Option(min=1_000, help="Messages of each dialect.")] = 50_000,
    seed: Annotated[int, typer.Option(help="Decides values and breakage.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="One JSON line instead of a table.")] = False,
) -> None:
    """From payloads to arrays, each dialect alone on one core; and the same with every payload broken."""
    from operations.bench.decode import Settings, measure

    show(measure(Settings(messages=messages, seed=seed)), as_json=json)


@app.command()
def fuzz(
    payloads: Annotated[int, typer.Option(min=1, help="Broken payloads, over all dialects.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="Decides what is broken.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="One JSON line instead of a table.")] = False,
) -> None:
    """Broken payloads of every dialect: each must end as readings, a dead letter or silence."""
    from operations.bench.decode import fuzz as run

    show(run(payloads, seed), as_json=json)


@app.command()
def year(
    sites: Annotated[int, typer.Option(min=1, help="Pools on line; 130 are about 1 000 channels.")] = 130,
    days: Annotated[float, typer.Option(min=1, help="Days of history, a reading a minute.")] = 365,
    budget: Annotated[float, typer.Option(min=1, help="Most seconds of loading.")] = 7200,
    dsn: Annotated[
        str | None, typer.Option(help="Empty database to measure on; one of an embedded server by default.")
    ] = None,
    copy: Annotated[bool, typer.Option(help="Load by COPY; --no-copy for a server without it.")] = True,
    json: Annotated[bool, typer.Option("--json", help="One JSON line instead of a table.")] = False,
) -> None:
    """A year of readings: bytes a reading, before and after compression, and how long each page's queries take."""
    from operations.bench.year import Settings, measure

    show(measure(Settings(dsn=dsn, sites=sites, days=days, budget_s=budget, copy=copy)), as_json=json)


@app.command()
def detector(json: Annotated[bool, typer.Option("--json", help="One JSON line instead of a table.")] = False) -> None:
    """Readings a second through the detector on one core, beside river and ioos_qc on the same readings."""
    from operations.bench.detector import measure

    show(measure(), as_json=json)


@app.command()
def waste(
    chain: Annotated[bool, typer.Option(help="Also from MQTT to verdict; --no-chain for the engine alone.")] = True,
    json: Annotated[bool, typer.Option("--json", help="One JSON line instead of a table.")] = False,
) -> None:
    """Custody events a second: the engine on one core with a million open bags, and from MQTT to verdict."""
    from operations.bench.waste import measure

    show(measure(chain=chain), as_json=json)


def show(figures: dict[str, Any], *, as_json: bool) -> None:
    """Print a measurement as one JSON line, or a figure a line."""
    import json

    if as_json:
        typer.echo(json.dumps(figures))
        return
    for name, value in figures.items():
        typer.echo(f"{name:<20} {value}")
