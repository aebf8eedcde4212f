"""Which part of the topic tree an ingest worker reads. County is the unit; two workers' parts must not overlap."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.canary import COUNTY as CANARY_COUNTY
from registry.model import CODE_PATTERN
from registry.topics import read_filters

SHARE_GROUP: Final = "landun"


EVERYTHING: Final = "landun/v1/#"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic filter that a session of its own reads, as a `member` of those who share it if that has a name."""

    topics: str
    member: str = ""

    @property
    def filter(self) -> str:
        """The filter as SUBSCRIBE names it."""
        return f"$share/{SHARE_GROUP}/{self.topics}" if self.member else self.topics

    def client_id(self, password: str | None) -> str:
        """The session's name at the broker, the same whichever worker reads it, with a part nobody else can guess.

        Whoever connects with the same client id takes the session over, and could end it with all it holds.
        """
        particular = [each for each in (self.topics, self.member) if each not in ("", EVERYTHING)]
        proof = ":".join(("landun-ingest", str(password), *particular))
        return f"landun-ingest-{hashlib.sha256(proof.encode()).hexdigest()[:12]}"


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
    def subscriptions(self) -> list[Subscription]:
        """What to subscribe to."""
        plain = list(read_filters(self.counties))
        if self.counties and self.rest:
            plain += [each for each in read_filters() if each.startswith("$oc/")]
        return [Subscription(each, self.member) for each in plain]

    @property
    def service(self) -> str:
        """The worker's name among the services: ``ingest`` where it reads the rest, else with its first county."""
        names = ["ingest", *([] if self.rest else self.counties[:1]), *([self.member] if self.member else [])]
        return "-".join(names)

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
