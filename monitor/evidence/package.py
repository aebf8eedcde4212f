"""The package: everything in one ZIP whose every byte is sealed, first as a draft, then with the second person's audit.

The archive ends with the SHA-256 of all before it, in its comment. The same facts make the same bytes.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files as resources
from typing import Any, Final

from monitor.evidence.chain import Chain, chain_of, checkpoints, row_of
from monitor.evidence.checklist import checklist
from monitor.evidence.facts import facts_of, plain
from monitor.evidence.report import report
from monitor.evidence.scope import Needed, Scope, Subject, needed, rows, scope_of
from monitor.evidence.verify import (
    ANCHORS,
    CHAIN,
    FORMAT,
    MANIFEST,
    MESSAGES,
    READINGS,
    SEAL,
    SUMS,
    messages_csv,
    readings_csv,
)
from registry.indicators import INDICATORS
from registry.limits import profiles, source
from registry.model import Registry
from registry.words import WordedError
from store.connections import Connection
from store.exposition import program_version
from store.journal import Entry

REPORT: Final = "evidence.pdf"
FACTS: Final = "evidence.json"
_ENDING: Final = re.compile(r"\.[A-Za-z0-9]{1,8}$")


class AuditError(WordedError):
    """An audit is not acceptable; the words say why."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes or audits a package."""

    username: str
    name: str


def draft(
    connection: Connection, subject: Subject, registry: Registry, by: Maker, purpose: str, now: datetime
) -> bytes:
    """The package about an alarm or a case, as a draft. Reads the database only."""
    scope = scope_of(connection, subject, registry, now)
    wanted = needed(connection, subject, scope)
    chain = chain_of(connection, wanted.ids)
    facts = plain(facts_of(connection, subject, scope, chain, registry))
    contents = _contents(connection, subject, registry, scope, chain)
    manifest = {**_head(subject, registry, scope, chain, wanted), **_made(by, purpose, now)}
    return sealed(contents, facts, manifest, now)


def audited(content: bytes, by: Maker, now: datetime, *, accepted: bool, note: str) -> bytes:
    """A draft with the audit of a second person. Raises `AuditError` where the first does it, or it was done."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    manifest, facts = json.loads(contents.pop(MANIFEST)), json.loads(contents.pop(FACTS))
    if manifest["audit"] is not None:
        raise AuditError.of("refusal.evidence.audited", by=manifest["audit"]["audited_by"])
    if manifest["made_by"] == by.username:
        raise AuditError.of("refusal.evidence.own")
    manifest["audit"] = {
        "audited_by": by.username,
        "audited_by_name": by.name,
        "audited_at": plain(now),
        "accepted": accepted,
        "note": note,
        "draft_sha256": hashlib.sha256(content).hexdigest(),
    }
    for name in (SUMS, REPORT):
        contents.pop(name)
    return sealed(contents, facts, manifest, now)


def file_of(content: bytes, name: str) -> bytes:
    """One file of a package. Raises `KeyError` where it has none of this name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)


def sealed(contents: Mapping[str, bytes], facts: Mapping[str, Any], manifest: Mapping[str, Any], at: datetime) -> bytes:
    """The archive of these files with the report, the list of hashes and the seal."""
    files = dict(contents)
    facts = {**facts, "checklist": [each.to_json() for each in checklist(facts, manifest)]}
    files[FACTS] = _json(facts)
    # The report lists the hashes of what it was made from; its own is in the manifest.
    files[REPORT] = report(facts, {**manifest, "files": _listed(files)}, at)
    files[MANIFEST] = _json({**manifest, "files": _listed(files)})
    files[SUMS] = "".join(f"{_sha256(files[name])}  {name}\n" for name in sorted(files)).encode()
    return _archive(files, at)


def _archive(files: Mapping[str, bytes], at: datetime) -> bytes:
    written = io.BytesIO()
    moment = at.astimezone(UTC)
    when = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    with zipfile.ZipFile(written, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, when)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, files[name])
        archive.comment = SEAL + b"0" * 64
    content = written.getvalue()[:-64]
    return content + hashlib.sha256(content).hexdigest().encode()


def _head(subject: Subject, registry: Registry, scope: Scope, chain: Chain, wanted: Needed) -> dict[str, Any]:
    devices = {device: registry.devices[device] for device in scope.devices}
    # A name that a gateway or an instrument goes by stands in the topic instead of the device's code.
    names = {*devices, *(device.identity for device in devices.values() if device.identity)}
    fixed = set(checkpoints(chain.anchors))
    return {
        "format": FORMAT,
        "program": program_version(),
        "subject": {"kind": subject.kind, "id": subject.id},
        "site": subject.site,
        "simulated": subject.simulated,
        "rows": [entry.id for entry in chain.entries],
        "devices": sorted(names),
        "channels": {
            str(number): {
                "device": registry.channels[number].device,
                "indicator": registry.channels[number].indicator,
                "unit": INDICATORS[registry.channels[number].indicator].unit,
            }
            for number in scope.channels
        },
        "anchors": len(chain.anchors),
        "anchored": bool(chain.runs) and all(run[-1].id in fixed for run in chain.runs),
        "not_included": [*scope.not_included, *wanted.gone],
    }


def _made(by: Maker, purpose: str, now: datetime) -> dict[str, Any]:
    return {
        "made_at": plain(now),
        "made_by": by.username,
        "made_by_name": by.name,
        "purpose": purpose,
        "audit": None,
    }


def _contents(
    connection: Connection, subject: Subject, registry: Registry, scope: Scope, chain: Chain
) -> dict[str, bytes]:
    head = _head(subject, registry, scope, chain, Needed())
    found: dict[str, bytes] = {CHAIN: chain.text()}
    for entry in chain.entries:
        found[f"rows/{entry.id}.body"] = entry.body
        if entry.raw is not None:
            found[f"rows/{entry.id}.raw"] = entry.raw
    rows_of = {link.id: row_of(link) for run in chain.runs for link in run}

    def parts(kinds: Iterable[str], part: str) -> list[tuple[Any, bytes]]:
        chosen: list[Entry] = [entry for entry in chain.entries if entry.kind in kinds]
        return [(rows_of[each.id], getattr(each, part)) for each in chosen if getattr(each, part) is not None]

    found[MESSAGES] = messages_csv(parts(("readings", "waste", "position"), "raw"), head["devices"])
    found[READINGS] = readings_csv(parts(("readings",), "body"), head["channels"])
    found[ANCHORS] = "".join(f"{each.content}\n" for each in chain.anchors).encode()
    for profile in sorted({alarm["limit_profile"] for alarm in subject.alarms} & set(profiles())):
        found[f"limits/{profile}.toml"] = source(profile).encode()
    if subject.case is not None:
        for each in rows(connection, "SELECT id, name, content FROM case_file WHERE case_id = %s", subject.id):
            ending = _ENDING.search(each["name"])
            found[f"files/{each['id']}{ending.group() if ending else ''}"] = bytes(each["content"])
    for name in ("verify.py", "README.txt"):
        found[name] = resources("monitor.evidence").joinpath(name).read_bytes()
    return found


def _listed(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    return {name: {"bytes": len(files[name]), "sha256": _sha256(files[name])} for name in sorted(files)}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode("utf-8", "backslashreplace")
