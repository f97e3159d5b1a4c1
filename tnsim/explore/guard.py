"""Who may ask: the page that this server served, in a browser of this machine. An ASGI layer around the app.

A page of another site can make a browser send requests here, and can name its own host 127.0.0.1 (DNS rebinding): the
Host must be ours, an Origin too, and a request for figures must say that it comes from our own page. Answers carry
headers that let the page load nothing from elsewhere and be shown in no frame.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["API", "Guard", "Refusal", "body_of", "hosts_of"]

API = "/api/"
JSON = "application/json"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Refusal(NamedTuple):
    """Why a request is not answered: an HTTP status and the words."""

    status: int
    error: str

    def response(self) -> JSONResponse:
        """As JSON."""
        return JSONResponse({"error": self.error}, self.status)


def hosts_of(port: int) -> frozenset[str]:
    """What a browser calls this server."""
    names = ("127.0.0.1", "localhost")
    return frozenset(f"{name}:{port}" for name in names) | frozenset(names if port == 80 else ())


class Guard:
    """The app, for requests that are not refused, with HEADERS on every answer."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the server's own start and end. There are no websockets."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            refusal = refused(scope, self._hosts)
            await (refusal.response() if refusal else self._app)(scope, receive, _with_headers(send))


def refused(scope: MutableMapping[str, Any], hosts: frozenset[str]) -> Refusal | None:
    """Why a request is refused, by its head alone; None where it is not."""
    headers, wanted = Headers(scope=scope), sorted(hosts)[0]
    named = [host.lower() for host in headers.getlist("host")]
    if len(named) != 1 or named[0] not in hosts:
        return Refusal(403, f"Host: wanted {wanted}, found {named}")
    for origin in headers.getlist("origin"):
        if origin.lower() not in {f"http://{host}" for host in hosts}:
            return Refusal(403, f"Origin: wanted http://{wanted}, found {origin!r}")
    from_where = headers.get("sec-fetch-site", "none")
    if scope["path"].startswith(API) and from_where not in ("same-origin", "none"):
        return Refusal(403, f"Sec-Fetch-Site: wanted same-origin, found {from_where!r}")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if scope["method"] == "POST" and kind != JSON:
        return Refusal(415, f"Content-Type: wanted {JSON}, found {kind!r}")
    return None


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return sent


async def body_of(request: Request, most: int) -> bytes | Refusal:
    """The body, read no further than `most` bytes, whatever its head says of its length."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return Refusal(413, f"body: wanted at most {most} bytes, found more")
    return bytes(body)
