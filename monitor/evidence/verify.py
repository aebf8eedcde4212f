#!/usr/bin/env python3
"""Check an evidence package of Landun's. Needs Python 3.9 and nothing else; this file is in every package.

    python verify.py PACKAGE.zip [--anchors anchors.jsonl]

Checked: every byte of the archive, every file by its hash, every row of the journal by its place in the chain, the
chain up to the published anchors, and that the tables of messages and readings say what the rows say. What does not
fit is named. With ``--anchors``, a copy of the published anchors that was had from elsewhere, the package's own are
held against it: without it, whoever made the package could have made its anchors too.

Status 0: whole; 1: something does not fit; 2: cannot be read.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import struct
import sys
import zipfile
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Iterable, Iterator, NamedTuple  # noqa: UP035 -- runs on Python 3.9

FORMAT = "landun-evidence/1"
SEAL = b"landun-sha256:"
MANIFEST, SUMS, CHAIN, ANCHORS = "manifest.json", "SHA256SUMS", "chain.txt", "anchors.jsonl"
MESSAGES, READINGS = "messages.csv", "readings.csv"
_SEALED = len(SEAL) + 64
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 -- runs on Python 3.9
_READING = struct.Struct("<iqdq?")


class Fault(NamedTuple):
    """Something that does not fit: where, and in what."""

    where: str
    what: str


class Row(NamedTuple):
    """A row of the journal as its hash is made: the content as digests; times in microseconds since 1970, UTC."""

    id: int
    kind: str
    recorded_us: int
    rows: int
    batch: int | None
    body_sha256: bytes
    raw_sha256: bytes | None
    hash: bytes

    def digest(self, previous: bytes) -> bytes:
        """The hash that this row has after a row with the hash `previous`."""
        name = self.kind.encode()
        head = struct.pack(
            f">H{len(name)}sqq?q?",
            len(name),
            name,
            self.recorded_us,
            self.rows,
            self.batch is not None,
            self.batch or 0,
            self.raw_sha256 is not None,
        )
        raw = self.raw_sha256 or hashlib.sha256(b"").digest()
        content = hashlib.sha256(head + self.body_sha256 + raw).digest()
        return hashlib.sha256(previous + struct.pack(">q", self.id) + content).digest()

    def line(self) -> str:
        """The row as a line of ``chain.txt``."""
        batch = "-" if self.batch is None else str(self.batch)
        raw = self.raw_sha256.hex() if self.raw_sha256 else "-"
        head = f"{self.id} {self.kind} {self.recorded_us} {self.rows} {batch}"
        return f"{head} {self.body_sha256.hex()} {raw} {self.hash.hex()}"

    @classmethod
    def parse(cls, line: str) -> Row:
        """The row of a line. Raises `ValueError`."""
        number, kind, recorded, rows, batch, body, raw, digest = line.split(" ")
        return cls(
            int(number),
            kind,
            int(recorded),
            int(rows),
            None if batch == "-" else int(batch),
            bytes.fromhex(body),
            None if raw == "-" else bytes.fromhex(raw),
            bytes.fromhex(digest),
        )


class Found(NamedTuple):
    """What a check came to: faults, things to know, and the manifest as far as it could be read."""

    faults: list[Fault]
    notes: list[str]
    manifest: dict[str, Any]


# ---------------------------------------------------------------------- tables made from rows
def moment(us: int) -> str:
    """Microseconds since 1970 as RFC 3339, UTC."""
    return (_EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def messages(raw: bytes) -> Iterator[tuple[str, bytes, int]]:
    """Topic, payload and arrival (us) of the messages of a row's ``.raw``."""
    data = zlib.decompress(raw)
    (count,) = struct.unpack_from("<I", data)
    topics = struct.unpack_from(f"<{count}I", data, 4)
    payloads = struct.unpack_from(f"<{count}I", data, 4 + 4 * count)
    arrivals = struct.unpack_from(f"<{count}q", data, 4 + 8 * count)
    place = 4 + 16 * count
    names = []
    for size in topics:
        names.append(data[place : place + size].decode("utf-8", "replace"))
        place += size
    for name, size, arrived in zip(names, payloads, arrivals):  # noqa: B905 -- runs on Python 3.9
        yield name, data[place : place + size], arrived
        place += size


