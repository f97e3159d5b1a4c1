"""How fast is the exact Schmidt rank of a trained network, beside the rank that a float spectrum shows?

The answer is fast enough where 256 sites take at most 30 s on two cores and both primes agree. Width 16, M = 3,
float32, 2x2 windows and windows of 1x2 and 2x1 in turn; 256 sites trained on digits of 16 x 16 pixels for 20 epochs;
4096 sites with the weights of the residual start, its constant channel pinned, and normal steps of 0.05 in all others.
The last rows: elimination alone, beside FLINT's, converting its input included.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import flint
import jax
import numpy as np
from flax import nnx
from measuring import report

import tnsim
from tnsim import modular, partitions
from tnsim.entanglement.exact_rank import exact_rank
from tnsim.memory import MemoryLimitError
from tnsim.train.data import load
from tnsim.train.loop import fit
from tnsim.train.recipes import for_images

PRIME = 2147483629


def trained(windows: tuple) -> tuple[tnsim.ConvAC, dict[str, np.ndarray]]:
    images = load("digits", size=(16, 16))
    arch, representation, config = for_images(images, (16,) * len(windows), windows)
    model = tnsim.nn.ConvAC(arch, representation, rngs=nnx.Rngs(0))
    fit(model, images, replace(config, epochs=20), progress=False)
    return arch, {name: np.asarray(bank) for name, bank in model.params().items()}


def stepped(side: int, windows: tuple) -> tuple[tnsim.ConvAC, dict[str, np.ndarray]]:
    arch = tnsim.ConvAC((side, side), 3, (16,) * len(windows), windows, 10)
    rng = np.random.default_rng(0)
    banks = {name: np.array(bank) for name, bank in arch.init(jax.random.key(0), start="residual").items()}
    for name, bank in banks.items():
        free = bank[:] if name == "output" else bank[:, 1:]
        free += 0.05 * rng.normal(size=free.shape).astype(np.float32)
    return arch, banks


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


def network(arch: tnsim.ConvAC, banks: dict[str, np.ndarray], A: str) -> dict:
    mask = partitions.mask(arch, A)
    what = f"{arch.grid[0]}x{arch.grid[1]}, {arch.depth} levels, {A}"
    shown, float_seconds = spectrum_rank(arch, banks, A)
    others = {"other rank": shown, "other s": float_seconds}
    try:
        found, seconds = timed(lambda: exact_rank(arch.network, banks, banks["output"][0], mask), 2)
    except MemoryLimitError:
        none = {"exact rank": "refused", "primes agree": "", "error at most": "", "exact s": float("nan")}
        return {"what": what, "min-cut": tnsim.bounds.min_cut(arch, A).value, **none, **others}
    return {
        "what": what,
        "min-cut": found.upper,
        "exact rank": found.value,
        "primes agree": found.agree,
        "error at most": found.error_probability,
        "exact s": seconds,
        **others,
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
    of_squares, of_pairs, large = trained(square), trained(pairs), stepped(64, (2,) * 6)
    rows = [network(*of_squares, A) for A in ("left-right", "quadrant", "chess:4", "center")]
    rows += [network(*of_pairs, A) for A in ("left-right", "quadrant", "chess:4", "center")]
    rows += [network(*large, A) for A in ("left-right", "chess:16")]
    rows += [elimination(n) for n in (500, 1000, 2000)]
    report(__doc__.splitlines()[0], rows)
