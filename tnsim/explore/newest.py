"""One worker, and the newest question wins: what was asked before it is given up, waiting or under way.

    ask(one), ask(two), ask(three)    -->    one ends at its next step, two never begins, three is answered
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any

__all__ = ["PATIENCE", "Job", "Newest", "Superseded"]

Tell = Callable[[str], None]
Work = Callable[[Tell], Any]
WHY = "a newer question took its place"
PATIENCE = 3.0  # seconds that an end waits for the work under way


class Superseded(RuntimeError):  # noqa: N818  (no error: somebody asked something newer)
    """A question that a newer one took the place of, or that nobody waits for any more."""


class Job:
    """Work that was asked for, and the future of its answer. tell: hears the steps of the work, in the worker."""

    def __init__(self, work: Work, tell: Tell) -> None:
        self.future: Future[Any] = Future()
        self._work, self._tell = work, tell

    def give_up(self) -> None:
        """Answer at once that it is superseded; the work ends at its next step."""
        self._settle(self.future.set_exception, Superseded(WHY))

    def run(self) -> None:
        """Do the work, in this thread; whatever it ends in is the future's."""
        try:
            found = None if self.future.done() else self._work(self._step)
        except BaseException as error:  # it is handed on, to whoever asked
            self._settle(self.future.set_exception, error)
        else:
            self._settle(self.future.set_result, found)

    def _step(self, text: str) -> None:
        if self.future.done():
            raise Superseded(WHY)
        self._tell(text)

    def _settle(self, settle: Callable[[Any], None], outcome: Any) -> None:
        with suppress(InvalidStateError):  # it was settled before, by the other thread
            settle(outcome)


class Newest:
    """A thread that works on the newest job. Its own thread, started with the first job, ends with the process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._waiting: Job | None = None
        self._running: Job | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def ask(self, work: Work, tell: Tell = lambda text: None) -> Job:
        """A job that takes the place of all before it."""
        job = Job(work, tell)
        with self._changed:
            self._drop()
            if self._closed:
                job.give_up()
                return job
            self._waiting = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()
        return job

    def close(self) -> None:
        """Give up all work and take no more. Does not wait."""
        with self._changed:
            self._closed = True
            self._drop()
            self._changed.notify()

    def ended(self, seconds: float = PATIENCE) -> bool:
        """Whether the worker has ended, within some seconds of its closing."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _drop(self) -> None:
        for job in (self._waiting, self._running):
            if job is not None:
                job.give_up()
        self._waiting = None

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job.run()
            with self._changed:
                self._running = None

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting is not None)
            self._running, self._waiting = self._waiting, None
            return self._running
