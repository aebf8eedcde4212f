"""What the documents of medical waste are filled with: the register, the manifest, the vehicle card.

The register has the seven fields of 医疗废物管理条例 Art 12; the manifest is the monthly one in two copies that medical
waste has of its own, the card is one a vehicle and day (from memory: templates that the agency edits).
Pure: rows in, fields out. Weights are net kilograms to the gram.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from registry.waste.catalogue import categories
from registry.waste.model import WasteRegistry

Row = Mapping[str, Any]
BLANK: Final = "＿＿＿"
COPIES: Final = ("第一联　产生单位存", "第二联　处置单位存")
_INFECTIOUS, _SHARPS = 1, 2


@dataclass(frozen=True, slots=True)
class Words:
    """How codes are written: `site` gives the name of a site; times are in `zone`; `made` is when it is printed."""

    registry: WasteRegistry
    site: Callable[[str], str]
    zone: ZoneInfo
    made: datetime

    def names(self, codes: Iterable[str]) -> str:
        """Those who signed, by name where they are registered; a line to sign on where nobody did."""
        known = self.registry.handlers
        return "、".join(known[code].name if code in known else code for code in dict.fromkeys(codes)) or BLANK

    def minute(self, at: datetime | None) -> str:
        """A moment on the wall clock."""
        return BLANK if at is None else f"{at.astimezone(self.zone):%m-%d %H:%M}"

    def receiver(self, code: str | None) -> str:
        """A receiver's name."""
        known = self.registry.receivers.get(code or "")
        return known.name_zh if known else code or BLANK

    @property
    def printed(self) -> str:
        """When it was made."""
        return f"{self.made.astimezone(self.zone):%Y-%m-%d %H:%M}"


def kg(grams: int | None) -> str:
    """Kilograms to the gram; a line to write on where it was not weighed."""
    return BLANK if grams is None else f"{grams / 1_000:.3f}"


def register(rows: Sequence[Row], words: Words, site: str, month: str) -> dict[str, Any]:
    """The fields of ``waste_register``, of `store.queries.waste.collected`'s rows."""
    wards = words.registry.wards
    made = []
    for row in rows:
        ward, receiver = wards.get((site, row["ward"] or "")), words.registry.receivers.get(row["receiver"] or "")
        made.append(
            {
                "tag": row["tag"],
                "source": ward.name_zh if ward else row["ward"] or BLANK,
                "category": _category(row["category"]),
                "kg": kg(row["net_g"]),
                "handed": words.minute(row["handed_at"]),
                "method": (receiver.method if receiver else "") or BLANK,
                "destination": words.receiver(row["receiver"]),
                "signed": words.names(row["signed_by"]),
            }
        )
    return {
        "institution": words.site(site),
        "month": month,
        "rows": made,
        "count": str(len(rows)),
        "total": kg(sum(row["net_g"] or 0 for row in rows)),
        "waiting": str(sum(row["handed_at"] is None for row in rows)),
        "made": words.printed,
    }


def manifest(rows: Sequence[Row], words: Words, site: str, month: str) -> dict[str, Any]:
    """The fields of ``waste_manifest``, of `store.queries.waste.handed_over`'s rows: a line a day and number."""
    by_day = groupby(rows, lambda row: _day_and_number(row, words))
    made = [_manifest_line(key, list(group), words) for key, group in by_day]
    receivers = dict.fromkeys(words.receiver(row["receiver"]) for row in rows)
    return {
        "copies": list(COPIES),
        "institution": words.site(site),
        "receiver": "、".join(receivers) or BLANK,
        "month": month,
        "rows": made,
        **_totals(rows),
        "made": words.printed,
    }


def _day_and_number(row: Row, words: Words) -> tuple[date, str]:
    return row["ts"].astimezone(words.zone).date(), row["manifest"] or ""


def _manifest_line(key: tuple[date, str], rows: Sequence[Row], words: Words) -> dict[str, str]:
    def weight(wanted: Callable[[int | None], bool]) -> str:
        return kg(sum(row["net_g"] or 0 for row in rows if wanted(row["category"])))

    return {
        "day": f"{key[0]:%m-%d}",
        "manifest": key[1] or BLANK,
        "infectious": weight(lambda number: number == _INFECTIOUS),
        "sharps": weight(lambda number: number == _SHARPS),
        "other": weight(lambda number: number not in (_INFECTIOUS, _SHARPS)),
        "pieces": str(len(rows)),
        "kg": kg(sum(row["net_g"] or 0 for row in rows)),
        "received": _received(rows),
        "signed": words.names(code for row in rows for code in row["signed_by"]),
        "taken": words.names(code for row in rows for code in row["taken_by"] or ()),
    }


def vehicle_card(rows: Sequence[Row], words: Words, vehicle: str, day: date) -> dict[str, Any]:
    """The fields of ``waste_vehicle_card``, of `store.queries.waste.handed_over`'s rows of a vehicle: a line a stop."""
    known = words.registry.vehicles[vehicle]
    receiver = words.registry.receivers[known.receiver]
    made = []
    for number, ((site, told), group) in enumerate(groupby(rows, lambda row: (row["site"], row["manifest"])), start=1):
        pieces = list(group)
        made.append(
            {
                "number": str(number),
                "time": f"{pieces[0]['ts'].astimezone(words.zone):%H:%M}",
                "institution": words.site(site),
                "manifest": told or BLANK,
                "pieces": str(len(pieces)),
                "kg": kg(sum(row["net_g"] or 0 for row in pieces)),
                "signed": words.names(code for row in pieces for code in row["signed_by"]),
                "received": _received(pieces),
            }
        )
    return {
        "plate": known.plate,
        "receiver": receiver.name_zh,
        "licence": receiver.licence,
        "day": day.isoformat(),
        "rows": made,
        "pieces": str(len(rows)),
        **_totals(rows),
        "made": words.printed,
    }


def _received(rows: Sequence[Row]) -> str:
    """What the disposer weighed of these; a line to write on while it has weighed none of them."""
    weighed = [row["received_g"] for row in rows if row["received_g"] is not None]
    return kg(sum(weighed) if weighed else None)


def _totals(rows: Sequence[Row]) -> dict[str, str]:
    handed = sum(row["net_g"] or 0 for row in rows)
    received = sum(row["received_g"] or 0 for row in rows)
    return {"total": kg(handed), "received": kg(received), "gap": kg(handed - received)}


def _category(number: int | None) -> str:
    known = categories().get(number or 0)
    return f"{known.name_zh} {known.code}" if known else BLANK
