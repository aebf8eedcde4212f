"""Who is told what, and when, as a story: a virtual clock, and not a second of waiting."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from monitor.notify.collecting import SINGLES
from monitor.notify.dry_run import plan
from monitor.notify.fanning import FanOut
from monitor.notify.model import Channel, Contact, Duty, Matter, Outcome, Role
from tests.notify.worlds import HOUR, MINUTE, NIGHT, TO_VENUE, Play, duty, local, matter, people, world

FRIDAY, SATURDAY, SUNDAY, MONDAY = (local(11, day) for day in (20, 21, 22, 23))
OFFICE = (timedelta(hours=8, minutes=30), timedelta(hours=17, minutes=30))


def week() -> list[Duty]:
    """Wang and section head Li work on weekdays; Zhao is on duty around the clock from Friday evening on."""
    lines = [
        duty(person, role, day + OFFICE[0], day + OFFICE[1])
        for day in (FRIDAY, MONDAY)
        for person, role in (("wang", Role.INSPECTOR), ("li", Role.SECTION_HEAD))
    ]
    return [*lines, duty("zhao", Role.DUTY_OFFICER, FRIDAY + OFFICE[1], MONDAY + OFFICE[0])]


def office() -> Play:
    """The office of Chongchuan."""
    return Play(world(people("wang", li="centre", zhao="centre"), week()))


def test_a_high_alarm_climbs_until_somebody_acknowledges() -> None:
    """Inspector at once, section head after half an hour, and nobody any more once it is acknowledged."""
    play, began = office(), FRIDAY + 10 * HOUR
    alarm = matter(1, began)
    assert play.at(began + MINUTE / 4, alarm) == []  # others of the venue may follow
    assert play.at(began + MINUTE, alarm) == ["person:wang new P-1"]
    assert play.at(began + 20 * MINUTE, alarm) == []
    assert play.at(began + 31 * MINUTE, alarm) == ["person:li escalated P-1"]
    seen = replace(alarm, acknowledged=True)
    assert play.at(began + 70 * MINUTE, seen) == []
    over = replace(seen, active=False, returned_at=began + 75 * MINUTE)
    assert play.at(began + 76 * MINUTE, over) == []  # it has to stay so
    assert play.at(began + 80 * MINUTE, over) == [
        "person:wang resolved P-1",
        "person:li resolved P-1",
    ]
    assert play.at(began + 90 * MINUTE, over) == []


def test_a_weekend_on_which_nobody_acknowledges() -> None:
    """Raised on Saturday at 03:00: the duty officer at once, again every four hours, the office on Monday morning."""
    play, began = office(), SATURDAY + 3 * HOUR
    alarm = matter(1, began)
    assert play.at(began + MINUTE, alarm) == ["person:zhao escalated P-1"]
    assert play.decided.messages[0][0].tellings[0].recipient.absent == (Role.INSPECTOR, Role.SECTION_HEAD)
    told = []
    at = began + MINUTE
    while at < MONDAY + OFFICE[0]:
        at += 10 * MINUTE
        told += [(at, each) for each in play.at(at, alarm)]
    before_monday = [each for at, each in told if at < MONDAY + OFFICE[0]]
    assert set(before_monday) == {"person:zhao repeat P-1"}
    assert len(before_monday) == (MONDAY + OFFICE[0] - began) // (4 * HOUR)
    assert [each for at, each in told if at >= MONDAY + OFFICE[0]] == [
        "person:wang handover P-1",
        "person:li escalated P-1",
    ]
    assert play.at(MONDAY + 9 * HOUR, replace(alarm, acknowledged=True)) == []


def test_a_medium_alarm_of_the_weekend_waits_for_the_office() -> None:
    """Nobody's Saturday is spoilt, and the clock of escalation begins on Monday when the inspector is told."""
    play, began = office(), SATURDAY + 11 * HOUR
    alarm = matter(1, began, priority="medium")
    for at in (began + MINUTE, SUNDAY + 12 * HOUR, MONDAY + 8 * HOUR):
        assert play.at(at, alarm) == []
        assert [each.why for each in play.decided.held] == ["off_hours"]
    assert play.at(MONDAY + OFFICE[0], alarm) == ["person:wang new P-1"]
    assert play.at(MONDAY + 12 * HOUR, alarm) == []
    assert play.at(MONDAY + OFFICE[0] + 4 * HOUR, alarm) == ["person:li escalated P-1"]


