"""`landun detect`: what it reads, what it guesses, that it never looks ahead, and what it writes."""

import csv
import gzip
import random
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from landun import app
from monitor.detector.roles import guess_roles
from operations.detection.detect import roles_of
from operations.detection.series import instant, read
from operations.errors import OperatorError
from operations.evaluation.labelled import score
from operations.evaluation.water import CALIBRATED, GECCO_ROLES
from registry.model import Role
from tests.shared_data import shared

START = datetime(2026, 5, 1)  # noqa: DTZ001  # files often have no zone
RUNNER = CliRunner()


def write(path: Path, rows: int, *, label: str = "0", event: int | None = None) -> Path:
    """Two quality channels and a flow, an event of half an hour at row `event`, and columns to leave alone."""
    noise = random.Random(1)  # noqa: S311
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "pH", "Cl", "Flow", "label", "code_pH", "note"])
        for row in range(rows):
            off = 1.0 if event is not None and event <= row < event + 30 else 0.0
            ph = "" if row % 50 == 7 else f"{7.4 + off + noise.gauss(0, 0.02):.2f}"
            chlorine = f"{0.5 + noise.gauss(0, 0.01):.3f}"
            out.writerow([START + timedelta(minutes=row), ph, chlorine, 80 + noise.randrange(3), label, label, "fine"])
    return path


def detected(source: Path, out: Path, *options: str) -> list[dict[str, str]]:
    """Run the command and read what it wrote."""
    result = RUNNER.invoke(app, ["detect", str(source), "--out", str(out), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_output_has_a_row_for_each_row_from_until_on(tmp_path: Path) -> None:
    """Times as written, the issue's columns in order, and an alarm at the event, by the channel that moved."""
    source = write(tmp_path / "a.csv", 2000, event=1500)
    rows = detected(source, tmp_path / "out.csv", "--until", "2026-05-01T20:00:00", "--budget", "0.5")
    assert len(rows) == 800
    assert rows[0]["time"] == "2026-05-01 20:00:00"
    assert list(rows[0]) == ["time", "score", "flag", "kind", "channel", "score_pH", "score_Cl", "score_Flow"]
    flagged = [at for at, row in enumerate(rows, start=1200) if row["flag"] == "1"]
    assert flagged
    assert 1500 <= flagged[0] <= 1505
    assert all(float(rows[at - 1200]["score"]) >= 1 for at in flagged)
    assert {rows[at - 1200]["channel"] for at in flagged} == {"pH"}
    assert rows[7]["score_pH"] == ""


def test_the_future_changes_nothing(tmp_path: Path) -> None:
    """What is written of a file's first part is the same whatever follows."""
    long = detected(write(tmp_path / "long.csv", 2000, event=1500), tmp_path / "1.csv")
    short = detected(write(tmp_path / "short.csv", 1400), tmp_path / "2.csv")
    assert long[:1400] == short


def test_labels_and_codes_are_never_read(tmp_path: Path) -> None:
    """Other labels and codes, words in them even, give the same bytes; a column of words is no channel."""
    one, other = tmp_path / "1.csv", tmp_path / "2.csv"
    detected(write(tmp_path / "a.csv", 300, label="0"), one)
    detected(write(tmp_path / "b.csv", 300, label="drift"), other)
    assert one.read_bytes() == other.read_bytes()


def test_a_compressed_file_reads_the_same(tmp_path: Path) -> None:
    """.gz is the same file."""
    source = write(tmp_path / "a.csv", 50)
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(source.read_bytes()))
    one, other = read(source), read(packed)
    assert one.channels == other.channels == ("pH", "Cl", "Flow")
    assert np.array_equal(one.values, other.values, equal_nan=True)


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01 08:00:00",
        "2026-05-01T08:00:00Z",
        "2026-05-01T16:00:00+08:00",
        "2026/05/01 08:00",
        "1777622400",
        "1777622400000",
    ],
)
def test_times_in_many_forms(text: str) -> None:
    """With and without zone, as seconds and milliseconds."""
    assert instant(text) == 1_777_622_400_000_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no rows"),
        ("a,b\n1,2\n", "no column of times"),
        ("time,pH\n2026-05-01,7\n2026-05-02\n", "line 3 has 1 cells, the header has 2"),
        ("time,pH\n2026-05-01,7\nsoon,8\n", "line 3, column 'time': 'soon' is not a time"),
        ("time,pH\n2026-05-01,7\n2026-05-02,high\n", "line 3, column 'pH': 'high' is not a number"),
        ("time,note\n2026-05-01,fine\n", "no column of numbers"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: str, message: str) -> None:
    """File, line, column and what would be right."""
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(OperatorError, match=message):
        read(path)


def test_roles_that_are_not_there_are_refused(tmp_path: Path) -> None:
    """A role or a channel that nobody knows, or nothing to judge."""
    series = read(write(tmp_path / "a.csv", 20))
    assert roles_of("quality=pH; context=Flow", series, None) == {"pH": Role.QUALITY, "Flow": Role.CONTEXT}
    for text, message in (("purity=pH", "not a role"), ("quality=Zn", "no channel 'Zn'"), ("context=pH", "no quality")):
        with pytest.raises(OperatorError, match=message):
            roles_of(text, series, None)


def test_roles_are_guessed_by_name() -> None:
    """Flows and pressures are operational, levels and rain context, the rest is the water's quality."""
    names = ["Cl", "pH", "Redox", "Trueb", "Leit", "Tp", "Fm", "Fm_2", "B_PRES_OP", "lev", "prec", "泵频率"]
    roles = guess_roles(names, np.empty(0, np.int64), np.empty((0, len(names))), 60)
    assert [name for name in names if roles[name] is Role.OPERATIONAL] == ["Fm", "Fm_2", "B_PRES_OP", "泵频率"]
    assert [name for name in names if roles[name] is Role.CONTEXT] == ["lev", "prec"]


def test_a_restless_channel_is_operational_whatever_its_name() -> None:
    """A column that is somewhere else for half an hour every four hours is being operated."""
    minutes = np.arange(3 * 1440)
    noise = np.random.default_rng(1).normal(0, 0.02, (minutes.size, 2))
    values = 7 + noise + np.outer(minutes % 240 > 209, [0, 3])
    roles = guess_roles(["x", "y"], minutes * 60_000_000, values, 60)
    assert roles == {"x": Role.QUALITY, "y": Role.OPERATIONAL}


def test_real_water(tmp_path: Path) -> None:
    """A month of labelled drinking water: the events are found as they begin, and hardly anything else is."""
    name = "gecco2018_train"
    packed = shared(f"water/gecco2018/{name}.csv.gz")
    source = tmp_path / "month.csv"
    with gzip.open(packed, "rt") as file:
        source.write_text("".join(line for _, line in zip(range(46_000), file, strict=False)))
    rows = detected(
        source, tmp_path / "out.csv", "--until", "2016-08-14 15:14", "--budget", "0.5", "--roles", GECCO_ROLES
    )
    with source.open(newline="") as file:
        truth = [row["label"] == "1" for row in csv.DictReader(file) if instant(row["time"]) >= CALIBRATED[name]]
    figures = score(
        np.array([row["flag"] == "1" for row in rows]),
        np.array([float(row["score"]) for row in rows]),
        np.array(truth),
        60.0,
    )
    assert figures.events >= 5
    assert figures.onset_recall is not None
    assert figures.onset_recall >= 0.9
    assert figures.false_alarms_per_day <= 0.5
    assert figures.f1 >= 0.75
