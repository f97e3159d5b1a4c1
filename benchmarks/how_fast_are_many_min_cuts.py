"""How fast are the exact min-cuts of a thousand partitions in one call, beside one call each and a flow each?

The answer is fast enough where 1000 random partitions of 4096 sites take less than 10 s on one core. Trees of windows
of 2, M = 10, width 16; random sites, whole windows of 16 sites at random, and sites that are in A one in ten times. The
other routes are timed on a few of these partitions and must agree as integers. Times are the processor's.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from measuring import report

import tnsim
from tnsim.bounds import min_cut, min_cuts, network_min_cut

PARTITIONS, FEW = 1000, 3


def partitions(kind: str, N: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    if kind == "windows of 16":
        return np.repeat(rng.random((PARTITIONS, N // 16)) < 0.5, 16, axis=1)
    return rng.random((PARTITIONS, N)) < (0.1 if kind == "one in ten" else 0.5)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    result = call()
    return result, time.process_time() - began


def row(kind: str, N: int) -> dict[str, Any]:
    depth = N.bit_length() - 1
    arch, masks = tnsim.ConvAC(N, 10, (16,) * depth, (2,) * depth, 10), partitions(kind, N)
    found, seconds = timed(lambda: min_cuts(arch, masks))
    single, one_by_one = timed(lambda: [min_cut(arch, mask).value for mask in masks[:FEW]])
    flows, by_flow = timed(lambda: [network_min_cut(arch.network, mask).value for mask in masks[:FEW]])
    return {
        "sites": N,
        "partitions": f"{PARTITIONS}, {kind}",
        "all at once s": seconds,
        "one by one s": one_by_one * PARTITIONS / FEW,
        "by flows s": by_flow * PARTITIONS / FEW,
        "agree": list(found.values[:FEW]) == single == flows,
        "greatest ln": float(found.logs.max()),
    }


if __name__ == "__main__":
    rows = [row("random", N) for N in (256, 1024, 4096)]
    rows += [row(kind, 4096) for kind in ("windows of 16", "one in ten")]
    report(__doc__.splitlines()[0], rows)
