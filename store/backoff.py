"""Waiting between attempts at the database: exponential with jitter, so that many clients do not return at once."""

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Delays in seconds, each drawn from [half, whole] of a bound that doubles from `first_s` up to `most_s`."""

    first_s: float = 0.1
    most_s: float = 5.0
    generator: random.Random = field(default_factory=random.Random)
    attempts: int = 0

    def next(self) -> float:
        """The delay before the next attempt."""
        bound = min(self.most_s, self.first_s * 2.0 ** min(self.attempts, 16))
        self.attempts += 1
        return bound * (0.5 + 0.5 * self.generator.random())

    def reset(self) -> None:
        """Begin again after a success."""
        self.attempts = 0
