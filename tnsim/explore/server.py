"""The page's server, by Starlette and uvicorn, which are an extra: routes, and the loopback address. Over answers.

    GET  /                              the page and its files, all from here
    GET  /api/model                     the model, once
    GET  /api/partition?name=chess:2    the mask of a name         GET /api/examples?label=3    images of a class
    POST /api/bounds   {mask, widths}   the min-cut with any widths
    POST /api/measure  {mask, label, measure}              min-cut and Renyi-2
    POST /api/entropy  {mask, label, measure, seconds}     lines of JSON: progress .., and then the entropy

Renyi-2 and the entropy have a worker each, and the newest question wins: an older one is answered "superseded".
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import suppress
from importlib.resources import files
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from tnsim import partitions
from tnsim.explore import answers, questions
from tnsim.explore.explored import Explored
from tnsim.explore.guard import Guard, Refusal, body_of, hosts_of
from tnsim.explore.newest import PATIENCE, Newest, Superseded
from tnsim.memory import MemoryLimitError

__all__ = ["Explorer", "app_of", "serve"]

LOOPBACK = "127.0.0.1"
FILES = {  # what the page is made of: path, where it lies, and its type
    "/": ("tnsim.explore", "page/index.html", "text/html"),
    "/base.css": ("tnsim.report", "style.css", "text/css"),
    "/explore.css": ("tnsim.explore", "page/explore.css", "text/css"),
    "/icon.svg": ("tnsim.explore", "page/icon.svg", "image/svg+xml"),
    **{
        f"/{name}.js": ("tnsim.explore", f"page/{name}.js", "text/javascript")
        for name in ("axis", "cut", "grid", "main", "network", "server", "svg", "text", "widths")
    },
}
HEAD_ROOM, PER_SITE = 2**16, 8  # bytes of a body: "false, " and a little for each site
REFUSED = (ValueError, MemoryLimitError)  # what a question can be to blame for


class Explorer:
    """The answers to a page's requests, with the workers that find them."""

    def __init__(self, explored: Explored) -> None:
        self.explored = explored
        self._quick, self._slow = Newest("tnsim-renyi"), Newest("tnsim-entropy")
        self._most = HEAD_ROOM + PER_SITE * explored.arch.size

    async def model(self, request: Request) -> Response:
        """What does not change."""
        return JSONResponse(await run_in_threadpool(self.explored.described))

    async def partition(self, request: Request) -> Response:
        """The mask of a named partition."""
        mask = partitions.mask(self.explored.arch, request.query_params.get("name", ""), "name")
        return JSONResponse({"mask": mask.tolist()})

    async def examples(self, request: Request) -> Response:
        """Images of a class."""
        text = request.query_params.get("label", "")
        label = questions.label_in(self.explored, int(text) if text.isdecimal() and len(text) < 9 else text)
        return JSONResponse({"images": self.explored.examples.to_json(label)})

    async def bounds(self, request: Request) -> Response:
        """A min-cut."""
        asked = questions.bounds(self.explored, await self._body(request))
        return JSONResponse(await run_in_threadpool(answers.bound, self.explored, asked))

    async def measure(self, request: Request) -> Response:
        """The min-cut and Renyi-2; 409 where a newer question came before the answer."""
        asked = questions.of_state(self.explored, await self._body(request))
        job = self._quick.ask(lambda step: answers.measured(self.explored, asked))
        return JSONResponse(await asyncio.wrap_future(job.future))

    async def entropy(self, request: Request) -> Response:
        """The certified entropy, as lines of JSON while it is looked for."""
        asked = questions.of_state(self.explored, await self._body(request))
        return StreamingResponse(self._lines(asked), media_type="application/x-ndjson")

    def close(self) -> None:
        """Give up what is under way, so that all answers end."""
        for worker in (self._quick, self._slow):
            worker.close()

    def ended(self, seconds: float = PATIENCE) -> bool:
        """Whether both workers have ended, some seconds after `close`."""
        return all([worker.ended(seconds) for worker in (self._quick, self._slow)])

    async def _body(self, request: Request) -> bytes:
        body = await body_of(request, self._most)
        if isinstance(body, Refusal):
            raise HTTPException(*body)
        return body

    async def _lines(self, asked: questions.StateQuestion) -> AsyncIterator[bytes]:
        """Progress as it is told in the worker, then the outcome. Whoever stops reading gives the question up."""
        loop, lines = asyncio.get_running_loop(), asyncio.Queue[dict[str, Any] | None]()
        put: Callable[[Any], Any] = lambda line: loop.call_soon_threadsafe(lines.put_nowait, line)  # noqa: E731
        job = self._slow.ask(
            lambda step: answers.certified(self.explored, asked, step), lambda text: put({"progress": text})
        )
        job.future.add_done_callback(lambda _: put(None))
        try:
            while (line := await lines.get()) is not None:
                yield _line(line)
            yield _line(_outcome(job.future))
        finally:
            job.give_up()


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, allow_nan=False).encode() + b"\n"


def _outcome(future: Future[Any]) -> dict[str, Any]:
    try:
        return future.result()
    except Superseded:
        return {"superseded": True}
    except REFUSED as error:
        return {"error": str(error)}


def app_of(explorer: Explorer, port: int) -> ASGIApp:
    """The whole application, guarded for the port that it is served at."""
    routes = [Route(path, _file(*where)) for path, where in FILES.items()]
    routes += [Route(f"/api/{name}", getattr(explorer, name)) for name in ("model", "partition", "examples")]
    routes += [Route(f"/api/{n}", getattr(explorer, n), methods=["POST"]) for n in ("bounds", "measure", "entropy")]
    handlers: dict[Any, Any] = {HTTPException: _http_error, Superseded: _superseded}
    handlers |= dict.fromkeys(REFUSED, _value_error)
    return Guard(Starlette(routes=routes, exception_handlers=handlers), hosts_of(port))


def _file(package: str, name: str, kind: str) -> Callable[[Request], Response]:
    content = files(package).joinpath(name).read_bytes()
    return lambda request: Response(content, media_type=kind)


def _http_error(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _superseded(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error), "superseded": True}, 409)


def _value_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 422)


class _Server(uvicorn.Server):
    """Ctrl-C first ends the answers that are under way, which the server else waits for."""

    def __init__(self, config: uvicorn.Config, closing: Callable[[], None]) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to end."""
        self._closing()
        super().handle_exit(sig, frame)


def serve(explored: Explored, port: int, browser: bool, say: Callable[[str], None]) -> bool:
    """Serve the page on the loopback address until Ctrl-C. port 0: any that is free. Says the address.

    Returns whether all work had ended a few seconds later. Raises ValueError for a port that cannot be had.
    """
    bound = _bound(port)
    port = bound.getsockname()[1]
    explorer, url = Explorer(explored), f"http://{LOOPBACK}:{port}/"
    config = uvicorn.Config(
        app_of(explorer, port), log_config=None, access_log=False, server_header=False, ws="none", lifespan="off",
        timeout_graceful_shutdown=3,
    )  # fmt: skip
    say(f"{explored.name} is at {url} (this machine only); Ctrl-C ends it")
    if browser:  # in a thread: some browsers are programs of the terminal, and are waited for
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    with suppress(KeyboardInterrupt):
        _Server(config, explorer.close).run(sockets=[bound])
    explorer.close()
    return explorer.ended()


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, port))
    except OSError as error:
        bound.close()
        raise ValueError(f"--port: wanted a port of {LOOPBACK} that is free, found {port}: {error.strerror}") from error
    bound.listen()
    return bound
