"""How fast are maps of the mutual information of all pairs of sites?

The answer is fast enough if width 16 and M = 3 take at most 30 s at 256 sites and 5 minutes at 1024 on two cores,
the first call with its compiling. Normal weights, unshared, windows of 2 x 2; the entropies of all windows beside it,
and the density matrix of ten sites far apart at width 33.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from measuring import report

import tnsim
from tnsim.entanglement.maps import window_map
from tnsim.entanglement.mutual import mutual_information_map
from tnsim.entanglement.reduced import density_matrices


def spent(call: Callable[[], Any]) -> tuple[float, float]:
    """Wall seconds and processor seconds."""
    began, used = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - began, time.process_time() - used


def parts(side: int, features: int, width: int) -> tuple:
    levels = side.bit_length() - 1
    arch = tnsim.ConvAC((side, side), features, (width,) * levels, (2,) * levels, 1)
    state = arch.state(jax.tree.map(np.asarray, arch.init(jax.random.key(0))), 0)
    return state.network, state.banks, state.vector, state.measure


def row(side: int, features: int, width: int = 16) -> dict:
    state, wide = parts(side, features, width), parts(side, 2, 33)
    first, _ = spent(lambda: mutual_information_map(*state))
    again, processor = spent(lambda: mutual_information_map(*state))
    windows, _ = spent(lambda: window_map(*state))
    sites = np.random.default_rng(0).permutation(side * side)[:10].tolist()
    density_matrices(*wide, [sites[:1]])  # compiles the Gram matrices
    ten, _ = spent(lambda: density_matrices(*wide, [sites]))
    return {
        "sites": side * side, "M": features, "width": width, "all pairs: first s": first, "again s": again,
        "processor s": processor, "all windows s": windows, "10 sites at width 33 s": ten,
    }  # fmt: skip


if __name__ == "__main__":
    report(__doc__.splitlines()[0], [row(16, 2), row(16, 3), row(32, 2), row(32, 3)])
