"""What to do about a database error."""

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from operations.ports import any_free
from registry.catalogue import text
from store.connections import connect
from store.errors import LAW, Law, Remedy, Trouble, law, law_of_state, remedy

sqlstates = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=5, max_size=5)


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("08006", Remedy.RETRY),  # connection failure
        ("40001", Remedy.RETRY),  # serialization failure
        ("40P01", Remedy.RETRY),  # deadlock
        ("53100", Remedy.RETRY),  # disk full
        ("53300", Remedy.RETRY),  # too many connections
        ("55P03", Remedy.RETRY),  # lock not available
        ("57P01", Remedy.RETRY),  # admin shutdown
        ("57P03", Remedy.RETRY),  # cannot connect now
        ("58030", Remedy.RETRY),  # I/O error
        ("25006", Remedy.RETRY),  # read-only transaction: a stand-by
        ("25P03", Remedy.RETRY),  # idle in transaction time-out
        ("22008", Remedy.DATA),  # datetime field overflow
        ("22003", Remedy.DATA),  # numeric value out of range
        ("22021", Remedy.DATA),  # character not in repertoire
        ("23502", Remedy.DATA),  # not null
        ("23503", Remedy.DATA),  # foreign key
        ("23505", Remedy.DATA),  # unique
        ("23514", Remedy.DATA),  # check
        ("22P03", Remedy.OPERATOR),  # our own binary format is wrong
        ("22P04", Remedy.OPERATOR),
        ("28P01", Remedy.OPERATOR),  # wrong password
        ("3D000", Remedy.OPERATOR),  # no such database
        ("42P01", Remedy.OPERATOR),  # no such table
        ("42501", Remedy.OPERATOR),  # no right
        ("42703", Remedy.OPERATOR),  # no such column
        ("54000", Remedy.OPERATOR),  # program limit exceeded
        ("57P04", Remedy.OPERATOR),  # database dropped
        ("XX000", Remedy.OPERATOR),  # internal error
        ("XX001", Remedy.OPERATOR),  # data corrupted
    ],
)
def test_the_table(sqlstate: str, expected: Remedy) -> None:
    """Each state has the remedy that PostgreSQL's Appendix A suggests for it."""
    assert law_of_state(sqlstate).remedy is expected


@given(sqlstates)
def test_only_classes_22_and_23_can_send_rows_to_the_dead_letters(sqlstate: str) -> None:
    """Whatever a server may ever report, nothing but a data or integrity error counts as the row's fault."""
    if law_of_state(sqlstate).remedy is Remedy.DATA:
        assert sqlstate[:2] in {"22", "23"}


@given(sqlstates)
def test_psycopgs_own_classes_agree_on_what_is_data(sqlstate: str) -> None:
    """What the table calls data, psycopg calls a data or integrity error wherever it knows the state."""
    try:
        known = psycopg.errors.lookup(sqlstate)
    except KeyError:
        return
    if law_of_state(sqlstate).remedy is Remedy.DATA:
        assert issubclass(known, psycopg.DataError | psycopg.IntegrityError)


def test_a_missing_partition_is_the_operators_and_a_failed_check_the_rows(database: str) -> None:
    """Both are 23514; only the check names a constraint."""
    with connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE split (n integer CHECK (n > 0)) PARTITION BY RANGE (n)")
        with pytest.raises(psycopg.errors.CheckViolation) as missing:
            connection.execute("INSERT INTO split VALUES (5)")
        connection.execute("CREATE TABLE split_all PARTITION OF split DEFAULT")
        with pytest.raises(psycopg.errors.CheckViolation) as failed:
            connection.execute("INSERT INTO split VALUES (-5)")
    assert remedy(missing.value) is Remedy.OPERATOR
    assert remedy(failed.value) is Remedy.DATA


def test_a_server_that_is_away_is_worth_a_retry() -> None:
    """A refused connection has no SQLSTATE and is retried."""
    with pytest.raises(psycopg.OperationalError) as refused:
        connect(f"postgresql://landun@127.0.0.1:{any_free()}/landun")
    assert refused.value.sqlstate is None
    assert remedy(refused.value) is Remedy.RETRY


def test_a_fault_of_our_own_program_is_never_retried_for_ever() -> None:
    """A programming error, or an exception of anything else, is the operator's; one of the network is not."""
    assert (
        remedy(psycopg.ProgrammingError("the query has 1 placeholder but 2 parameters were passed")) is Remedy.OPERATOR
    )
    assert remedy(KeyError("x")) is Remedy.OPERATOR
    assert remedy(ConnectionResetError()) is Remedy.RETRY


@pytest.mark.parametrize("trouble", Trouble)
def test_every_trouble_has_a_sentence_for_the_operator_in_both_languages(trouble: Trouble) -> None:
    """What is wrong and what to do about it; Chinese has Han characters, English has none."""
    chinese, english = text("zh", f"health.trouble_{trouble}"), text("en", f"health.trouble_{trouble}")
    assert any("一" <= letter <= "鿿" for letter in chinese)
    assert english.isascii()


def test_a_state_stands_in_the_table_only_where_it_differs_from_its_class() -> None:
    """One table without a line that says nothing."""
    assert [state for state, found in LAW.items() if len(state) == 5 and LAW.get(state[:2]) == found] == []
    assert {found.trouble for found in LAW.values()} | {Trouble.NO_PARTITION} == set(Trouble)


def test_a_refusal_at_the_door_is_told_from_a_server_that_is_away(database: str) -> None:
    """A wrong password, role or database has no SQLSTATE with libpq; its words decide, and the operator is told."""
    expected = {
        make_conninfo(database, password="wrong"): Law(Remedy.OPERATOR, Trouble.PASSWORD),
        make_conninfo(database, user="nobody-knows"): Law(Remedy.OPERATOR, Trouble.PASSWORD),
        make_conninfo(database, dbname="nowhere"): Law(Remedy.OPERATOR, Trouble.NO_DATABASE),
        make_conninfo(database, port=any_free()): Law(Remedy.RETRY, Trouble.UNREACHABLE),
    }
    for dsn, wanted in expected.items():
        with pytest.raises(psycopg.OperationalError) as refused:
            connect(dsn)
        assert law(refused.value) == wanted, str(refused.value)
