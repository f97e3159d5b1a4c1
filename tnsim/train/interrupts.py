"""Ctrl-C at a moment when it is safe. Imports nothing of tnsim; used by the training loop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def ctrl_c_between_chunks() -> Iterator[Callable[[], None]]:
    """Gives a function that raises KeyboardInterrupt if Ctrl-C was pressed since; a second Ctrl-C raises at once.

    An interrupt inside a compilation or a running step ends some processes in a segmentation fault at exit. Outside of
    the main thread, which alone hears signals, the function does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    pressed: list[int] = []
    previous = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: object) -> None:
        if pressed:
            signal.default_int_handler(number, None)
        pressed.append(number)

    def stop_if_asked() -> None:
        if pressed:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield stop_if_asked
    finally:
        signal.signal(signal.SIGINT, previous or signal.default_int_handler)
