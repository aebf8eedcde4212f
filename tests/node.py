"""Node for tests: programs in JavaScript whose packages are fetched on first use."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest


def node(folder: Path, package: str) -> str:
    """The path of node, once `folder` has the packages its package.json names. Fails, never skips, without Node."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.fail("these tests need Node: install nodejs and npm (make test does so when run by root)")
    with (folder / "package.json").open() as manifest:
        fcntl.flock(manifest, fcntl.LOCK_EX)  # tests run side by side
        if not (folder / "node_modules" / package / "package.json").is_file():
            subprocess.run([npm, "install", "--no-package-lock", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return found