def test_a_flapping_value_does_not_page_at_each_crossing() -> None:
    """Out and in every minute for an hour: one message each interval of five minutes at most, and none is resolved."""
    play, began = office(), FRIDAY + 9 * HOUR
    past: list[Matter] = []
    told: list[str] = []
    for minute in range(0, 60, 2):
        alarm = matter(1 + minute, began + minute * MINUTE)
        told += play.at(began + minute * MINUTE + MINUTE / 2, *past, alarm)
        past.append(replace(alarm, active=False, returned_at=began + (minute + 1) * MINUTE))
        told += play.at(began + minute * MINUTE + 3 * MINUTE / 2, *past)
    assert told[0] == "person:wang new P-1"
    assert {each.split()[1] for each in told[1:]} <= {"more", "escalated"}
    assert len([each for each in told if each.startswith("person:wang")]) <= 12
    assert play.at(began + 70 * MINUTE, *past)[0] == "person:wang resolved P-1"


def test_a_silent_gateway_is_one_message_not_forty() -> None:
    """The site is silent: what its forty devices would say is in that one alarm."""
    play, began = office(), FRIDAY + 9 * HOUR
    site = matter(1, began, kind="offline", condition="site:P-1:offline")
    devices = [
        matter(n, began, kind="offline", device=f"D-{n}", condition=f"device:D-{n}:offline") for n in range(2, 42)
    ]
    assert play.at(began + MINUTE, site, *devices) == ["person:wang new P-1"]
    assert [len(each.matters) for message, _ in play.decided.messages for each in message.tellings] == [1]
    assert {play.decided.outcomes[each.id] for each in devices} == {Outcome.INHIBITED}


def test_what_gets_worse_is_told_at_once_by_the_urgent_route() -> None:
    """A medium alarm of the night that becomes high rings the duty officer, as worse for who knew it."""
    play, began = office(), FRIDAY + 10 * HOUR
    alarm = matter(1, began, priority="medium")
    assert play.at(began + MINUTE, alarm) == ["person:wang new P-1"]
    assert play.at(began + 2 * MINUTE, replace(alarm, priority="high")) == ["person:wang worse P-1"]
    assert play.at(began + 3 * MINUTE, replace(alarm, priority="high")) == []
    assert play.at(began + 33 * MINUTE, replace(alarm, priority="high")) == ["person:li escalated P-1"]


def test_two_zones_have_two_working_days() -> None:
    """At 09:00 in Nantong the office of Urumqi's zone (two hours behind) is still closed; the alarm waits there."""
    play = Play(world(people("wang")))
    began = MONDAY + 8 * HOUR
    east = matter(1, began, priority="medium")
    west = matter(2, began, "U-1", priority="medium", zone="Asia/Urumqi")
    assert play.at(MONDAY + 9 * HOUR, east, west) == ["person:wang new P-1"]
    opens = datetime(2026, 11, 23, 8, 30, tzinfo=ZoneInfo("Asia/Urumqi"))
    assert play.at(opens - MINUTE, east, west) == []
    assert play.at(opens, east, west) == ["person:wang new U-1"]


def test_quiet_hours_are_the_persons_own() -> None:
    """At 23:30 in Nantong a colleague in Berlin's zone is at work: only her neighbour's channel waits until morning."""
    contacts = {
        "wang": Contact("wang", "inspector", quiet=NIGHT),
        "eva": Contact("eva", "inspector", quiet=NIGHT, zone="Europe/Berlin"),
    }
    play = Play(world(contacts, (), Channel(1, "email", "wang"), Channel(2, "email", "eva")))
    began = local(11, 23, 23)
    high = matter(1, began)
    night = replace(play.world.routes[1], steps=play.world.routes[0].steps)
    play.world = replace(play.world, routes=(play.world.routes[0], night))
    medium = matter(2, began, "P-2", priority="medium")
    play.at(began + 30 * MINUTE, high, medium)
    drops = {
        (message.recipient, message.priority, drop.kind): drop.quiet_until
        for message, drops in play.decided.messages
        for drop in drops
    }
    assert drops["person:wang", "medium", "email"] == local(11, 24, 7)
    assert drops["person:eva", "medium", "email"] is None
    assert drops["person:wang", "high", "email"] is None  # high breaks the quiet
    assert drops["person:wang", "medium", "inbox"] is None