def readings(body: bytes) -> Iterator[tuple[int, int, float, int, bool]]:
    """Channel, device time (us), value, arrival (us) and lateness of the readings of a row's ``.body``."""
    data = zlib.decompress(body)
    count = len(data) // _READING.size
    rows = bytearray(len(data))
    for byte in range(_READING.size):  # stored with all first bytes first, then all second ones, …
        rows[byte :: _READING.size] = data[byte * count : (byte + 1) * count]
    yield from _READING.iter_unpack(bytes(rows))


def messages_csv(rows: Iterable[tuple[Row, bytes]], devices: Iterable[str]) -> bytes:
    """The original messages of some devices from the ``.raw`` of rows; a payload that is not UTF-8 is in hex."""
    wanted = frozenset(devices)
    lines = [["journal_row", "message", "arrived", "committed", "topic", "encoding", "payload", "sha256"]]
    for row, raw in rows:
        for number, (topic, payload, arrived) in enumerate(messages(raw)):
            if wanted.isdisjoint(topic.split("/")):
                continue
            written = payload.decode("utf-8", "replace")
            plain = written.isprintable() and written.encode() == payload
            encoding, text = ("utf-8", written) if plain else ("hex", payload.hex())
            digest = hashlib.sha256(payload).hexdigest()
            cells = [str(row.id), str(number), moment(arrived), moment(row.recorded_us), topic, encoding, text, digest]
            lines.append(cells)
    return _csv(lines)


def readings_csv(rows: Iterable[tuple[Row, bytes]], channels: dict[str, dict[str, Any]]) -> bytes:
    """The readings of some channels from the ``.body`` of rows, with device time, arrival and commit."""
    head = "journal_row channel device indicator unit device_time value arrived lag_s committed late"
    lines = [head.split(" ")]
    for row, body in rows:
        for channel, ts, value, arrived, late in readings(body):
            known = channels.get(str(channel))
            if known is None:
                continue
            cells = [str(row.id), str(channel), str(known["device"]), str(known["indicator"]), str(known["unit"])]
            cells += [moment(ts), repr(value), moment(arrived), f"{(arrived - ts) / 1e6:.3f}", moment(row.recorded_us)]
            lines.append([*cells, "late" if late else ""])
    return _csv(lines)


