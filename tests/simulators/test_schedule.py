import random
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulators.clock import SECOND_US, PhysicsClock, next_sample, publish_interval, sample_instant
from simulators.gate import BURST, Gate
from simulators.schedule import FIRST_WITHIN_US, Schedule

NOW = 1_763_800_000 * SECOND_US
phases = st.floats(0, 1, exclude_max=True)


@given(phase=phases, after=st.integers(NOW, NOW + 10**10), interval=st.sampled_from([1, 60, 300, 8.571429]))
def test_next_sample_is_the_first_of_its_phase_after_an_instant(phase: float, after: int, interval: float) -> None:
    """It is later than the instant, by no more than an interval, and lies on the device's own grid."""
    step = round(interval * SECOND_US)
    instant = next_sample(after, step, phase)
    assert after < instant <= after + step + 1000
    assert instant in {sample_instant(number, step, phase) for number in range(after // step - 1, after // step + 3)}
    assert instant % 1000 == 0


def test_interval_is_the_period_divided_by_the_speed_but_at_least_a_second() -> None:
    """At ×60 a device of one minute publishes each second; at ×3600 too."""
    assert [publish_interval(60, speed) // 1000 for speed in (1, 7, 60, 3600)] == [60_000, 8_571, 1_000, 1_000]


@given(st.lists(st.tuples(st.integers(1, 10**9), st.floats(1, 3600)), min_size=1, max_size=6))
def test_physics_never_jumps_when_the_speed_changes(changes: list[tuple[int, float]]) -> None:
    """The physics clock is continuous and never runs backwards."""
    clock, wall = PhysicsClock(wall=NOW, physics=NOW), NOW
    for pause, speed in changes:
        before = clock.at(wall)
        wall += pause
        changed = clock.with_speed(wall, speed)
        assert changed.at(wall) == clock.at(wall) >= before
        clock = changed


def schedule(count: int = 50) -> Schedule:
    """A schedule of devices of one minute with phases spread over it."""
    made = Schedule(np.full(count, 60, dtype=np.int64), np.linspace(0, 0.999, count))
    made.set_speed(1.0, NOW)
    return made


def test_after_a_start_every_device_samples_within_ten_seconds_and_then_each_minute() -> None:
    """The first samples are staggered over some seconds; from then on each device keeps its own second."""
    made = schedule()
    for column in range(50):
        made.soon(column, NOW)
    seen: dict[int, list[int]] = {column: [] for column in range(50)}
    for second in range(200):
        for instant, column in made.due(NOW + second * SECOND_US):
            seen[column].append(instant)
    assert all(instants[0] - NOW <= FIRST_WITHIN_US for instants in seen.values())
    assert len({instants[0] for instants in seen.values()}) > 40
    for instants in seen.values():
        gaps = np.diff(instants) / SECOND_US
        assert 29 <= gaps[0] <= 91
        assert (gaps[1:] == 60).all()


def test_due_devices_come_in_order_of_time_and_only_once() -> None:
    """Two looks at the same instant: the second finds nothing new."""
    made = schedule()
    due = list(made.due(NOW + 60 * SECOND_US))
    assert len(due) == 50
    assert [instant for instant, _ in due] == sorted(instant for instant, _ in due)
    assert list(made.due(NOW + 60 * SECOND_US)) == []


def test_device_samples_once_after_a_long_gap() -> None:
    """After an hour's sleep there is one sample a device, not sixty."""
    made = schedule()
    assert len(list(made.due(NOW + 3600 * SECOND_US))) == 50
    assert made.next_at is not None
    assert made.next_at > NOW + 3600 * SECOND_US


def test_gate_lets_one_device_try_while_the_broker_is_away() -> None:
    """Attempts wait ever longer, at most some seconds; the first success lets the others follow."""
    gate = Gate(random.Random(1))  # noqa: S311 - jitter
    now, waits = NOW, []
    assert gate.allowance(now, 0) == 1
    for _ in range(12):
        gate.failed(now)
        assert gate.allowance(now, 0) == 0
        waits.append((gate.next_at - now) / SECOND_US)
        now = gate.next_at
        assert gate.allowance(now, 0) == 1
        assert gate.allowance(now, 1) == 0
    assert waits[0] < 0.5
    assert all(0.5 < later / earlier < 4 for earlier, later in pairwise(waits))
    assert 3 < max(waits) < 7
    gate.succeeded()
    assert gate.allowance(now, 0) == BURST


def test_many_connections_lost_at_once_count_as_one_failure() -> None:
    """64 devices that lose the broker in the same instant do not push the next attempt away."""
    gate = Gate(random.Random(1))  # noqa: S311 - jitter
    gate.succeeded()
    for _ in range(64):
        gate.failed(NOW)
    assert (gate.next_at - NOW) / SECOND_US < 0.5