def test_many_at_once_are_one_message() -> None:
    """Sixty venues at once are one collected message; what follows waits two minutes, then comes collected too."""
    play, began = office(), FRIDAY + 9 * HOUR
    first = [matter(n, began, f"P-{n}") for n in range(60)]
    assert len(play.at(began + MINUTE, *first)) == 60
    assert [len(message.tellings) for message, _ in play.decided.messages] == [60]
    more = [matter(n, began + MINUTE, f"P-{n}") for n in range(60, 90)]
    assert play.at(began + 2 * MINUTE, *first, *more) == []
    assert len(play.at(began + 3 * MINUTE, *first, *more)) == 30
    assert [len(message.tellings) for message, _ in play.decided.messages] == [30]


def test_a_few_come_one_by_one() -> None:
    """As many messages as one can read keep their own: five venues, five messages."""
    play, began = office(), FRIDAY + 9 * HOUR
    few = [matter(n, began, f"P-{n}") for n in range(SINGLES)]
    play.at(began + MINUTE, *few)
    assert [len(message.tellings) for message, _ in play.decided.messages] == [1] * SINGLES


def test_low_alarms_come_as_a_digest_on_the_hour() -> None:
    """Low priority waits for the full hour of the working day, and then is one message."""
    play, began = office(), FRIDAY + 9 * HOUR + 10 * MINUTE
    low = [matter(n, began, f"P-{n}", priority="low") for n in range(3)]
    assert play.at(began + 20 * MINUTE, *low) == []
    assert {each.why for each in play.decided.held} == {"digest"}
    assert len(play.at(FRIDAY + 10 * HOUR, *low)) == 3
    assert [len(message.tellings) for message, _ in play.decided.messages] == [3]


def test_simulated_sites_reach_inboxes_and_marked_channels_only() -> None:
    """Real channels hear of real sites, those marked for the demonstration of simulated ones, and none of both."""
    real, marked = Channel(1, "email", "wang"), Channel(2, "webhook", "wang", demonstration=True)
    play = Play(world(people("wang"), (), real, marked))
    began = FRIDAY + 9 * HOUR
    play.at(began + MINUTE, matter(1, began), matter(2, began, "S-1", simulated=True))
    heard = {
        message.simulated: [drop.kind for drop in FanOut(play.world, began).run(message)]
        for message, _ in play.decided.messages
    }
    assert heard == {False: ["inbox", "email"], True: ["inbox", "webhook"]}


def test_an_alarm_that_nobody_can_be_told_of_is_seen() -> None:
    """Without anybody to tell the outcome says so, and the group is held as such."""
    play = Play(world({}))
    began = FRIDAY + 9 * HOUR
    assert play.at(began + MINUTE, matter(1, began)) == []
    assert play.decided.outcomes == {1: Outcome.NOBODY}
    assert [each.why for each in play.decided.held] == ["nobody"]


# ---------------------------------------------------------------------- the venue, beside the inspector
def with_venue(*contacts: Contact) -> Play:
    """The office of Chongchuan, and a route that tells the venue beside."""
    known = people("wang", li="centre", zhao="centre") | {each.username: each for each in contacts}
    whole = world(known, week())
    return Play(replace(whole, routes=(*whole.routes, TO_VENUE)))


POOL = Contact("pool", "venue", site="P-1")


