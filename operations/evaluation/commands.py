"""``landun evaluate``: how good the detector is, where the truth is known."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from operations.errors import OperatorError
from simulators.fault_kinds import FaultKind

SHORTFALL_STATUS: Final = 1
app = typer.Typer()


@app.command()
def evaluate(
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Simulated pools with faults, through the monitor's own fold.")
    ] = False,
    pools: Annotated[int, typer.Option(min=2, help="Venues of one pool each; two cold stores come on top.")] = 134,
    days: Annotated[int, typer.Option(min=2, help="Days, those without faults included.")] = 30,
    warm_up: Annotated[int, typer.Option(min=1, help="First days, without faults.")] = 7,
    each: Annotated[int, typer.Option(min=1, help="Faults of every kind.")] = 20,
    seed: Annotated[int, typer.Option(help="Of pools, weather, noise and faults.")] = 1,
    budget: Annotated[
        float | None, typer.Option(min=0.001, help="Expected false alarms of a venue in a week; the platform's own.")
    ] = None,
    every: Annotated[
        int, typer.Option(min=1, max=15, help="After the warm-up devices report every so many minutes.")
    ] = 1,
    waste: Annotated[
        bool, typer.Option("--waste", help="A month of a city's medical waste with faults, through the custody engine.")
    ] = False,
    institutions: Annotated[
        int, typer.Option(min=20, help="With --waste: institutions, an eighth of them with beds.")
    ] = 3_499,
    water: Annotated[
        Path | None, typer.Option(help="Folder of real series, labelled or not: every file below it is judged.")
    ] = None,
    flags: Annotated[
        Path | None, typer.Option(help="Flags that `landun detect` wrote, to be scored against --labels.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Labelled series: columns time and --label.")] = None,
    label: Annotated[str, typer.Option(help="Column of the truth, 0 or 1.")] = "label",
    after: Annotated[str | None, typer.Option(help="Rows before this time are not scored.")] = None,
    kind: Annotated[
        list[FaultKind] | None, typer.Option(help="Only this kind of fault; may be given several times.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line instead of tables.")] = False,
) -> None:
    """Recall, right name, delay and false alarms; status 1 where less is kept than promised."""
    from operations.evaluation.plan import CrowdedError
    from operations.evaluation.report import shortfalls, table
    from operations.evaluation.simulated import Settings
    from operations.evaluation.simulated import evaluate as run

    if water is not None:
        _water(water, as_json=as_json)
        return
    if waste:
        _waste(institutions, days, each, seed, as_json=as_json)
        return
    if flags is not None and labels is not None:
        from operations.evaluation.flags import scored

        typer.echo(json.dumps(scored(flags, labels, label, after).as_dict()))
        return
    if not simulated:
        raise OperatorError(
            "evaluate: say what to evaluate on: --simulated, --waste, --water FOLDER, or --flags and --labels"
        )
    settings = Settings(
        pools=pools,
        days=days,
        warm_up=warm_up,
        each=each,
        seed=seed,
        budget=budget,
        kinds=tuple(kind or FaultKind),
        every=every,
    )
    try:
        figures = run(settings, lambda text: typer.echo(text, err=True)).figures()
    except CrowdedError as error:
        raise OperatorError(f"evaluate: {error}") from error
    typer.echo(json.dumps(figures) if as_json else table(figures))
    if shortfalls(figures):
        raise typer.Exit(SHORTFALL_STATUS)


def _water(folder: Path, *, as_json: bool) -> None:
    from operations.evaluation.water import evaluate as run
    from operations.evaluation.water import table

    results = list(run(folder, lambda text: typer.echo(text, err=True)))
    typer.echo(json.dumps([each.as_dict() for each in results]) if as_json else table(results))


def _waste(institutions: int, days: int, each: int, seed: int, *, as_json: bool) -> None:
    from operations.evaluation.waste import Settings, run, with_beds_of
    from operations.evaluation.waste_report import figures_of, shortfalls, table
    from simulators.waste.road import CrowdedError

    settings = Settings(institutions, with_beds_of(institutions), days, each, seed)
    try:
        figures = figures_of(run(settings, lambda text: typer.echo(text, err=True)))
    except CrowdedError as error:
        raise OperatorError(f"evaluate: {error}") from error
    typer.echo(json.dumps(figures) if as_json else table(figures))
    if shortfalls(figures):
        raise typer.Exit(SHORTFALL_STATUS)
