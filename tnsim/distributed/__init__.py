"""Several processes on one problem, on JAX's own engine; sweeps that go on from what is done. Uses files."""

from tnsim.distributed.launcher import launch
from tnsim.distributed.parts import Parts, PartsError, digest, joined, summed
from tnsim.distributed.processes import Processes, fetched, start
from tnsim.distributed.sweeps import sweep

__all__ = ["Parts", "PartsError", "Processes", "digest", "fetched", "joined", "launch", "start", "summed", "sweep"]