def test_a_venue_hears_of_its_own_high_alarm_and_when_it_is_over() -> None:
    """Beside the inspector, as new and not as escalated; once a day while it is on; not of its neighbour's."""
    play, began = with_venue(POOL), FRIDAY + 10 * HOUR
    own, other = matter(1, began), matter(2, began, "P-2")
    assert play.at(began + MINUTE, own, other) == ["person:wang new P-1", "person:wang new P-2", "person:pool new P-1"]
    assert play.at(began + 31 * MINUTE, own, other) == ["person:li escalated P-1", "person:li escalated P-2"]
    later = play.at(began + 24 * HOUR + MINUTE, own, other)
    assert [each for each in later if "pool" in each] == ["person:pool repeat P-1"]
    over = replace(own, active=False, returned_at=began + 25 * HOUR)
    assert "person:pool resolved P-1" in play.at(began + 26 * HOUR, over, other)
    assert play.at(began + 27 * HOUR, over) == []


def test_a_venue_is_nobodys_stand_in() -> None:
    """Where the inspector is absent the next step is told at once, as if the venue had not been told."""
    play, began = with_venue(POOL), SATURDAY + 3 * HOUR
    assert play.at(began + MINUTE, matter(1, began)) == ["person:zhao escalated P-1", "person:pool new P-1"]
    nobody = Play(replace(play.world, contacts={"pool": POOL}, duties=(), log={}, sent={}))
    assert nobody.at(began + MINUTE, matter(1, began)) == ["person:pool new P-1"]
    assert nobody.decided.outcomes == {1: Outcome.NOBODY}, "an alarm that only the venue knows of is told to nobody"


def test_the_clock_of_escalation_is_not_the_venues() -> None:
    """A venue that was told before the inspector does not bring the section head nearer."""
    play, began = with_venue(POOL), FRIDAY + 10 * HOUR
    quick = replace(TO_VENUE, group_wait=timedelta())
    slow = tuple(replace(each, group_wait=20 * MINUTE) for each in play.world.routes if not each.beside)
    play = Play(replace(play.world, routes=(*slow, quick)))
    alarm = matter(1, began)
    assert play.at(began, alarm) == ["person:pool new P-1"]
    assert play.at(began + 20 * MINUTE, alarm) == ["person:wang new P-1"]
    assert play.at(began + 49 * MINUTE, alarm) == []
    assert play.at(began + 50 * MINUTE, alarm) == ["person:li escalated P-1"]


def test_a_venue_without_an_account_troubles_nobody() -> None:
    """No stand-in is told in its place, and nothing is reported as undeliverable."""
    play, began = with_venue(), FRIDAY + 10 * HOUR
    assert play.at(began + MINUTE, matter(1, began)) == ["person:wang new P-1"]
    assert play.decided.outcomes == {1: Outcome.TOLD}
    assert play.decided.held == []


def test_a_venue_is_bounded_like_everybody() -> None:
    """Forty devices at once are one message to it, and its simulated namesake's stay apart."""
    play, began = with_venue(POOL, Contact("made", "venue", site="S-1")), FRIDAY + 10 * HOUR
    devices = [matter(n, began) for n in range(1, 41)]
    made = matter(50, began, "S-1", simulated=True)
    told = play.at(began + MINUTE, *devices, made)
    assert [each for each in told if "pool" in each or "made" in each] == ["person:pool new P-1", "person:made new S-1"]
    assert {message.simulated for message, _ in play.decided.messages if message.recipient == "person:made"} == {True}


def test_the_dry_run_names_the_venue_too() -> None:
    """Beside the route that takes the alarm, with its inbox; and nothing of it for a venue without an account."""
    play, began = with_venue(POOL), FRIDAY + 10 * HOUR
    found = plan(play.world, matter(1, began), began)
    assert found.route is not None
    assert (found.route.name_en, found.outcome) == ("High", None)
    ((route, (step,)),) = found.beside
    assert (route.name_en, step.at, [each.recipient.name for each in step.told]) == (
        "The venue is told",
        began + MINUTE,
        ["person:pool"],
    )
    assert [each.kind for each in step.told[0].drops] == ["inbox"]
    ((_, (step,)),) = plan(play.world, matter(2, began, "P-2"), began).beside
    assert step.told == ()
    assert plan(play.world, matter(3, began, priority="low"), began).beside == ()
