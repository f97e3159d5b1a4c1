"""Who runs trials: processes of this machine, one a core, or the workers of a dask cluster. Uses the registry.

    trials --[ submitted by name and settings ]--> workers --[ as they finish ]--> Trial or TrialError, one by one
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import Any

import jax
import threadpoolctl

from tnsim.experiments.experiment import Settings, Trial, key
from tnsim.experiments.registry import named
from tnsim.surroundings import crowded, processors

__all__ = ["ClusterError", "TrialError", "Trials", "here", "on_cluster"]

ANSWER_WITHIN = 30  # seconds

Finished = Iterator["Trial | TrialError"]
Trials = Callable[[str, Iterable[Settings]], AbstractContextManager[Finished]]


class ClusterError(ConnectionError):
    """A cluster that does not answer, or no dask to ask it with."""


class TrialError(RuntimeError):
    """A trial that ended in an error: names it, and the error."""


def run_trial(name: str, settings: Settings) -> Trial:
    """One trial of the experiment of this name, timed; what a worker is given."""
    begun = time.process_time()  # the processor's: other work beside makes no trial longer
    result = named(name).run(settings)
    if crowded():
        jax.clear_caches()
    return Trial(dict(settings), result, round(time.process_time() - begun, 2))


def here(workers: int | None = None) -> Trials:
    """Processes of this machine, each kept to its own core; by default as many as there are cores."""
    count = processors() if workers is None else workers
    if count < 1:
        raise ValueError(f"workers: wanted a positive number, found {workers}")

    @contextmanager
    def trials(name: str, todo: Iterable[Settings]) -> Iterator[Finished]:
        context = get_context("spawn")  # JAX's threads do not survive a fork
        turns = context.Value("i", 0)
        pool = ProcessPoolExecutor(count, context, _begun, (turns, count))
        try:
            yield _in_turn(lambda one: pool.submit(run_trial, name, one), todo, count)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    return trials


def on_cluster(address: str) -> Trials:
    """The workers of a dask cluster, whose environment must hold tnsim; a trial whose worker is lost goes to another.

    Raises ClusterError, within 30 s, where nobody answers at the address.
    """

    @contextmanager
    def trials(name: str, todo: Iterable[Settings]) -> Iterator[Finished]:
        dask = _distributed()
        client = _client(dask, address)
        try:
            submit = lambda one: client.submit(run_trial, name, one, key=f"{name} {key(one)}", pure=False)  # noqa: E731
            yield _as_workers_are_free(dask.as_completed(loop=client.loop), client, submit, todo)
        finally:
            client.close()

    return trials


def _in_turn(submit: Callable[[Settings], Future[Trial]], todo: Iterable[Settings], count: int) -> Finished:
    """So many trials at a time, the next one taken when one ends: what has begun is never thrown away."""
    rest = iter(todo)
    running = {submit(one): one for one in islice(rest, count)}
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield _outcome(future, running.pop(future))
            running |= {submit(one): one for one in islice(rest, 1)}


def _as_workers_are_free(
    done: Any, client: Any, submit: Callable[[Settings], Any], todo: Iterable[Settings]
) -> Finished:
    """As many trials at a time as the cluster has threads, which may change; done: dask's queue of what has ended."""
    rest, running = iter(todo), dict[Any, Settings]()

    def fill() -> None:
        free = max(1, sum(client.nthreads().values())) - len(running)
        for one in islice(rest, max(0, free)):
            future = submit(one)
            running[future] = one
            done.add(future)

    fill()
    for future in done:
        yield _outcome(future, running.pop(future))
        fill()


def _begun(turns: Any, workers: int) -> None:
    """What a new process does first."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _on_own_core(turns, workers)


def _end_with_parent() -> None:
    """A killed parent tells its workers nothing: they would wait for ever, with all their memory."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _on_own_core(turns: Any, workers: int) -> None:
    """Keep a new process to one core of its own, where there are enough: then two trials do not slow each other.

    Its linear algebra takes as many threads as it has cores: more would wait for each other, ten times as long.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    with turns.get_lock():
        turn, turns.value = turns.value, turns.value + 1
    share = max(1, len(cores) // workers)
    first = turn * share % len(cores)
    os.sched_setaffinity(0, cores[first : first + share])
    threadpoolctl.threadpool_limits(share)


def _outcome(future: Future[Trial] | Any, settings: Settings) -> Trial | TrialError:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise TrialError(
            f"{key(settings)}: a worker process was lost (killed, or out of memory); the same command goes on"
        ) from error
    except Exception as error:  # whatever the trial raised: told when all others are done
        return TrialError(f"{key(settings)}: {type(error).__name__}: {error}")


def _distributed() -> Any:
    """The library, an extra: looked for only where a cluster is asked for."""
    try:
        return import_module("distributed")
    except ImportError as error:
        raise ClusterError("cluster: wanted dask's distributed, found none; pip install 'tnsim[cluster]'") from error


def _client(dask: Any, address: str) -> Any:
    try:
        return dask.Client(address, timeout=ANSWER_WITHIN, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"cluster: wanted a dask scheduler at {address!r}, found: {error}") from error
