"""An invented city of institutions that give medical waste, drawn from a seed: as many as there are, or a handful.

Sizes follow what a prefecture-level city has: a few tertiary hospitals, some fifty secondary ones, township hospitals
and smaller ones, and some three thousand clinics without beds. What a bed gives a day (0.3–1.0 kg) is the domain
notes' figure for hospitals; all else is made up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.noise import Floats
from simulators.waste.model import City, Ints, Tier, WardKind
from simulators.waste.routes import planned

INSTITUTIONS: Final = 3_499
WITH_BEDS: Final = 409
STOPS_A_DAY: Final = 40
"""Institutions a vehicle can visit in a day."""
BEDS_A_WARD: Final = 28
DEPARTURE: Final = 7.0 * 60
"""Minute of the local day at which vehicles leave."""

_TIERS: Final = (
    # Tier, share of the institutions with beds, fewest and most beds.
    (Tier.TERTIARY, 0.03, 800, 2_400),
    (Tier.SECONDARY, 0.11, 200, 800),
    (Tier.HOSPITAL, 0.40, 20, 120),
    (Tier.TOWNSHIP, 0.46, 15, 99),
)
_COUNTIES: Final = (
    # Code, letters, longitude and latitude of the seat, share of the city's institutions.
    ("320602", "cc", 120.872, 32.005, 0.25),
    ("320614", "hm", 121.170, 31.895, 0.13),
    ("320612", "tz", 121.070, 32.075, 0.13),
    ("320681", "qd", 121.655, 31.815, 0.13),
    ("320682", "rg", 120.565, 32.385, 0.14),
    ("320685", "ha", 120.465, 32.540, 0.11),
    ("320623", "rd", 121.185, 32.325, 0.11),
)
_RECEIVERS: Final = (("nt-cc-s01", 120.905, 31.985), ("nt-rg-s01", 120.590, 32.370))
_SPREAD_DEG: Final = 0.07
_SPECIAL: Final = {
    # Kind of ward: share of its institution's waste that it gives.
    WardKind.THEATRE: 0.08,
    WardKind.LABORATORY: 0.05,
    WardKind.PHARMACY: 0.02,
    WardKind.OUTPATIENT: 0.15,
}


@dataclass(frozen=True, slots=True)
class _Institutions:
    codes: tuple[str, ...]
    county: Ints
    tier: Ints
    beds: Ints
    visits: Ints
    lon: Floats
    lat: Floats


@dataclass(frozen=True, slots=True)
class _Wards:
    codes: tuple[str, ...]
    of: Ints
    kind: Ints
    grams: Floats
    rank: Floats


def city(
    seed: int,
    institutions: int = INSTITUTIONS,
    with_beds: int = WITH_BEDS,
    *,
    counties: int = len(_COUNTIES),
    stops_a_day: int = STOPS_A_DAY,
    departures: Sequence[float] = (DEPARTURE,),
) -> City:
    """The city of a seed, in its first so many counties; vehicles leave at `departures` (minutes of the day) in turn.

    Raises `ValueError` where it would have more hospitals than institutions.
    """
    if not 0 <= with_beds <= institutions or institutions < 1:
        raise ValueError(f"{with_beds} institutions with beds of {institutions}: must be between 0 and all of them")
    rng = np.random.default_rng([seed, 9])
    own = _institutions(rng, institutions, with_beds, counties)
    every = np.where(own.beds > 0, 1, 2).astype(np.int64)
    vehicle, receiver_of = _vehicles(own, every, stops_a_day)
    parity = _parity(own, every, vehicle)
    receivers = np.array([each[1:] for each in _RECEIVERS])
    leaving = np.resize(np.array(departures, dtype=np.float64), len(receiver_of))
    routes = planned(own.lon, own.lat, own.beds, every, parity, vehicle, receivers[receiver_of], leaving)
    rate = np.clip(rng.normal(580.0, 120.0, institutions), 320.0, 950.0)
    visit = rng.uniform(18.0, 42.0, institutions)
    wards = _wards(own, own.beds * rate + own.visits * visit)
    return City(
        seed=seed,
        codes=own.codes,
        counties=tuple(_COUNTIES[each][0] for each in own.county.tolist()),
        tier=own.tier,
        beds=own.beds,
        visits=own.visits,
        lon=own.lon,
        lat=own.lat,
        every_days=every,
        parity=parity,
        vehicle=vehicle,
        ward_codes=wards.codes,
        ward_of=wards.of,
        ward_kind=wards.kind,
        ward_g=wards.grams,
        ward_rank=wards.rank,
        vehicle_codes=tuple(f"nt-v{number + 1:02d}" for number in range(len(receiver_of))),
        plates=tuple(f"苏F-W{number + 1:04d}" for number in range(len(receiver_of))),
        receiver_of=receiver_of,
        receiver_codes=tuple(each[0] for each in _RECEIVERS),
        receiver_lon=receivers[:, 0],
        receiver_lat=receivers[:, 1],
        routes=routes,
    )


def demonstration_city(seed: int) -> City:
    """The few institutions of the demonstration: four with beds, four clinics, two vehicles, one disposer.

    One vehicle drives in the morning and one in the afternoon, so that there is something to see for longer.
    """
    return city(seed, 8, 4, counties=1, stops_a_day=3, departures=(8.5 * 60, 13.5 * 60))


def _institutions(rng: np.random.Generator, size: int, with_beds: int, counties: int) -> _Institutions:
    """Those with beds first, the largest before all."""
    shares = np.cumsum([share for _, share, _, _ in _TIERS])
    position = (np.arange(with_beds) + 0.5) / max(with_beds, 1)
    rank = np.minimum(np.searchsorted(shares, position), len(_TIERS) - 1)
    tier = np.full(size, Tier.CLINIC, dtype=np.int64)
    beds = np.zeros(size, dtype=np.int64)
    tier[:with_beds] = np.array([each[0] for each in _TIERS])[rank]
    low, high = np.array([each[2] for each in _TIERS])[rank], np.array([each[3] for each in _TIERS])[rank]
    beds[:with_beds] = (low * (high / low) ** rng.random(with_beds)).astype(np.int64)
    hospital_visits = np.maximum(40, beds * rng.uniform(1.5, 3.0, size)).astype(np.int64)
    weights = np.array([each[4] for each in _COUNTIES[:counties]])
    county = rng.choice(counties, size, p=weights / weights.sum())
    spread = np.clip(rng.normal(0.0, _SPREAD_DEG, (2, size)), -1.6 * _SPREAD_DEG, 1.6 * _SPREAD_DEG)
    letters = [_COUNTIES[each][1] for each in county.tolist()]
    kinds = np.where(beds > 0, "h", "c").tolist()
    return _Institutions(
        codes=tuple(f"nt-{a}-{b}{n + 1:04d}" for n, (a, b) in enumerate(zip(letters, kinds, strict=True))),
        county=county,
        tier=tier,
        beds=beds,
        visits=np.where(beds > 0, hospital_visits, rng.integers(8, 61, size)),
        lon=np.round(np.array([each[2] for each in _COUNTIES])[county] + spread[0], 6),
        lat=np.round(np.array([each[3] for each in _COUNTIES])[county] + spread[1], 6),
    )


def _vehicles(own: _Institutions, every: Ints, stops_a_day: int) -> tuple[Ints, Ints]:
    """The vehicle of each institution, and the disposer of each vehicle: neighbours of a county share a vehicle."""
    vehicle = np.zeros(len(own.beds), dtype=np.int64)
    receivers: list[int] = []
    for number, (code, *_rest) in enumerate(_COUNTIES):
        members = np.flatnonzero(own.county == number)
        if not len(members):
            continue
        load = 1 / every[members]
        tours = max(1, round(float(load.sum()) / stops_a_day))
        order = np.argsort(own.lon[members] + own.lat[members], kind="stable")
        share = np.minimum((np.cumsum(load[order]) / load.sum() * tours).astype(np.int64), tours - 1)
        vehicle[members[order]] = len(receivers) + share
        receivers += [1 if code in {"320682", "320685"} else 0] * tours
    return vehicle, np.array(receivers, dtype=np.int64)


def _parity(own: _Institutions, every: Ints, vehicle: Ints) -> Ints:
    """On which days a clinic is visited: half a vehicle's clinics on each."""
    parity = np.zeros(len(every), dtype=np.int64)
    clinics = np.flatnonzero(every == 2)
    parity[clinics[np.lexsort((own.lat[clinics], vehicle[clinics]))]] = np.arange(len(clinics)) % 2
    return parity


def _wards(own: _Institutions, daily_g: Floats) -> _Wards:
    """Wards with beds, and what else a hospital has; a clinic is one out-patient ward."""
    codes: list[str] = []
    rows: list[tuple[int, int, float, float]] = []
    for institution, (beds, grams) in enumerate(zip(own.beds.tolist(), daily_g.tolist(), strict=True)):
        if not beds:
            codes.append("w01")
            rows.append((institution, WardKind.OUTPATIENT, grams, 0.5))
            continue
        number = max(1, round(beds / BEDS_A_WARD))
        special = {kind: share for kind, share in _SPECIAL.items() if beds >= 100 or kind is WardKind.OUTPATIENT}
        left = (1 - sum(special.values())) / number
        shares = [(WardKind.BEDS, left)] * number + list(special.items())
        for position, (kind, share) in enumerate(shares):
            codes.append(f"w{position + 1:02d}")
            rows.append((institution, kind, grams * share, (position + 0.5) / len(shares)))
    table = np.array(rows)
    return _Wards(tuple(codes), table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2], table[:, 3])
