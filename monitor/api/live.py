"""The WebSocket of the live feed."""

import asyncio
import logging
from typing import Annotated, Final

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from monitor.api.context import Context, Shared
from monitor.api.database import DatabaseMissingError
from monitor.api.feed import (
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
    VIEWERS,
    ChannelItem,
    SlowViewerError,
    Viewer,
    pump,
    visible,
)
from monitor.api.health import health_of
from monitor.api.schemas import HealthFrame, HelloFrame
from monitor.api.scope import Principal
from monitor.api.settings import VERSION
from monitor.api.tokens import TokenError

log = logging.getLogger(__name__)
router = APIRouter(tags=["live"])

CLOSE_TIMEOUT_S: Final = 5.0
AUTHORITY_CHECK_S: Final = 5.0
"""How often an open feed asks whether its token still holds."""


@router.websocket("/live")
async def live(socket: WebSocket, shared: Shared, token: Annotated[str, Query()] = "") -> None:
    """Frames as `monitor.api.schemas.LiveFrame`; closed with 1008 when the token ends, 1013 when too slow."""
    token = token or socket.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        principal, _ = shared.principal_of(token)
    except TokenError as error:
        await socket.close(POLICY_VIOLATION, str(error))
        return
    except DatabaseMissingError:
        await socket.close(TRY_AGAIN_LATER, "database missing")
        return
    if principal.one_time:
        await socket.close(POLICY_VIOLATION, "choose a password of your own first")
        return
    now = shared.refresher.snapshot
    if now is None or len(shared.hub) >= VIEWERS:
        await socket.close(TRY_AGAIN_LATER, "not ready" if now is None else f"{VIEWERS} viewers are the most")
        return
    await socket.accept()
    viewer = shared.hub.join(principal)
    viewer.put_health(HealthFrame(health=health_of(shared)).model_dump_json().encode())
    try:
        # Hundreds of thousands of values take a while to write: not on the event loop, where everybody else waits.
        viewer.put_present(await asyncio.to_thread(_present, shared, principal))
        await _serve(socket, shared, viewer, principal, token)
    finally:
        shared.hub.leave(viewer)


def _present(shared: Context, principal: Principal) -> list[ChannelItem]:
    """The newest value of every channel that a person sees."""
    now = shared.refresher.snapshot
    return [] if now is None else list(visible(shared.refresher.items(), now.registry, principal))


async def _serve(socket: WebSocket, shared: Context, viewer: Viewer, principal: Principal, token: str) -> None:
    hello = HelloFrame(at=shared.clock(), version=VERSION, username=principal.username)
    tasks = {
        asyncio.ensure_future(_greet_and_pump(socket, viewer, hello)),
        asyncio.ensure_future(_listen(socket)),
        asyncio.ensure_future(_hold_authority(shared, principal, token)),
    }
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    except WebSocketDisconnect:
        pass
    except SlowViewerError as error:
        log.warning("viewer %s evicted: %s", principal.username, error)
        shared.hub.leave(viewer)
        await _close(socket, TRY_AGAIN_LATER, str(error))
    except TokenError as error:
        await _close(socket, POLICY_VIOLATION, str(error))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _greet_and_pump(socket: WebSocket, viewer: Viewer, hello: HelloFrame) -> None:
    await socket.send_text(hello.model_dump_json())
    await pump(viewer, socket.send_text)


async def _listen(socket: WebSocket) -> None:
    """Read and drop what the viewer says, to learn when it goes."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))


async def _hold_authority(shared: Context, principal: Principal, token: str) -> None:
    """Raise `TokenError` when the token expires, or the person's password, role or scope is changed."""
    while True:
        await asyncio.sleep(AUTHORITY_CHECK_S)
        if shared.principal_of(token)[0] != principal:
            raise TokenError.of("refusal.tokens.changed")


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    """Close, without waiting long for a viewer that reads nothing.

    What is left in its buffers the kernel drops after TCP_USER_TIMEOUT, which `service.listen` sets.
    """
    try:
        await asyncio.wait_for(socket.close(code, reason), CLOSE_TIMEOUT_S)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        log.info("a viewer did not take its closing frame %d", code)
