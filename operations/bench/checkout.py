"""Runs the benchmarks, which live beside the packages in the checkout and are not installed."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from operations.errors import OperatorError

CHECKOUT: Final = Path(__file__).resolve().parent.parent.parent
HELPERS: Final = frozenset({"__init__", "report", "pages"})


def run(names: Sequence[str]) -> None:
    """Run benchmarks one after the other, each in a process of its own. Raises `OperatorError` on a failed one."""
    folder = CHECKOUT / "benchmarks"
    known = sorted(each.stem for each in folder.glob("*.py") if each.stem not in HELPERS)
    if not known:
        raise OperatorError(f"no benchmarks in {folder}: run this from a checkout")
    if unknown := sorted(set(names) - set(known)):
        raise OperatorError(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}")
    for name in names or known:
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=CHECKOUT, check=False)  # noqa: S603
        if done.returncode != 0:
            raise OperatorError(f"benchmark {name} ended with status {done.returncode}")
