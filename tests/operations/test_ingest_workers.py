"""`landun up` with several ingest workers: which processes there are, and how another number of them takes over."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.subtrees import Subtree
from operations.errors import OperatorError
from operations.folder import DataFolder, Record
from operations.ingest_workers import Division, environment_of
from operations.service import Service
from registry.counties import COUNTIES
from tests.operations.assemblies import nodes_of


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A folder whose broker has run before."""
    (tmp_path / "nats").mkdir()
    return DataFolder(tmp_path)


def record(workers: int) -> Record:
    """What the last start remembered."""
    return Record(created=datetime.now(UTC), seed=1, workers=workers)


def test_devices_are_let_in_once_every_worker_listens(folder: DataFolder) -> None:
    """A device whose worker is not there yet would be acknowledged and kept for nobody."""
    made = nodes_of(folder, record(3))
    workers = [name for name in made if name.startswith("ingest")]
    assert len(workers) == 3
    assert "ingest" in workers
    assert made["devices"].after == frozenset(workers)
    assert not any(name.startswith("handover") for name in made)


def test_another_number_of_workers_begins_when_those_before_have_drained(folder: DataFolder) -> None:
    """The sessions of before are emptied and ended first, by jobs that end by themselves."""
    made = nodes_of(folder, record(1), 2)
    handover = made["handover-ingest"]
    assert isinstance(handover, Service)
    assert handover.job
    assert handover.command[-1] == "--drain"
    assert "handover-ingest" in made["divided"].after
    assert all(made[name].after == {"divided"} for name in made if name.startswith("ingest"))


def test_at_the_first_start_there_is_nothing_to_hand_over(tmp_path: Path) -> None:
    """The broker keeps no session yet."""
    made = nodes_of(DataFolder(tmp_path), record(1), 4)
    assert sum(name.startswith("ingest") for name in made) == 4
    assert not any(name.startswith("handover") for name in made)


def test_more_workers_than_counties_are_refused_by_name_of_the_option() -> None:
    """The operator is told which option, and how many there may be."""
    with pytest.raises(OperatorError, match=rf"--workers: 9 .*1 to {len(COUNTIES)}"):
        Division.of(9, None)


@pytest.mark.parametrize("subtree", [*Division.of(3, None).workers, Subtree(), Subtree(member="a")])
def test_a_workers_environment_makes_that_worker(subtree: Subtree) -> None:
    """What the supervisor sets is what the command line reads."""
    said = environment_of(subtree)
    parsed = Subtree.parse(
        said.get("LANDUN_INGEST_COUNTIES", ""),
        rest=said.get("LANDUN_INGEST_REST", "true") == "true",
        member=said.get("LANDUN_INGEST_MEMBER", ""),
    )
    assert parsed == subtree
