"""Whether an evidence package, or the journal, is as it was written."""

from pathlib import Path

from monitor.evidence.verify import check, told
from operations.errors import OperatorError
from store import anchors, journal
from store.connections import connect


def check_package(package: Path, published: Path | None) -> tuple[bool, str]:
    """Whether a package is whole, and what was found. Raises `OperatorError` on a file that cannot be read."""
    try:
        content = package.read_bytes()
        known = published.read_bytes() if published else None
    except OSError as error:
        raise OperatorError(f"{error.filename}: {error.strerror}") from error
    found = check(content, known)
    return not found.faults, told(found, content).rstrip()


def check_journal(dsn: str, first: int) -> tuple[bool, str]:
    """Whether each row of the journal is as it was written and as its anchors say, and what was found."""
    with connect(dsn) as connection:
        found = journal.verify(connection, first)
        differing = anchors.differing(connection)
    if not found.ok:
        return False, (f"journal row {found.first_bad_id}: {found.why} ({found.checked} rows before it are as written)")
    if differing:
        said = differing[0]
        return False, (
            f"journal row {said.journal_id}: its hash is not the one in anchor {said.number} of "
            f"{said.made_at.isoformat()}: what came before it was written anew"
        )
    return True, f"{found.checked} journal rows checked: each is as it was written"
