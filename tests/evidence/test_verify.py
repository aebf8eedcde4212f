"""What was changed in a package is found, and said where: by the checker that a third party runs."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.evidence import verify
from monitor.evidence.verify import ANCHORS, CHAIN, MANIFEST, MESSAGES, READINGS, SEAL, SUMS, Found, check
from tests.evidence.conftest import Packed

Files = dict[str, bytes]


def files_of(package: bytes) -> Files:
    """The files in a package."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def forged(package: bytes, change: Callable[[Files], object], *, careful: bool = True) -> bytes:
    """A package with changed files; who is careful also makes its lists of hashes and its seal anew."""
    files = files_of(package)
    change(files)
    if careful:
        manifest = json.loads(files[MANIFEST])
        manifest["files"] = {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
            if name not in (MANIFEST, SUMS)
        }
        files[MANIFEST] = json.dumps(manifest).encode()
        files[SUMS] = "".join(
            f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items() if name != SUMS
        ).encode()
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.comment = SEAL + b"0" * 64
    content = written.getvalue()[:-64]
    return content + (hashlib.sha256(content).hexdigest().encode() if careful else b"0" * 64)


def said(found: Found) -> str:
    """All faults in one text."""
    return "\n".join(f"{fault.where}: {fault.what}" for fault in found.faults)


def rows_of(package: bytes, kind: str = "readings") -> list[int]:
    """The ids of the whole rows of a kind."""
    lines = files_of(package)[CHAIN].decode().splitlines()
    whole = set(json.loads(files_of(package)[MANIFEST])["rows"])
    return [
        int(line.split()[0])
        for line in lines
        if not line.startswith(">") and line.split()[1] == kind and int(line.split()[0]) in whole
    ]


def test_a_package_is_whole(packed: Packed) -> None:
    """A package that nobody touched is whole, audited, anchored, and published in a later anchor."""
    found = check(packed.audited, packed.anchors)
    assert found.faults == []
    assert "made by wang, audited by li: accepted" in found.notes
    assert "this package is published in anchor 2" in found.notes
    assert not any("in no anchor" in note for note in found.notes)
    assert len(rows_of(packed.audited)) == 90


def test_a_draft_says_that_it_is_one(packed: Packed) -> None:
    """A draft is whole, and no evidence yet."""
    found = check(packed.draft)
    assert found.faults == []
    assert any("no second person has audited it" in note for note in found.notes)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_one_changed_byte_anywhere_is_found(packed: Packed, data: st.DataObject) -> None:
    """Whatever byte of the archive is changed, in a file or in its own records, the checker says so."""
    place = data.draw(st.integers(0, len(packed.audited) - 1))
    bits = data.draw(st.integers(1, 255))
    changed = bytearray(packed.audited)
    changed[place] ^= bits
    assert check(bytes(changed)).faults


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_changed_byte_of_a_file_is_found_in_that_file(packed: Packed, data: st.DataObject) -> None:
    """A byte changed inside a file names that file, even where the archive was put together anew."""
    name = data.draw(st.sampled_from(sorted(set(files_of(packed.audited)) - {SUMS})))

    def change(files: Files) -> None:
        content = bytearray(files[name])
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        files[name] = bytes(content)

    found = check(forged(packed.audited, change, careful=False))
    assert any(fault.where == name for fault in found.faults) or name == MANIFEST
    assert found.faults


