"""The system as `landun up` puts it together, with nothing started."""

from operations.assembly import Assembly
from operations.denied import DeniedPublishes
from operations.folder import DataFolder, Record
from operations.ports import DEFAULT_PORTS, Address
from operations.secrets import Secrets
from operations.service import Node


def nodes_of(folder: DataFolder, record: Record, workers: int | None = None) -> dict[str, Node]:
    """What the system consists of, by name."""
    assembly = Assembly(
        folder=folder,
        record=record,
        secrets=Secrets.of(folder.secrets),
        address=Address("127.0.0.1", dict(DEFAULT_PORTS)),
        dsn="postgresql://nobody@127.0.0.1/none",
        embedded=None,
        denied=DeniedPublishes(lambda _letters: None),
        announce_sign_in=lambda _made: None,
        min_free_bytes=0,
        workers=workers,
    )
    return {node.name: node for node in assembly.nodes()}
