"""How ingest is divided among processes, and how one division takes over from another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingest.subtrees import Subtree, share_out
from operations.errors import OperatorError
from registry.counties import COUNTIES


@dataclass(frozen=True)
class Division:
    """The ingest workers of a system, and those of the division before where it is another one.

    A worker's session at the broker holds messages. So when the number of workers changes, those of before drain
    theirs and end them, while no device may publish, before the new ones begin: nothing is lost, doubled or late.
    """

    workers: Sequence[Subtree]
    before: Sequence[Subtree] = ()

    @classmethod
    def of(cls, wanted: int, kept: int | None) -> "Division":
        """`wanted` workers where the broker keeps the sessions of `kept`, of None where it keeps none yet.

        Raises `OperatorError` for more workers than counties.
        """
        try:
            return cls(
                share_out(list(COUNTIES), wanted), share_out(list(COUNTIES), kept) if kept not in (None, wanted) else ()
            )
        except ValueError as error:
            raise OperatorError(f"--workers: {error}") from error


def environment_of(subtree: Subtree) -> Mapping[str, str]:
    """The environment that makes `landun ingest` this worker: nothing for the one that reads everything."""
    said = {
        "LANDUN_INGEST_COUNTIES": ",".join(subtree.counties),
        "LANDUN_INGEST_REST": "" if subtree.rest else "false",
        "LANDUN_INGEST_MEMBER": subtree.member,
    }
    return {name: value for name, value in said.items() if value}
