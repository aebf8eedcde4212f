"""Which part of the topic tree an ingest worker reads. County is the unit; two workers' parts must not overlap."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from registry.canary import COUNTY as CANARY_COUNTY
from registry.model import CODE_PATTERN
from registry.topics import read_filters

SHARE_GROUP: Final = "landun"
MOST_UNACKNOWLEDGED: Final = 65_534
"""What NATS delivers to a session without acknowledgement at most, over all its filters."""


@dataclass(frozen=True, slots=True)
class Subtree:
    """What one worker reads: the topics of `counties`, all without any; with `rest` also those that name no county.

    With `member`, a name, the broker deals the messages out among all members that read the same (MQTT 5 shared
    subscription, section 4.8.2).
    """

    counties: tuple[str, ...] = ()
    rest: bool = True
    member: str = ""

    def __post_init__(self) -> None:
        for code in (*self.counties, *([self.member] if self.member else [])):
            if not CODE_PATTERN.match(code):
                raise ValueError(f"ingest worker: {code!r}: only letters, digits, '_' and '-' are allowed")
        if len(set(self.counties)) != len(self.counties):
            raise ValueError(f"ingest worker: a county is named twice in {','.join(self.counties)}")

    @classmethod
    def parse(cls, counties: str, *, rest: bool = True, member: str = "") -> "Subtree":
        """From counties with commas between them. Raises `ValueError` naming what is not a code."""
        return cls(tuple(sorted(each.strip() for each in counties.split(",") if each.strip())), rest, member)

    @property
    def filters(self) -> list[str]:
        """The MQTT topic filters to subscribe to."""
        plain = list(read_filters(self.counties))
        if self.counties and self.rest:
            plain += [each for each in read_filters() if each.startswith("$oc/")]
        return [f"$share/{SHARE_GROUP}/{each}" for each in plain] if self.member else plain

    @property
    def service(self) -> str:
        """The worker's name among the services: ``ingest`` where it reads the rest, else with its first county."""
        names = ["ingest", *([] if self.rest else self.counties[:1]), *([self.member] if self.member else [])]
        return "-".join(names)

    def client_id(self, password: str | None) -> str:
        """The session's name at the broker, with a part nobody else can guess.

        Whoever connects with the same client id takes the session over, and could end it with all it holds.
        """
        whose = ":".join(("landun-ingest", str(password), *self.counties, *([self.member] if self.member else [])))
        return f"landun-{self.service}-{hashlib.sha256(whose.encode()).hexdigest()[:12]}"

    def overlaps(self, other: "Subtree") -> bool:
        """Whether a message would reach both and be stored twice. Members that read the same share, they do not."""
        if self.member and other.member and (self.counties, self.rest) == (other.counties, other.rest):
            return False
        everything = not self.counties or not other.counties
        return everything or (self.rest and other.rest) or bool(set(self.counties) & set(other.counties))


def share_out(counties: Sequence[str], workers: int) -> list[Subtree]:
    """Counties dealt out over workers in turn; one worker reads everything, of several the first the rest.

    Raises `ValueError` for more workers than counties.
    """
    if not 1 <= workers <= len(counties):
        raise ValueError(f"{workers} ingest workers: must be 1 to {len(counties)}, the number of counties")
    if workers == 1:
        return [Subtree()]
    dealt = [(*counties[number::workers], *([] if number else [CANARY_COUNTY])) for number in range(workers)]
    return [Subtree(tuple(sorted(each)), rest=number == 0) for number, each in enumerate(dealt)]


def in_flight_of(subtrees: Iterable[Subtree], wanted: int) -> int:
    """Unacknowledged messages a subscription, at most `wanted`, that no worker's session is refused for by NATS.

    NATS counts a filter that ends in ``#`` twice, and refuses a session whose sum reaches 65 535.
    """
    heaviest = max(sum(1 + each.endswith("#") for each in subtree.filters) for subtree in subtrees)
    return min(wanted, MOST_UNACKNOWLEDGED // heaviest)
