"""The detector's memory: saved, restored, with channels added and retired; and long streams in any cut."""

from typing import Any

import numpy as np
import pytest

from monitor.detector import ChannelSpec, Layout, Rows, SiteSpec, State, flush, step

START_US = 1_750_000_000_000_000
TEN_MINUTES_US = 600_000_000


def layout(names: str, sites: str = "ab") -> Layout:
    """Channels by letter, one site for the first half of the alphabet and one for the second."""
    return Layout.of(
        [ChannelSpec(name, "a" if name < "n" else "b", name, period_s=600) for name in names],
        [SiteSpec(site) for site in sites],
    )


def stream(names: str, count: int, seed: int = 5) -> Rows:
    """Days of readings every ten minutes: steps, a stuck value, noise that vanishes, a silence, a spike."""
    random = np.random.default_rng(seed)
    width = len(names)
    values = np.round(7 + random.normal(0, 0.05, (count, width)), 3)
    values[count // 2 :, 0] += 1
    values[count // 3 : count // 2, min(1, width - 1)] = 7.001
    values[2 * count // 3 :, width - 1] = 7 + (values[2 * count // 3 :, width - 1] - 7) / 50
    values[count // 4, 0] += 9
    at = np.arange(count, dtype=np.int64)
    at[3 * count // 4 :] += 50
    order = np.concatenate([row * width + random.permutation(width) for row in range(count)])
    slot = np.tile(np.arange(width), count)[order]
    ts = np.repeat(START_US + at * TEN_MINUTES_US, width)[order]
    return Rows(slot, ts, values.ravel()[order], np.zeros(slot.size, np.bool_))


def part(rows: Rows, a: int, b: int) -> Rows:
    """Rows a to b."""
    return Rows(rows.slot[a:b], rows.ts[a:b], rows.value[a:b], rows.late[a:b])


def same(one: State, other: State) -> bool:
    """Whether two memories are equal to the bit."""
    return {k: v.tobytes() for k, v in one.save().items()} == {k: v.tobytes() for k, v in other.save().items()}


def test_days_of_readings_in_any_cut() -> None:
    """A week at once, row by row, and in pieces of a prime number give the same memory, flags and ticks."""
    laid, rows = layout("abyz"), stream("abyz", 1000)
    whole = State(laid)
    found = step(whole, laid, rows)
    for size in (1, 997):
        state = State(laid)
        pieces = [step(state, laid, part(rows, a, a + size)) for a in range(0, rows.slot.size, size)]
        assert same(state, whole)
        assert np.array_equal(np.concatenate([each.flags for each in pieces], axis=1), found.flags)
        scores = np.sort(np.concatenate([each.ticks[["site", "ts", "score"]] for each in pieces]), order=["ts", "site"])
        assert np.array_equal(scores, np.sort(found.ticks[["site", "ts", "score"]], order=["ts", "site"]))


def test_a_restored_state_goes_on_as_if_nothing_had_happened() -> None:
    """Saved as arrays and restored in the middle: the end is the same."""
    laid, rows = layout("abyz"), stream("abyz", 400)
    whole, first = State(laid), State(laid)
    step(whole, laid, rows)
    step(first, laid, part(rows, 0, 777))
    second = State.restore(laid, first.save())
    step(second, laid, part(rows, 777, rows.slot.size))
    assert same(second, whole)


def test_a_state_of_another_shape_is_refused() -> None:
    """The message names the array and what it must be."""
    saved = State(layout("abyz")).save()
    with pytest.raises(ValueError, match=r"array ts is int64\[4\], must be int64\[3\]"):
        State.restore(layout("aby"), saved)
    del saved["level"]
    with pytest.raises(ValueError, match="array level is missing"):
        State.restore(layout("abyz"), saved)


def test_channels_are_added_and_retired_without_a_pause() -> None:
    """Those that stay know what they knew, wherever their slot is now; a new one begins; a gone one is forgotten."""
    old, new = layout("abyz"), layout("zcba")
    state = State(old)
    step(state, old, stream("abyz", 400))
    moved = state.relaid(old, new)
    for name, slot in (("z", 0), ("b", 2), ("a", 3)):
        assert moved.level[slot] == state.level[old.slot_of[name]]
        assert moved.seen[slot] > 0
    assert moved.seen[1] == 0
    assert moved.site_blocks.tolist() == state.site_blocks.tolist()


def test_a_channel_never_depends_on_its_neighbours() -> None:
    """A channel's flags are the same alone and among others."""
    rows = stream("abyz", 400)
    among = step(State(layout("abyz")), layout("abyz"), rows)
    own = rows.slot == 1
    alone_rows = Rows(np.zeros(int(own.sum()), np.int64), rows.ts[own], rows.value[own], rows.late[own])
    alone = step(State(layout("b")), layout("b"), alone_rows)
    assert np.array_equal(among.flags[:, own], alone.flags)


def test_flush_closes_the_newest_tick_once() -> None:
    """What nothing follows is judged when its time is over, not before, and not twice."""
    laid, rows = layout("ab", "a"), stream("ab", 50)
    state = State(laid)
    step(state, laid, rows)
    newest = int(rows.ts.max())
    assert flush(state, laid, newest).size == 0
    closed = flush(state, laid, newest + TEN_MINUTES_US)
    assert closed["ts"].tolist() == [newest]
    assert closed["row"].tolist() == [-1]
    assert flush(state, laid, newest + 10 * TEN_MINUTES_US).size == 0


def test_under_a_kilobyte_a_channel() -> None:
    """Memory of nine channels a site, the site's share included."""
    channels = [ChannelSpec(k, f"s{k // 9}", "x") for k in range(900)]
    laid = Layout.of(channels, [SiteSpec(f"s{k}") for k in range(100)])
    assert State(laid).bytes_per_channel < 1024


def test_a_layout_refuses_what_does_not_fit() -> None:
    """A key twice, or a site that is not there, is named."""
    sites: Any = [SiteSpec("a")]
    with pytest.raises(ValueError, match="channel 1 is there twice"):
        Layout.of([ChannelSpec(1, "a", "ph"), ChannelSpec(1, "a", "orp")], sites)
    with pytest.raises(ValueError, match="its site 'b' is not one"):
        Layout.of([ChannelSpec(1, "b", "ph")], sites)
