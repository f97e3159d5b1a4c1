"""How fast are the top Schmidt values of a matrix that is never formed, and how near do they come?

Sums of r Kronecker products of chi x chi matrices: chi = 256 is a root of 65536 x 65536. Rows and columns fall
geometrically (decay a row), as those of trained networks do; decay 1 is a flat spectrum, on which every method must
fail to converge and say so by its residuals. Rows of the table:
    lanczos, range    the top 32 by either method: wall and processor seconds, products with one vector, the largest
                      residual beside the largest value, the mass of the 32 values and of all that was projected on
    eigenbasis        64 columns of a reduced density matrix on chi^2 pairs, 2 iterations: seconds, captured mass
    project           factors on chi^2 pairs brought to 64 x 64 columns
    dense batch       256 nodes of 3 x 3 pairs: all eigenpairs

The answer is yes, fast enough, if a root of 65536 rows takes at most 5 s at r = 8 on two cores, a node of 64^2 pairs at
r = 33 at most 1.5 s a side, the small batch 50 ms. BLAS threads are those of the environment; the best of the runs.
"""

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from measuring import report

from tnsim.entanglement.certified import kronecker, top

RUNS, TOP, KEPT = 2, 32, 64


def best(call: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Least wall and processor seconds of a call, and what it gave."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter(), time.process_time()
        found = call()
        times.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return {"seconds": min(wall for wall, _ in times), "processor": min(busy for _, busy in times)}, found


def factor(rng: np.random.Generator, chi: int, r: int, decay: float):
    rows = decay ** np.arange(chi)
    return rng.normal(size=(chi, chi, r)) * rows[:, None, None] * rows[:, None]


def row(what: str, chi: int, r: int, decay: float, seconds: dict[str, float], **found: Any) -> dict[str, Any]:
    blank = dict.fromkeys(("products", "residual", "mass", "captured"), "")
    return {"what": what, "chi": chi, "r": r, "decay": decay, **seconds, **blank, **found}


def root(chi: int, r: int, decay: float, method: str) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    X, Y = factor(rng, chi, r, decay), factor(rng, chi, r, decay)
    seconds, found = best(lambda: top.top_schmidt(X, Y, TOP, 1e-6, method))
    return row(
        method, chi, r, decay, seconds, products=found.applications, captured=found.captured,
        residual=float(found.residuals.max() / found.values[0]),
        mass=float((found.values**2).sum() / kronecker.squared_norm(X, Y)),
    )  # fmt: skip


def node(chi: int, r: int, decay: float) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    X, Y = factor(rng, chi, r, decay), factor(rng, chi, r, decay)
    L = rng.normal(size=(r, r)) * 0.8 ** np.arange(r)
    seconds, found = best(lambda: kronecker.eigenbasis(X, Y, L @ L.T, "A", KEPT))
    closing, _ = best(lambda: kronecker.project(X, Y, found.basis, found.basis))
    captured = float(found.values.sum() / found.trace)
    return [
        row("eigenbasis", chi, r, decay, seconds, products=3 * (KEPT + kronecker.OVERSAMPLED), captured=captured),
        row("project", chi, r, decay, closing),
    ]


def batch() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    X, L = rng.normal(size=(256, 3, 3, 9)), rng.normal(size=(256, 9, 9))
    E = L @ L.swapaxes(1, 2)
    seconds, _ = best(lambda: kronecker.dense_eigenbasis(X, X, E, "A"))
    return row("dense batch", 3, 9, 1.0, seconds)


def main() -> None:
    rows = [batch(), *node(64, 33, 0.9)]
    for chi, r, decay in ((128, 8, 0.95), (256, 8, 0.95), (256, 8, 1.0), (256, 33, 0.95)):
        rows += [root(chi, r, decay, method) for method in ("lanczos", "range")]
    print(f"{os.cpu_count()} cores")
    report("how fast are top Schmidt values?", rows)


if __name__ == "__main__":
    main()
