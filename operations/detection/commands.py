"""``landun detect``: a CSV of readings in, a CSV of flags out."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def detect(
    file: Annotated[
        Path, typer.Argument(help="Wide CSV, .gz too: a column of times, a column a channel, empty = missing.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Where the flags go, a row each.")],
    until: Annotated[str | None, typer.Option(help="Rows before this time only calibrate.")] = None,
    budget: Annotated[float, typer.Option(min=0.001, max=24.0, help="Expected false alarms a day.")] = 0.25,
    roles: Annotated[
        str | None, typer.Option(help="quality=Cl,pH;operational=Fm;context=Tp. Guessed when absent.")
    ] = None,
) -> None:
    """Judge a file of readings with the monitor's own detector, in order of time, never looking ahead.

    Columns named label*, code_* and type_* are not read. Times without a zone are UTC. The score is 1 at the alarm
    threshold that the budget gave.
    """
    from operations.detection.detect import detect as judge
    from operations.detection.detect import roles_of, write
    from operations.detection.series import instant, read
    from operations.errors import OperatorError

    series = read(file)
    try:
        start = None if until is None else instant(until)
    except ValueError as error:
        raise OperatorError(f"--until: {until!r} is not a time; write one like 2016-08-14T15:14:00") from error
    if start is not None and start > series.ts[-1]:
        raise OperatorError(f"--until: {until} is after the last row, {series.told[-1]}; nothing would be written")
    known = roles_of(roles, series, start)
    if roles is None:
        guessed = "; ".join(f"{name}={role}" for name, role in known.items())
        typer.echo(f"roles guessed: {guessed}", err=True)
    detection = judge(series, known, budget)
    used = [name for name in series.channels if name in known]
    rows = write(out, series, detection, used, start)
    typer.echo(f"{rows} rows, {int(detection.flag[-rows:].sum())} flagged: {out}", err=True)
