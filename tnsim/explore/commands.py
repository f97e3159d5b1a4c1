"""`tnsim explore`: opens the model, then the page. The server is an extra, and missed in one line.

    tnsim explore model.safetensors     then     http://127.0.0.1:8000/
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from rich.console import Console

from tnsim.explore.explored import opened

NEEDED = ("starlette", "uvicorn", "anyio")
errors = Console(stderr=True)


def explore(
    model: Annotated[Path, typer.Argument(help="A model that `tnsim train` or `demo` wrote.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the address 127.0.0.1; 0: any that is free.")] = 8000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Paint a partition with the mouse; see its min-cut in the network, its bound, Renyi-2 and entropy."""
    server = _server()
    ended = server.serve(opened(model), port, not no_browser, lambda text: errors.print(text, highlight=False))
    errors.print("tnsim: stopped" + ("" if ended else "; a computation is still under way and ends with it"))


def _server() -> ModuleType:
    """The server, if what it stands on is there. Raises ValueError naming the extra."""
    try:
        return import_module("tnsim.explore.server")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in NEEDED:
            raise
        raise ValueError(f"explore: wanted {error.name}, found none; pip install 'tnsim[explore]'") from error
