"""One of several processes: meets the others, and reads what they hold together. Uses launcher; used by scripts.

    TNSIM_COORDINATOR, TNSIM_PROCESSES, TNSIM_PROCESS --[ start: jax.distributed ]--> jax.devices() of all processes
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from tnsim.distributed.launcher import COORDINATOR, COUNT, INDEX


@dataclass(frozen=True)
class Processes:
    """Which process this is, of how many."""

    index: int
    count: int


ALONE = Processes(0, 1)


def start(heartbeat: int = 10, patience: int = 60) -> Processes:
    """Meet the other processes of `tnsim launch`; alone, do nothing. Call it before the first computation.

    Afterwards `jax.devices()` are those of all processes (of a GPU machine one GPU each), and arrays may be spread
    over them. heartbeat: seconds without a sign of life after which JAX holds a process for lost and ends the others.
    patience: seconds to wait for all to arrive, and for all to leave.

    Raises ValueError where only some of the three environment variables are set or are no numbers, RuntimeError where
    this process finds no device, and by JAX where the others do not arrive or a computation has run before.
    """
    found = _told(os.environ)
    if found is None:
        return ALONE
    address, here = found
    jax.distributed.initialize(
        address, here.count, here.index, [here.index],
        initialization_timeout=patience, heartbeat_timeout_seconds=heartbeat, shutdown_timeout_seconds=patience,
    )  # fmt: skip
    _own_device(here)
    return here


def _own_device(here: Processes) -> None:
    """Found now, and not in the first computation, where nothing would tell a missing GPU from a broken one."""
    try:
        jax.local_devices()
    except RuntimeError as error:
        raise RuntimeError(
            f"processes: wanted one device for each of {here.count}, found none for process {here.index}; start as "
            "many as this machine has GPUs, or set JAX_PLATFORMS=cpu"
        ) from error


def _told(environment: Mapping[str, str]) -> tuple[str, Processes] | None:
    """The address and the process that the environment names, or None where it names nothing."""
    names = (COORDINATOR, COUNT, INDEX)
    texts = [environment.get(name) for name in names]
    if not any(texts):
        return None
    address, count, index = (text or "" for text in texts)
    if not (address and count.isdecimal() and index.isdecimal() and int(index) < int(count)):
        raise ValueError(f"environment: wanted an address, a count and a number below it in {names}, found {texts}")
    return address, Processes(int(index), int(count))


def fetched(arrays: Any) -> Any:
    """A pytree of arrays that are spread over processes, whole and in NumPy on each. All processes must call it."""
    if jax.process_count() == 1:
        return jax.tree.map(np.asarray, arrays)
    return multihost_utils.process_allgather(arrays, tiled=True)
