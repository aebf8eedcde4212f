"""What several answers have in common."""

from typing import Literal, TypedDict

Priority = Literal["high", "medium", "low"]


class Mistake(TypedDict):
    """Something wrong at one place of a file or form."""

    sheet_zh: str
    sheet_en: str
    row: int
    column_zh: str | None
    column_en: str | None
    value: str
    text_zh: str
    text_en: str
    problem_zh: str
    problem_en: str
