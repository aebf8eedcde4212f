"""``landun bench``: the command group. Each command measures one thing and prints one JSON line."""

from typing import Annotated

import typer

app = typer.Typer(help="Measure this machine's Landun; each measurement prints one JSON line.")


@app.callback(invoke_without_command=True)
def bench(context: typer.Context) -> None:
    """Without a command: every benchmark of the checkout."""
    if context.invoked_subcommand is None:
        checkout(None)


@app.command()
def checkout(
    names: Annotated[list[str] | None, typer.Argument(help="Which benchmarks; all of them by default.")] = None,
) -> None:
    """Run the benchmarks that live in the checkout beside the packages."""
    from operations.bench.checkout import run

    run(names or [])
