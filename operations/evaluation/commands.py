"""``landun evaluate``: how good the detector is, where the truth is known."""

import json
from typing import Annotated, Final

import typer

from operations.errors import OperatorError

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
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line instead of tables.")] = False,
) -> None:
    """Recall, right name, delay and false alarms; status 1 where less is kept than promised."""
    from operations.evaluation.plan import CrowdedError
    from operations.evaluation.report import shortfalls, table
    from operations.evaluation.simulated import Settings
    from operations.evaluation.simulated import evaluate as run

    if not simulated:
        raise OperatorError("evaluate: say what to evaluate on: --simulated")
    settings = Settings(pools=pools, days=days, warm_up=warm_up, each=each, seed=seed, budget=budget)
    try:
        figures = run(settings, lambda text: typer.echo(text, err=True)).figures()
    except CrowdedError as error:
        raise OperatorError(f"evaluate: {error}") from error
    typer.echo(json.dumps(figures) if as_json else table(figures))
    if shortfalls(figures):
        raise typer.Exit(SHORTFALL_STATUS)
