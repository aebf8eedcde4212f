"""How a benchmark says what it measured."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence

Figure = float | int | str | bool | None


def report(name: str, **figures: Figure | Mapping[str, Figure]) -> None:
    """Print the one JSON line of a benchmark."""
    line = {"benchmark": name, "cores": os.cpu_count(), "python": platform.python_version(), **figures}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def quantile(sorted_values: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted values lie (nearest rank)."""
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]
