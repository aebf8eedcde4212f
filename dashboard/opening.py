"""Opening hours as a reader writes them."""

from dashboard.language import t
from dashboard.shapes import Site


def opening_text(site: Site) -> str:
    """``每日 06:00–22:00``, ``24 小时``, or weekday by weekday with equal neighbours joined."""
    if site["around_the_clock"]:
        return t("opening.always")
    days = [", ".join(f"{opens}–{closes}" for opens, closes in day) or t("opening.closed") for day in site["opening"]]
    if len(set(days)) == 1:
        return t("opening.daily", hours=days[0])
    runs: list[tuple[int, int, str]] = []
    for day, hours in enumerate(days):
        if runs and runs[-1][2] == hours:
            runs[-1] = (runs[-1][0], day, hours)
        else:
            runs.append((day, day, hours))
    return t("opening.joint").join(
        f"{t(f'weekday.{first}')}{'' if first == last else '–' + t(f'weekday.{last}')} {hours}"
        for first, last, hours in runs
    )
