"""`landun evaluate` on files: a folder of series, and a file of flags against its labels."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from landun import app
from operations.errors import OperatorError
from operations.evaluation.water import evaluate
from tests.operations.test_detect import write

RUNNER = CliRunner()


def test_every_file_of_a_folder_is_reported(tmp_path: Path) -> None:
    """Labelled with all figures, unlabelled with its alarms; a manifest is no series."""
    labelled = write(tmp_path / "b.csv", 12 * 1440 // 10, event=1500)
    lines = labelled.read_text().splitlines()
    header = lines[0].replace("label", "truth").replace("code_pH", "code")
    (tmp_path / "a.csv").write_text("\n".join([header, *lines[1:]]))
    (tmp_path / "MANIFEST.csv").write_text("dataset,rows\nx,1\n")
    found = {each.name: each.as_dict() for each in evaluate(tmp_path, lambda _: None)}
    assert list(found) == ["a", "b"]
    assert "f1" not in found["a"]
    assert found["b"]["events"] == 0


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    """Nothing to judge is said, not reported as perfect."""
    with pytest.raises(OperatorError, match=r"no \.csv"):
        list(evaluate(tmp_path, lambda _: None))


def test_flags_are_scored_against_labels(tmp_path: Path) -> None:
    """What detect wrote, scored by evaluate: only rows from --after on count, and each needs a flag."""
    source = write(tmp_path / "a.csv", 2000, event=1500)
    lines = source.read_text().splitlines()
    marked = [lines[0], *(_marked(line, 1500 <= at < 1530) for at, line in enumerate(lines[1:]))]
    source.write_text("\n".join(marked))
    until = "2026-05-01T20:00:00"
    out = str(tmp_path / "out.csv")
    assert RUNNER.invoke(app, ["detect", str(source), "--out", out, "--until", until]).exit_code == 0
    options = ["evaluate", "--flags", out, "--labels", str(source)]
    result = RUNNER.invoke(app, [*options, "--after", until])
    figures = json.loads(result.output.splitlines()[-1])
    assert (figures["rows"], figures["events"], figures["onset_recall"]) == (800, 1, 1.0)
    assert figures["f1"] > 0.7
    refused = RUNNER.invoke(app, options)
    assert isinstance(refused.exception, OperatorError)
    assert "no row for 2026-05-01 00:00:00" in str(refused.exception)


def _marked(line: str, event: bool) -> str:
    cells = line.split(",")
    cells[4] = "1" if event else "0"
    return ",".join(cells)
