"""What the fleet remembers from start to start: the operator's commands, and the water itself."""

import io
import json
import logging
import os
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from simulators.clock import PhysicsClock
from simulators.engine import Checkpoint, arrays_of, checkpoint_of
from simulators.every_fault import kind_of
from simulators.faults import Fault

log = logging.getLogger(__name__)

_VERSION: Final = 1


@dataclass
class FleetState:
    """The operator's commands. `clock` is the physics clock as it was when the state was written."""

    clock: PhysicsClock
    stopped: set[str] = field(default_factory=set)
    faults: tuple[Fault, ...] = ()

    def to_json(self) -> str:
        """The text of ``state.json``."""
        return json.dumps(
            {
                "version": _VERSION,
                "clock": asdict(self.clock),
                "stopped": sorted(self.stopped),
                "faults": [asdict(fault) for fault in self.faults],
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> "FleetState":
        """The state of a file's text. Raises `ValueError` or `TypeError` where it is not one."""
        loaded: dict[str, Any] = json.loads(text)
        if loaded.get("version") != _VERSION:
            raise ValueError(f"version {loaded.get('version')!r}, must be {_VERSION}")
        return cls(
            clock=PhysicsClock(**loaded["clock"]),
            stopped=set(loaded["stopped"]),
            faults=tuple(Fault(**{**fault, "kind": kind_of(fault["kind"])}) for fault in loaded["faults"]),
        )


def load_state(path: Path) -> FleetState | None:
    """What was remembered; None before the first start. A damaged file is reported, set aside, and counts as none."""
    try:
        return FleetState.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        log.error("simulator state %s is damaged (%s): starting afresh, the old file is %s", path, error, aside)  # noqa: TRY400
        return None


def save_state(path: Path, state: FleetState) -> None:
    """Write the state in one step."""
    _write_whole(path, state.to_json().encode())


def save_checkpoint(path: Path, checkpoint: Checkpoint, devices: Iterable[str], seed: int) -> None:
    """Keep the water and the instruments, unless the file holds a later minute of the same fleet."""
    devices = tuple(devices)
    known = load_checkpoint(path, devices, seed)
    if known is not None and known.minute > checkpoint.minute:
        return
    arrays: dict[str, Any] = {"seed": np.array(seed), "devices": np.array(devices), **arrays_of(checkpoint)}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    _write_whole(path, buffer.getvalue())


def load_checkpoint(path: Path, devices: Iterable[str], seed: int) -> Checkpoint | None:
    """The water and the instruments as kept; None if there are none, or they are another fleet's."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if int(arrays["seed"]) != seed or tuple(arrays["devices"].tolist()) != tuple(devices):
                return None
            return checkpoint_of(arrays)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.warning("physics checkpoint %s cannot be read (%s): the water starts afresh", path, error)
        return None


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
