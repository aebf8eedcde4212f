"""The dashboard as a service: Streamlit behind uvicorn, with the few routes of our own that pages need."""

import logging
import signal
from pathlib import Path
from typing import Final

import streamlit as st
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dashboard import cookies, display, exports, installing, public_page
from dashboard.map_outline import outline
from dashboard.settings import DashboardSettings, configure

__all__ = ["DashboardSettings", "application", "run"]

LOG: Final = logging.getLogger(__name__)
FOLDER: Final = Path(__file__).parent
END_WITHIN_S: Final = 3


async def _outline(_request: Request) -> Response:
    return JSONResponse(outline(), headers={"Cache-Control": "max-age=3600"})


class _Assets(StaticFiles):
    """Our scripts; the browser asks each time whether they changed (an ETag), so that an upgrade shows at once."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        answer = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        answer.headers["Cache-Control"] = "no-cache"
        return answer


def application() -> st.App:
    """The ASGI application: our routes first, then Streamlit's."""
    return st.App(
        FOLDER / "app.py",
        routes=[
            Route("/session", cookies.set_session, methods=["POST"]),
            Route("/session", cookies.end_session, methods=["DELETE"]),
            Route("/export/sites/{code}/readings.{ending:str}", exports.site_readings),
            Route("/export/alarms.{ending:str}", exports.alarms),
            Route("/export/samples-template.xlsx", exports.sample_template),
            Route("/export/cases.{ending:str}", exports.cases),
            Route("/export/cases/{case:int}/files/{file:int}", exports.case_file),
            Route("/export/cases/{case:int}/documents/{name:str}", exports.case_document),
            Route("/export/evidence/{package:int}/{name:str}", exports.evidence),
            Route("/export/documents/{name:str}", exports.template),
            Route("/export/anchors.jsonl", exports.anchors),
            Route("/export/verify.py", exports.checker),
            Route("/export/registry/{name:str}", exports.registry),
            Route("/public", public_page.page),
            Route("/public/vote", public_page.vote, methods=["POST"]),
            Route("/display/{key:str}", display.page),
            Route("/display/{key:str}/values", display.values),
            *(Route(f"/{name}", installing.page) for name in installing.PAGES),
            Route("/landun-app/{name:str}.webmanifest", installing.manifest),
            Route("/landun/outline.json", _outline),
            Mount("/landun", _Assets(directory=FOLDER / "static")),
        ],
    )


def run(settings: DashboardSettings) -> None:
    """Serve until SIGTERM or SIGINT; returns within a few seconds of either, with browsers still connected."""
    configure(settings)
    # uvicorn raises the signal again after it has shut down; with this handler that ends in a return, not a kill.
    signal.signal(signal.SIGTERM, lambda *_: None)
    LOG.info("dashboard listens on http://%s:%d, API at %s", settings.host, settings.port, settings.api_url)
    uvicorn.run(
        application(),
        host=settings.host,
        port=settings.port,
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=END_WITHIN_S,
    )
