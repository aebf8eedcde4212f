"""Downloads: the API's CSV and XLSX streams passed on to the browser, which only has the session cookie."""

from collections.abc import AsyncIterator
from typing import Final

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from dashboard.client import PREFIX, trusted
from dashboard.cookies import COOKIE
from dashboard.settings import current

TIMEOUT: Final = httpx.Timeout(60.0, connect=2.0)
PASSED_ON: Final = ("content-type", "content-disposition", "x-content-type-options", "content-security-policy")


async def site_readings(request: Request) -> Response:
    """``GET /export/sites/{code}/readings.{csv|xlsx}?from&to``."""
    code, ending = request.path_params["code"], request.path_params["ending"]
    return await _pass_on(request, f"/sites/{code}/readings.{ending}", f"landun-{code}.{ending}")


async def alarms(request: Request) -> Response:
    """``GET /export/alarms.{csv|xlsx}`` with the filters of the API."""
    ending = request.path_params["ending"]
    return await _pass_on(request, f"/alarms.{ending}", f"landun-alarms.{ending}")


async def registry(request: Request) -> Response:
    """``GET /export/registry/{name}``: the workbook to fill in, what is registered, or one of its tables."""
    name = request.path_params["name"]
    path = "/registry.xlsx" if name == "registry.xlsx" else f"/registry/{name}"
    return await _pass_on(request, path, f"landun-{name}")


async def sample_template(request: Request) -> Response:
    """``GET /export/samples-template.xlsx``: the workbook for manual results."""
    return await _pass_on(request, "/samples/template.xlsx", "landun-samples.xlsx")


async def cases(request: Request) -> Response:
    """``GET /export/cases.{csv|xlsx}`` with the filters of the API."""
    ending = request.path_params["ending"]
    return await _pass_on(request, f"/cases.{ending}", f"landun-cases.{ending}")


async def case_file(request: Request) -> Response:
    """``GET /export/cases/{case}/files/{file}``: a photo or paper of a case."""
    case, file = request.path_params["case"], request.path_params["file"]
    return await _pass_on(request, f"/cases/{case}/files/{file}", f"landun-{case}-{file}")


async def case_document(request: Request) -> Response:
    """``GET /export/cases/{case}/documents/{name}``: a document about a case, with what a person adds to it."""
    case, name = request.path_params["case"], request.path_params["name"]
    return await _pass_on(request, f"/cases/{case}/documents/{name}", f"landun-{name}")


async def evidence(request: Request) -> Response:
    """``GET /export/evidence/{package}/{name}``: an evidence package, or its report."""
    package, name = request.path_params["package"], request.path_params["name"]
    return await _pass_on(request, f"/evidence/{package}/{name}", f"landun-evidence-{package}-{name}")


async def template(request: Request) -> Response:
    """``GET /export/documents/{name}``: a template, to be edited."""
    name = request.path_params["name"]
    return await _pass_on(request, f"/documents/{name}", name)


async def anchors(request: Request) -> Response:
    """``GET /export/anchors.jsonl``: the published anchors."""
    return await _pass_on(request, "/anchors.jsonl", "anchors.jsonl")


async def checker(request: Request) -> Response:
    """``GET /export/verify.py``: the stand-alone checker of evidence packages."""
    return await _pass_on(request, "/verify.py", "verify.py")


async def _pass_on(request: Request, path: str, name: str) -> Response:
    token = request.cookies.get(COOKIE)
    if not token:
        return PlainTextResponse("请重新登录 · Sign in again", status_code=401)
    client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, verify=trusted())
    asked = client.build_request(
        "GET",
        f"{current().api_url.rstrip('/')}{PREFIX}{path}",
        params=list(request.query_params.multi_items()),
        headers={"Authorization": f"Bearer {token}"},
    )
    try:
        answer = await client.send(asked, stream=True)
    except httpx.HTTPError:
        await client.aclose()
        return PlainTextResponse("数据服务无应答 · The API does not answer", status_code=502)
    headers = {key: answer.headers[key] for key in PASSED_ON if key in answer.headers}
    if answer.is_success:
        headers.setdefault("content-disposition", f'attachment; filename="{name}"')

    async def body() -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.aiter_bytes():
                yield chunk
        finally:
            await answer.aclose()
            await client.aclose()

    return StreamingResponse(body(), status_code=answer.status_code, headers=headers)
