"""Where the real data that development has beside the checkout is; a user's clone has none of it."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("LANDUN_SHARED", Path(__file__).resolve().parent.parent.parent / "shared"))


def shared(path: str) -> Path:
    """The path of a file of the shared data; skips the test, saying so, where it is not there."""
    found = SHARED / "data" / path
    if not found.exists():
        pytest.skip(
            f"real data is not beside this checkout: {found} (LANDUN_SHARED names its folder)", allow_module_level=True
        )
    return found
