"""What the pages of administrators share: their words, and telling mistakes."""

import streamlit as st

from dashboard.client import ApiError
from dashboard.language import language
from dashboard.problems import failed
from dashboard.shapes import Mistake
from registry.catalogue import text


def w(key: str, /, **fields: object) -> str:
    """A string of the catalogue `keeping` in the reader's language."""
    return text(language(), f"keeping.{key}", **fields)


def refused(error: Exception) -> None:
    """Say what went wrong; of a form each mistake in the reader's language, by its field."""
    if isinstance(error, ApiError) and error.mistakes:
        st.error("\n".join(f"- {sentence(each)}" for each in error.mistakes))
    else:
        failed(error)


def sentence(mistake: Mistake) -> str:
    """A mistake of a form: the field, and what would be right."""
    zh = language() == "zh"
    column = mistake["column_zh"] if zh else mistake["column_en"]
    problem = mistake["problem_zh"] if zh else mistake["problem_en"]
    said = (f"“{mistake['value']}”：" if zh else f"“{mistake['value']}” ") if mistake["value"] else ""
    return f"**{column or ''}** {said}{problem}"