def _csv(lines: list[list[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(lines)
    return written.getvalue().encode("utf-8", "replace")


# ---------------------------------------------------------------------- checks
def check(content: bytes, published: bytes | None = None) -> Found:
    """Everything that does not fit in a package, given whole; `published` are anchors had from elsewhere."""
    faults: list[Fault] = []
    notes: list[str] = []
    sealed = _seal(content, faults)
    files = _files(content, faults)
    manifest = _json(files, MANIFEST, faults)
    _listed(files, manifest, faults)
    segments = _segments(files, faults)
    links = {row.id: row for _, rows in segments for row in rows}
    _contents(files, manifest, links, faults)
    anchors = _anchors(files, faults)
    _anchored(segments, anchors, notes, faults)
    _tables(files, manifest, links, faults)
    if published is not None:
        _held_against(anchors, published, hashlib.sha256(content).hexdigest(), notes, faults)
    if not sealed and not faults[1:]:
        faults[0] = Fault(
            faults[0].where, faults[0].what + ": the change is in its own records (names, times, lengths)"
        )
    _notes(manifest, published, notes)
    return Found(faults, notes, manifest)


def _seal(content: bytes, faults: list[Fault]) -> bool:
    """The archive ends with the digest of everything before it."""
    seal = content[-_SEALED:]
    if not seal.startswith(SEAL):
        faults.append(Fault("archive", "does not end with its seal: it was cut, or made anew by another program"))
    elif hashlib.sha256(content[:-64]).hexdigest().encode() != seal[len(SEAL) :]:
        faults.append(Fault("archive", "its bytes are not those that were sealed"))
    return not faults


def _files(content: bytes, faults: list[Fault]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                if info.filename in found:
                    faults.append(Fault(info.filename, "is in the archive twice"))
                try:
                    found[info.filename] = archive.read(info)
                except Exception as error:  # a changed byte may break it in any way
                    faults.append(Fault(info.filename, f"cannot be read: {error or type(error).__name__}"))
                    found[info.filename] = b""
    except Exception as error:  # the same
        faults.append(Fault("archive", f"cannot be opened: {error or type(error).__name__}"))
    return found


def _json(files: dict[str, bytes], name: str, faults: list[Fault]) -> dict[str, Any]:
    try:
        found = json.loads(files[name])
        if isinstance(found, dict) and found.get("format") == FORMAT:
            return found
        faults.append(Fault(name, f"is not of format {FORMAT}"))
    except (KeyError, ValueError) as error:
        faults.append(Fault(name, "is missing" if isinstance(error, KeyError) else f"cannot be read: {error}"))
    return {}


def _listed(files: dict[str, bytes], manifest: dict[str, Any], faults: list[Fault]) -> None:
    """The manifest lists every file but itself and the sums; the sums list every file but themselves."""
    try:
        listed = {str(name): str(each["sha256"]) for name, each in dict(manifest.get("files", {})).items()}
        lines = (line.split("  ", 1) for line in files.get(SUMS, b"").decode().splitlines())
        sums = {name: digest for digest, name in lines}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        faults.append(Fault(f"{MANIFEST}, {SUMS}", f"cannot be read: {error}"))
        return
    for what, names, own in ((MANIFEST, listed, {MANIFEST, SUMS}), (SUMS, sums, {SUMS})):
        for name in sorted(set(files) | set(names)):
            if name not in files:
                faults.append(Fault(name, f"is missing; {what} lists it"))
            elif name not in names:
                if name not in own:
                    faults.append(Fault(name, f"is not listed in {what}"))
            elif hashlib.sha256(files[name]).hexdigest() != names[name]:
                faults.append(Fault(name, f"was changed: its hash is not the one in {what}"))


def _segments(files: dict[str, bytes], faults: list[Fault]) -> list[tuple[bytes, list[Row]]]:
    """The runs of the chain: the hash before each, and its rows; every row must follow the one before it."""
    found: list[tuple[bytes, list[Row]]] = []
    for number, line in enumerate(files.get(CHAIN, b"").decode("utf-8", "replace").splitlines(), start=1):
        try:
            if line.startswith("> "):
                found.append((bytes.fromhex(line[2:]), []))
                continue
            row = Row.parse(line)
            previous, rows = found[-1]
        except (ValueError, IndexError):
            faults.append(Fault(f"{CHAIN} line {number}", "is not a row of the chain"))
            continue
        last = rows[-1].id if rows else found[-2][1][-1].id if len(found) > 1 and found[-2][1] else 0
        if rows and row.id != last + 1:
            missing = f"row {last + 1} is missing" if row.id > last else "the rows were reordered"
            faults.append(Fault(f"journal row {row.id}", f"stands after row {last}: {missing}"))
        elif not rows and row.id <= last:
            faults.append(Fault(f"journal row {row.id}", f"stands after row {last}: the rows were reordered"))
        elif row.digest(rows[-1].hash if rows else previous) != row.hash:
            why = "its hash does not follow from the row before and its content"
            faults.append(
                Fault(f"journal row {row.id}", why if rows else f"{why}: rows before it may have been removed")
            )
        rows.append(row)
    return found


def _contents(files: dict[str, bytes], manifest: dict[str, Any], links: dict[int, Row], faults: list[Fault]) -> None:
    """Every whole row is there, and is what the chain says."""
    wanted = {int(each) for each in manifest.get("rows", ())}
    faults += [Fault(f"journal row {each}", f"is missing from {CHAIN}") for each in sorted(wanted - set(links))]
    for name, content in sorted(files.items()):
        if not name.startswith("rows/"):
            continue
        stem, _, part = name[5:].partition(".")
        row = links.get(int(stem)) if stem.isdigit() else None
        if row is None or row.id not in wanted:
            faults.append(Fault(name, "is of a row that the package does not have"))
        elif hashlib.sha256(content).digest() != (row.body_sha256 if part == "body" else row.raw_sha256):
            faults.append(Fault(f"journal row {row.id}", f"its {part} is not what the chain says ({name})"))
    parts = [(each, part) for each in sorted(wanted & set(links)) for part in ("body", "raw")]
    faults += [
        Fault(f"journal row {number}", f"was removed: rows/{number}.{part} is missing")
        for number, part in parts
        if f"rows/{number}.{part}" not in files and (part == "body" or links[number].raw_sha256 is not None)
    ]


def _anchors(files: dict[str, bytes], faults: list[Fault]) -> list[tuple[dict[str, Any], str]]:
    """The anchors with their digests; each carries the digest of the one before."""
    found: list[tuple[dict[str, Any], str]] = []
    for number, line in enumerate(files.get(ANCHORS, b"").splitlines(), start=1):
        try:
            said = json.loads(line)
            name = f"anchor {said['number']}"
            if found and (said["number"] != found[-1][0]["number"] + 1 or said["previous"] != found[-1][1]):
                faults.append(Fault(name, f"does not follow anchor {found[-1][0]['number']}"))
            dict(said["journal"])["checkpoints"]
            found.append((said, hashlib.sha256(line).hexdigest()))
        except (ValueError, KeyError, TypeError):  # each line is told of
            faults.append(Fault(f"{ANCHORS} line {number}", "is not an anchor"))
    return found


def _anchored(
    segments: list[tuple[bytes, list[Row]]],
    anchors: list[tuple[dict[str, Any], str]],
    notes: list[str],
    faults: list[Fault],
) -> None:
    """Every run of the chain reaches a row whose hash an anchor gives, and no hash differs from an anchor's."""
    known: dict[int, tuple[str, int]] = {}
    for said, _ in anchors:
        for number, digest in [*said["journal"]["checkpoints"], [said["journal"]["to"], said["journal"]["hash"]]]:
            known[int(number)] = (str(digest), int(said["number"]))
    for _, rows in segments:
        covered = -1
        for row in rows:
            digest, anchor = known.get(row.id, ("", 0))
            if digest and digest != row.hash.hex():
                faults.append(Fault(f"journal row {row.id}", f"its hash is not the one in anchor {anchor}"))
            elif digest:
                covered = row.id
        if rows and covered < rows[-1].id:
            notes.append(f"rows {max(covered + 1, rows[0].id)} to {rows[-1].id} are in no anchor yet")


def _tables(files: dict[str, bytes], manifest: dict[str, Any], links: dict[int, Row], faults: list[Fault]) -> None:
    """The tables say what the rows say."""

    def parts(kinds: tuple[str, ...], part: str) -> list[tuple[Row, bytes]]:
        numbers = sorted(int(each) for each in manifest.get("rows", ()) if int(each) in links)
        names = [(links[number], f"rows/{number}.{part}") for number in numbers if links[number].kind in kinds]
        return [(row, files[name]) for row, name in names if name in files]

    try:
        expected = {
            MESSAGES: messages_csv(parts(("readings", "waste", "position"), "raw"), manifest.get("devices", ())),
            READINGS: readings_csv(parts(("readings",), "body"), manifest.get("channels", {})),
        }
    except Exception as error:  # rows that were changed may break in any way; they are named above
        faults.append(Fault("rows", f"cannot be decoded: {error or type(error).__name__}"))
        return
    for name, content in expected.items():
        given, right = files.get(name, b"").split(b"\n"), content.split(b"\n")
        if given == right:
            continue
        line = next(
            (place for place, (one, other) in enumerate(zip(given, right)) if one != other),  # noqa: B905
            min(len(given), len(right)),
        )
        row = (given[line] if line < len(given) else right[line]).split(b",")[0].decode("utf-8", "replace")
        faults.append(Fault(f"{name} line {line + 1}", f"is not what the rows of the journal say (row {row})"))


def _held_against(
    anchors: list[tuple[dict[str, Any], str]], published: bytes, digest: str, notes: list[str], faults: list[Fault]
) -> None:
    lines: dict[int, tuple[dict[str, Any], str]] = {}
    for number, line in enumerate(published.splitlines(), start=1):
        try:
            said = json.loads(line)
            lines[int(said["number"])] = (said, hashlib.sha256(line).hexdigest())
        except (ValueError, KeyError, TypeError):  # each line is told of
            faults.append(Fault(f"published anchors, line {number}", "is not an anchor"))
    for said, own in anchors:
        other = lines.get(int(said["number"]))
        if other is None:
            faults.append(Fault(f"anchor {said['number']}", "is not among the published ones"))
        elif other[1] != own:
            faults.append(Fault(f"anchor {said['number']}", "differs from the published one"))
    where = [
        number for number, (said, _) in lines.items() if any(each["sha256"] == digest for each in said["packages"])
    ]
    notes.append(
        f"this package is published in anchor {where[0]}"
        if where
        else "this package is in none of the published anchors: it is newer than they are, or was made anew since"
    )


def _notes(manifest: dict[str, Any], published: bytes | None, notes: list[str]) -> None:
    if manifest.get("simulated"):
        notes.append("SIMULATED: a demonstration, not evidence (模拟数据，不得作为证据使用)")
    audit = manifest.get("audit") or {}
    if not audit:
        notes.append("a draft: no second person has audited it (未经第二人审核，不得作为证据使用)")
    elif audit.get("audited_by") == manifest.get("made_by"):
        notes.append("audited by the person who made it: that is no audit")
    else:
        verdict = "accepted" if audit.get("accepted") else "REJECTED"
        notes.append(f"made by {manifest.get('made_by')}, audited by {audit.get('audited_by')}: {verdict}")
    notes.extend(f"not included: {each}" for each in manifest.get("not_included", ()))
    if published is None:
        notes.append("its anchors were not held against published ones: give --anchors")


def main(arguments: list[str] | None = None) -> int:
    """Check the package named on the command line and say what was found."""
    parser = argparse.ArgumentParser(description="Check an evidence package of Landun's.")
    parser.add_argument("package", type=Path)
    parser.add_argument("--anchors", type=Path, help="the published anchors, had from elsewhere")
    given = parser.parse_args(arguments)
    try:
        content = given.package.read_bytes()
        published = given.anchors.read_bytes() if given.anchors else None
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    found = check(content, published)
    sys.stdout.write(told(found, content))
    return 1 if found.faults else 0


def told(found: Found, content: bytes) -> str:
    """What a check came to, in words."""
    lines = [f"package SHA-256 {hashlib.sha256(content).hexdigest()}"]
    lines += [f"note: {each}" for each in found.notes]
    lines += [f"DOES NOT FIT  {fault.where}: {fault.what}" for fault in found.faults]
    rows = len(found.manifest.get("rows", ()))
    lines.append(
        f"校验未通过 NOT WHOLE: {len(found.faults)} found"
        if found.faults
        else f"校验通过 WHOLE: {len(found.manifest['files'])} files, {rows} rows of the journal as they were written"
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
