"""Finding rows by key: what a dictionary of Python would answer."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.waste.keys import KeyTable, Relation

_KEYS = st.lists(st.integers(1, 60) | st.integers(-(2**63), 2**63 - 1), max_size=40, unique=True)


@given(st.lists(st.tuples(_KEYS, st.booleans()), max_size=8))
def test_the_table_answers_as_a_dictionary_does(batches: list[tuple[list[int], bool]]) -> None:
    """Keys come and go in batches, many of them at one place of the table; each is found where it was put."""
    table, known, rows = KeyTable(1_024), dict[int, int](), 0
    for keys, deletes in batches:
        if deletes:
            gone = [key for key in keys if key in known]
            table.delete(np.array(gone, dtype=np.int64))
            for key in gone:
                del known[key]
        else:
            new = [key * 1_024 if abs(key) < 2**50 else key for key in keys]
            new = [key for key in new if key not in known]
            slots = np.arange(rows, rows + len(new), dtype=np.int32)
            table.insert(np.array(new, dtype=np.int64), slots)
            known |= dict(zip(new, slots.tolist(), strict=True))
            rows += len(new)
        asked = [*known, *(key * 1_024 for key in range(70))]
        found = table.find(np.array(asked, dtype=np.int64)).tolist()
        assert found == [known.get(key, -1) for key in asked]
        assert len(table) == len(known)


def test_a_table_that_grows_keeps_what_it_knows() -> None:
    """A hundred thousand keys in three batches, and none of them is lost."""
    table, keys = KeyTable(), np.random.default_rng(1).integers(-(2**62), 2**62, 100_000)
    keys = np.unique(keys)
    for part in np.array_split(np.arange(keys.size), 3):
        table.insert(keys[part], part.astype(np.int32))
    assert (table.find(keys) == np.arange(keys.size)).all()
    assert table.find(keys + 1).max() == -1


@given(st.lists(st.lists(st.integers(0, 9), max_size=30), max_size=6))
def test_a_relation_names_every_row_of_a_key(batches: list[list[int]]) -> None:
    """Rows of one key come back together, by the place of the key that was asked for."""
    relation, known, rows = Relation(), dict[int, set[int]](), 0
    for keys in batches:
        relation.add(np.array(keys, dtype=np.int64), np.arange(rows, rows + len(keys)))
        for key in keys:
            known.setdefault(key, set()).add(rows)
            rows += 1
    asked = np.array([3, 11, 3, 0], dtype=np.int64)
    index, found = relation.of(asked)
    for place, key in enumerate(asked.tolist()):
        assert set(found[index == place].tolist()) == known.get(key, set())
