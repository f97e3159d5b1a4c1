"""The contenders' processes of a run: started when first asked for, kept over cases, started anew after a failure.

    Crew["tnsim"].ask(..)      Crew["torch"].ask(..)      one process each; only one of them works at a time

Over bench.process and the registry of contenders; used by the runner.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from tnsim.bench.peers.registry import Peer
from tnsim.bench.process import Limits, Worker

STARTING = 300.0  # seconds that an import may take


class Crew:
    """Worker processes by contender; leaving the `with` block ends them all."""

    def __init__(self, peers: Mapping[str, Peer], threads: int | None = None) -> None:
        self.peers, self.threads = peers, threads
        self.workers: dict[str, Worker] = {}

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self.workers.values():
            worker.kill()

    def __getitem__(self, name: str) -> Worker:
        """A contender's process, alive unless its import failed (`failure` says how)."""
        if name not in self.workers or not self.workers[name].alive:
            self.workers[name] = Worker(self.peers[name].module, self.threads, Limits(seconds=STARTING))
        return self.workers[name]
