"""Compiled beforehand, and kept between processes. Uses scores; used by whoever serves or measures.

    shapes --[trace, lower: seconds]--> module --[compile: seconds; or read from the folder of a cache]--> Compiled
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.compilation_cache.compilation_cache import reset_cache
from jaxtyping import Num

from tnsim.banks import AnyArray, Banks
from tnsim.contract.execution import DEFAULT, Execution
from tnsim.contract.scores import Scores, scores
from tnsim.network import Network

CACHE = "TNSIM_CACHE"  # the environment variable that names a folder


@dataclass(frozen=True)
class Compiled:
    """Scores of one network for batches of one size, ready to run: `compiled(banks, features)` compiles nothing.

    trace_seconds: until JAX had its module; compile_seconds: until XLA had the program, or the cache gave it.
    temporary_bytes: what a run needs beside its inputs and outputs, where the backend tells.
    """

    batch: int
    dtype: str
    trace_seconds: float
    compile_seconds: float
    temporary_bytes: int | None
    _run: Any = field(repr=False)

    def __call__(self, banks: Banks, features: Num[AnyArray, "batch sites M"]) -> Scores:
        """The scores. Raises TypeError, by JAX, for other shapes or types than it was compiled for."""
        return self._run(dict(banks), features)


def compiled(network: Network, batch: int, dtype: Any = jnp.float32, execution: Execution = DEFAULT) -> Compiled:
    """Trace and compile `scores` of a batch for banks and features of one type, without any numbers.

    execution: as of `scores`, on one device: its mesh and memory are not looked at.

    Raises ValueError for a batch < 1 or a type that is not floating or complex; NotLayered as `scores`.
    """
    kind = jnp.dtype(dtype)
    if batch < 1:
        raise ValueError(f"batch: wanted a positive integer, found {batch}")
    if not jnp.issubdtype(kind, jnp.inexact) or jax.dtypes.canonicalize_dtype(kind) != kind:
        raise ValueError(f"dtype: wanted a floating or complex type that JAX is set to compute in, found {kind}")
    banks = {name: jax.ShapeDtypeStruct(shape, kind) for name, shape in network.bank_shapes.items()}
    sites = (len(network.sites), int(network.dims[network.sites.array[0]]))
    began = time.perf_counter()
    shape = (*sites, batch) if execution.layout == "batch-last" else (batch, *sites)
    alone = replace(execution, mesh=None, memory=None)
    lowered = scores.lower(network, banks, jax.ShapeDtypeStruct(shape, kind), alone)
    traced = time.perf_counter()
    program = lowered.compile()
    ended = time.perf_counter()
    memory = program.memory_analysis()
    temporary = None if memory is None else int(memory.temp_size_in_bytes)
    return Compiled(batch, str(kind), traced - began, ended - traced, temporary, program)


def compilation_cache(folder: str | os.PathLike[str] | None, least_seconds: float = 0.0) -> Path | None:
    """From now on keep what JAX compiles in a folder, and take from there what any process has compiled before.

    JAX's own persistent cache, which is off until this is called. Equal architectures, shapes, types, devices, flags
    and versions of JAX find each other. least_seconds: what compiled faster is not kept. None turns the cache off.

    Raises OSError where the folder cannot be made.
    """
    path = None if folder is None else Path(folder).expanduser().resolve()
    if path is not None:
        path.mkdir(parents=True, exist_ok=True)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", least_seconds)
    jax.config.update("jax_compilation_cache_dir", None if path is None else str(path))
    reset_cache()  # JAX looks at the folder once, and may have compiled before
    return path


def cache_from_environment() -> Path | None:
    """`compilation_cache` of the folder that TNSIM_CACHE names; where it names none, nothing changes."""
    return compilation_cache(folder) if (folder := os.environ.get(CACHE)) else None
