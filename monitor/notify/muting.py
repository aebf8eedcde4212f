"""First stage: which alarms nobody is told of, because they say so themselves or another alarm says it all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.notify.model import Matter, Outcome


@dataclass(frozen=True, slots=True)
class Inhibition:
    """Alarms that `source` matches mute those that `target` matches where `same` is equal and not None."""

    source: Callable[[Matter], bool]
    target: Callable[[Matter], bool]
    same: Callable[[Matter], str | None]


def _site_silent(matter: Matter) -> bool:
    return matter.kind == "offline" and matter.device is None


def _device_silent(matter: Matter) -> bool:
    return matter.kind == "offline" and matter.device is not None


def _of_instrument(matter: Matter) -> bool:
    return matter.kind == "detector" and matter.audience == "venue"


INHIBITIONS: Final = (
    # A silent site says that its devices are silent, and nothing new can be known of their instruments.
    Inhibition(_site_silent, lambda each: _device_silent(each) or _of_instrument(each), lambda each: each.site),
    # A silent device says it of its own instruments.
    Inhibition(_device_silent, _of_instrument, lambda each: each.device),
)


@dataclass(frozen=True, slots=True)
class Mute:
    """Takes out what is muted by its own state, or inhibited by another alarm that is on."""

    inhibitions: Sequence[Inhibition] = INHIBITIONS

    def run(self, matters: Sequence[Matter]) -> tuple[list[Matter], dict[int, Outcome]]:
        """What goes on, and why the rest does not, by alarm."""
        muted = {each.id: each.muted for each in matters if each.muted is not None}
        speaking = [each for each in matters if each.muted is None]
        for rule in self.inhibitions:
            said = {rule.same(each) for each in speaking if each.active and rule.source(each)} - {None}
            if said:
                for each in speaking:
                    if each.active and not rule.source(each) and rule.target(each) and rule.same(each) in said:
                        muted.setdefault(each.id, Outcome.INHIBITED)
        return [each for each in speaking if each.id not in muted], muted
