"""How fast is the exact Schmidt rank of a trained network, beside the rank that a float spectrum shows?

The answer is fast enough where 256 sites take at most 30 s on two cores and both primes agree. Width 16, M = 3,
float32, 2x2 windows and windows of 1x2 and 2x1 in turn; weights of the residual start, its constant channel pinned, and
normal steps of 0.05 in all others. The last rows: elimination alone, beside FLINT's, converting its input included.
"""

import time
from collections.abc import Callable
from typing import Any

import flint
import jax
import numpy as np
from measuring import report

import tnsim
from tnsim import partitions
from tnsim.entanglement import modular
from tnsim.entanglement.exact_rank import exact_rank
from tnsim.memory import MemoryLimitError

PRIME = 2147483629


def weights(arch) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    banks = {name: np.array(bank) for name, bank in arch.init(jax.random.key(0), start="residual").items()}
    for name, bank in banks.items():
        free = bank[:] if name == "output" else bank[:, 1:]
        free += 0.05 * rng.normal(size=free.shape).astype(np.float32)
    return banks


def timed(call: Callable[[], Any], runs: int) -> tuple[Any, float]:
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - began)
    return result, min(times)


def spectrum_rank(arch, banks, A) -> tuple[Any, float]:
    try:
        return timed(lambda: arch.state(banks, 0).schmidt(A).rank(), 2)
    except MemoryLimitError:
        return "refused", float("nan")


def network(side: int, windows: tuple, A: str) -> dict:
    arch = tnsim.ConvAC((side, side), 3, (16,) * len(windows), windows, 10)
    banks, mask = weights(arch), partitions.mask(arch, A)
    found, seconds = timed(lambda: exact_rank(arch.network, banks, banks["output"][0], mask), 2)
    shown, float_seconds = spectrum_rank(arch, banks, A)
    return {
        "what": f"{side}x{side}, {len(windows)} levels, {A}",
        "min-cut": found.upper,
        "exact rank": found.value,
        "primes agree": found.agree,
        "error at most": found.error_probability,
        "exact s": seconds,
        "other rank": shown,
        "other s": float_seconds,
    }


def elimination(n: int) -> dict:
    matrix = np.random.default_rng(0).integers(0, PRIME, (n, n))
    found, seconds = timed(lambda: modular.rank(matrix, PRIME), 2)
    other, other_seconds = timed(lambda: flint.nmod_mat(n, n, matrix.ravel().tolist(), PRIME).rank(), 1)
    return {
        "what": f"dense {n} x {n}, one prime",
        "min-cut": n,
        "exact rank": found,
        "primes agree": True,
        "error at most": 0.0,
        "exact s": seconds,
        "other rank": other,
        "other s": other_seconds,
    }


if __name__ == "__main__":
    square, pairs = (2,) * 4, ((1, 2), (2, 1)) * 4
    rows = [network(16, square, A) for A in ("left-right", "quadrant", "chess:4", "center")]
    rows += [network(16, pairs, A) for A in ("left-right", "quadrant", "center")]
    rows += [network(64, (2,) * 6, A) for A in ("left-right", "chess:16")]
    rows += [elimination(n) for n in (500, 1000, 2000)]
    report(__doc__.splitlines()[0], rows)
