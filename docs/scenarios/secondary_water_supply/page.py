"""What the page of secondary water supply shows below its table: how many sites are fine by what they measure now."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import streamlit as st


def show(sites: Sequence[Mapping[str, Any]], language: Literal["zh", "en"]) -> None:
    """Draw below the table. `sites` are those of the scenario in scope, as ``GET /api/v1/sites`` answers them."""
    fine = sum(site["state"] == "normal" for site in sites)
    st.caption(f"正常 {fine} / {len(sites)} 处" if language == "zh" else f"{fine} of {len(sites)} sites are fine")