def test_a_cut_package_is_found(packed: Packed) -> None:
    """A package that lost its end, or is no archive at all, is not whole."""
    for content in (packed.audited[:-1], packed.audited[: len(packed.audited) // 2], b"", b"PK"):
        assert check(content).faults


@pytest.mark.parametrize("part", ["body", "raw"])
def test_a_changed_row_is_named_though_all_lists_were_made_anew(packed: Packed, part: str) -> None:
    """Who changes a row and every hash in the package is still found by the chain, with the row's number."""
    row = rows_of(packed.audited)[40]

    def change(files: Files) -> None:
        files[f"rows/{row}.{part}"] = files[f"rows/{row - 2}.{part}"]

    assert f"journal row {row}: its {part} is not what the chain says" in said(check(forged(packed.audited, change)))


def test_a_row_changed_with_its_link_is_named(packed: Packed) -> None:
    """Who also writes the row's line of the chain anew breaks it there."""
    row = rows_of(packed.audited)[40]

    def change(files: Files) -> None:
        body = files[f"rows/{row - 2}.body"]
        lines = files[CHAIN].decode().splitlines()
        place = next(i for i, line in enumerate(lines) if line.startswith(f"{row} "))
        link = verify.Row.parse(lines[place])
        lines[place] = link._replace(body_sha256=hashlib.sha256(body).digest()).line()
        files[f"rows/{row}.body"], files[CHAIN] = body, ("\n".join(lines) + "\n").encode()

    assert f"journal row {row}: its hash does not follow" in said(check(forged(packed.audited, change)))


def test_a_chain_forged_to_its_end_differs_from_the_anchor(packed: Packed) -> None:
    """Who computes all hashes after a change anew is stopped by the anchor; who forges that, by the published one."""
    row = rows_of(packed.audited)[40]

    def change(files: Files) -> None:
        body = files[f"rows/{row}.body"] = files[f"rows/{row - 2}.body"]
        lines, previous = files[CHAIN].decode().splitlines(), b""
        for place, line in enumerate(lines):
            if line.startswith("> "):
                previous = bytes.fromhex(line[2:])
                continue
            link = verify.Row.parse(line)
            if link.id == row:
                link = link._replace(body_sha256=hashlib.sha256(body).digest())
            link = link._replace(hash=link.digest(previous))
            lines[place], previous = link.line(), link.hash
        files[CHAIN] = ("\n".join(lines) + "\n").encode()
        channels = json.loads(files[MANIFEST])["channels"]
        rows = [
            (verify.Row.parse(line), files[f"rows/{line.split()[0]}.body"])
            for line in lines
            if line.split()[1] == "readings"
        ]
        files[READINGS] = verify.readings_csv(rows, channels)

    once = forged(packed.audited, change)
    assert "its hash is not the one in anchor 1" in said(check(once))

    def change_anchor(files: Files) -> None:
        newest = files[CHAIN].decode().splitlines()[-1].split(" ")[-1]
        anchor = json.loads(files[ANCHORS])
        anchor["journal"]["hash"] = newest
        files[ANCHORS] = json.dumps(anchor, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    twice = forged(once, change_anchor)
    assert check(twice).faults == [], "nothing in the package itself tells any more"
    assert "anchor 1: differs from the published one" in said(check(twice, packed.anchors))


def test_a_removed_row_is_named(packed: Packed) -> None:
    """A row taken out is missed: its files, its line of the chain, or both, with the manifest edited to match."""
    row = rows_of(packed.audited)[40]

    def remove_files(files: Files) -> None:
        del files[f"rows/{row}.body"], files[f"rows/{row}.raw"]

    def remove_link(files: Files) -> None:
        lines = files[CHAIN].decode().splitlines(keepends=True)
        files[CHAIN] = "".join(line for line in lines if not line.startswith(f"{row} ")).encode()

    def remove_all(files: Files) -> None:
        remove_files(files)
        remove_link(files)
        manifest = json.loads(files[MANIFEST])
        manifest["rows"].remove(row)
        files[MANIFEST] = json.dumps(manifest).encode()

    def remove_first(files: Files) -> None:
        lines = files[CHAIN].decode().splitlines(keepends=True)
        files[CHAIN] = "".join(lines[:1] + lines[2:]).encode()

    assert f"journal row {row}: was removed" in said(check(forged(packed.audited, remove_files)))
    assert "rows before it may have been removed" in said(check(forged(packed.audited, remove_first)))
    assert f"row {row} is missing" in said(check(forged(packed.audited, remove_link)))
    assert f"row {row} is missing" in said(check(forged(packed.audited, remove_all)))


def test_reordered_rows_are_named(packed: Packed) -> None:
    """Two rows that changed places are found, with where they stand."""
    row = rows_of(packed.audited)[40]

    def swap(files: Files) -> None:
        lines = files[CHAIN].decode().splitlines(keepends=True)
        place = next(i for i, line in enumerate(lines) if line.startswith(f"{row} "))
        lines[place], lines[place + 1] = lines[place + 1], lines[place]
        files[CHAIN] = "".join(lines).encode()

    told = said(check(forged(packed.audited, swap)))
    assert f"journal row {row}: stands after row {row + 1}: the rows were reordered" in told


@pytest.mark.parametrize("name", [MESSAGES, READINGS])
def test_an_edited_table_is_named_with_its_row(packed: Packed, name: str) -> None:
    """A line changed or left out of the tables people read does not agree with the rows, and its row is named."""

    def edit(files: Files) -> None:
        files[name] = files[name].replace(b"0.12", b"0.42", 1)

    def leave_out(files: Files) -> None:
        lines = files[name].split(b"\n")
        files[name] = b"\n".join(lines[:20] + lines[21:])

    for change in (edit, leave_out):
        found = check(forged(packed.audited, change))
        assert any(fault.where.startswith(f"{name} line") and "row" in fault.what for fault in found.faults)


def test_an_edited_manifest_is_found(packed: Packed) -> None:
    """Who edits the manifest is found by its hash; who makes all hashes anew, by what is published of the package."""

    def edit(files: Files) -> None:
        manifest = json.loads(files[MANIFEST])
        manifest["made_by"] = "someone"
        files[MANIFEST] = json.dumps(manifest).encode()

    assert MANIFEST in {fault.where for fault in check(forged(packed.audited, edit, careful=False)).faults}
    assert any(
        "in none of the published anchors" in each for each in check(forged(packed.audited, edit), packed.anchors).notes
    )


def test_a_file_put_in_or_taken_out_is_named(packed: Packed) -> None:
    """What the lists do not have, and what only they have."""

    def put(files: Files) -> None:
        files["files/9.jpg"] = b"x"

    def take(files: Files) -> None:
        del files["evidence.pdf"]

    assert "files/9.jpg: is not listed" in said(check(forged(packed.audited, put, careful=False)))
    assert "evidence.pdf: is missing" in said(check(forged(packed.audited, take, careful=False)))


def test_only_the_venues_own_messages_are_in_the_tables(packed: Packed) -> None:
    """The other pool's messages, which its rows hold, are in neither table; the venue's are there byte for byte."""
    files = files_of(packed.audited)
    assert b"/D1-1/telemetry" in files[MESSAGES]
    assert b"/D2-1/telemetry" not in files[MESSAGES]
    assert files[READINGS].count(b",free_chlorine,") == 90
    assert b"D2-1" not in files[READINGS]


def test_the_checker_in_the_package_runs_alone(packed: Packed, tmp_path: Path) -> None:
    """The package's own checker, isolated from everything installed, says the same as ours."""
    package = tmp_path / "package.zip"
    package.write_bytes(packed.audited)
    (tmp_path / "anchors.jsonl").write_bytes(packed.anchors)
    script = tmp_path / "verify.py"
    script.write_bytes(files_of(packed.audited)["verify.py"])

    def run(*more: Any) -> subprocess.CompletedProcess[str]:
        asked = [sys.executable, "-I", "-S", str(script), str(package), *map(str, more)]
        return subprocess.run(asked, capture_output=True, text=True, check=False, cwd=tmp_path)

    whole = run("--anchors", tmp_path / "anchors.jsonl")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert "WHOLE: " in whole.stdout
    content = bytearray(packed.audited)
    content[len(content) // 3] ^= 1
    package.write_bytes(content)
    broken = run()
    assert broken.returncode == 1
    assert "NOT WHOLE" in broken.stdout
    package.unlink()
    assert run().returncode == 2


def test_the_command_checks_a_package_without_a_database(packed: Packed, tmp_path: Path) -> None:
    """`landun verify PACKAGE` ends with 0 on a whole package, with 1 on a changed one, with 2 on none."""
    package = tmp_path / "package.zip"
    anchors = tmp_path / "anchors.jsonl"
    anchors.write_bytes(packed.anchors)

    def run(content: bytes | None) -> subprocess.CompletedProcess[str]:
        package.unlink(missing_ok=True)
        if content is not None:
            package.write_bytes(content)
        asked = [sys.executable, "-m", "landun", "verify", str(package), "--anchors", str(anchors)]
        return subprocess.run(asked, capture_output=True, text=True, check=False)

    whole = run(packed.audited)
    assert whole.returncode == 0, whole.stderr
    assert "WHOLE" in whole.stdout
    changed = run(packed.audited[:-1] + b"x")
    assert changed.returncode == 1
    assert "its bytes are not those that were sealed" in changed.stderr
    missing = run(None)
    assert missing.returncode == 2
    assert "No such file" in missing.stderr
