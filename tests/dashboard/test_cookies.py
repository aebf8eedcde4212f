from dashboard.cookies import TICKET_LIVES_S, TicketOffice


class Clock:
    """Seconds that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_ticket_is_good_once() -> None:
    """A ticket gives its token once; whoever sees it later gets nothing."""
    office = TicketOffice(Clock())
    ticket = office.issue("token", 60)
    assert office.redeem(ticket) == ("token", 60)
    assert office.redeem(ticket) is None


def test_ticket_grows_old() -> None:
    """A ticket that was not fetched in time is worth nothing."""
    clock = Clock()
    office = TicketOffice(clock)
    ticket = office.issue("token", 60)
    clock.now += TICKET_LIVES_S
    assert office.redeem(ticket) is None


def test_unknown_ticket_gives_nothing() -> None:
    """A guessed ticket gives nothing."""
    assert TicketOffice().redeem("guess") is None
