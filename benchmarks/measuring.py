"""What every benchmark shares: medians of synchronised runs, the machine's own roofline, one table and JSON out."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp


def seconds(call: Callable[[], Any], runs: int = 30, warm: int = 3) -> float:
    """Median wall time of a call, its result waited for."""
    for _ in range(warm):
        jax.block_until_ready(call())
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def in_turn(calls: Mapping[str, Callable[[], Any]], rounds: int = 5) -> dict[str, float]:
    """Median processor seconds of each of some calls that take turns, each begun once before.

    The processor's, of all threads: on a machine that others use, a call is not longer for it. With one thread
    (OMP_NUM_THREADS=1) they are the wall time of an idle machine.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for turn in range(rounds):
        for name in list(calls)[:: 1 if turn % 2 else -1]:
            began = time.process_time()
            jax.block_until_ready(calls[name]())
            times[name].append(time.process_time() - began)
    return {name: statistics.median(found) for name, found in times.items()}


def compiled(function: Callable, *arguments: Any) -> tuple[Callable, float]:
    """The compiled function and the seconds that tracing and compiling it took."""
    began = time.perf_counter()
    program = jax.jit(function).lower(*arguments).compile()
    return program, time.perf_counter() - began


def roofline(size: int = 2048, megabytes: int = 256) -> dict[str, float]:
    """What this machine's default device really does: float32 matmul (GFLOP/s) and copies (GB/s read and written)."""
    a = jnp.ones((size, size), jnp.float32)
    multiply = jax.jit(jnp.matmul)
    x = jnp.ones(megabytes * 2**18, jnp.float32)
    copy = jax.jit(lambda v: v + 1)
    return {
        "matmul_gflops": 2 * size**3 / seconds(lambda: multiply(a, a), runs=7) / 1e9,
        "copy_gb_per_s": 2 * x.nbytes / seconds(lambda: copy(x), runs=7) / 1e9,
    }


def environment() -> dict[str, Any]:
    """Where a result was measured."""
    device = jax.devices()[0]
    return {
        "device": f"{device.platform}: {device.device_kind}",
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "roofline": roofline(),
    }


def report(question: str, rows: list[dict[str, Any]]) -> None:
    """Print the rows as one table; with --out FILE write them, and the machine, as JSON."""
    parser = argparse.ArgumentParser(description=question)
    parser.add_argument("--out", type=Path, help="write JSON here")
    out = parser.parse_args().out
    names = list(rows[0])
    cells = [names] + [[_text(row[name]) for name in names] for row in rows]
    width = [max(len(line[i]) for line in cells) for i in range(len(names))]
    for line in cells:
        print("  ".join(cell.rjust(w) for cell, w in zip(line, width, strict=True)))
    if out:
        content = {"question": question, "environment": environment(), "rows": rows}
        out.write_text(json.dumps(content, indent=1) + "\n")


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
