"""Is NumPy the right default for replicas on a CPU, and do they go along a good path?

The answer is yes to the first if a Renyi-2 entropy by NumPy takes less than JAX's first call, which compiles: on grids,
a ring of matrices, MERA and an overlapping ConvAC, 9 to 16 sites, in float64. It is yes to the second if the path that
`replicas.path_of` takes through all layers costs no more, in multiply-adds and what is moved in their place, than
opt_einsum's greedy path, and where it is costly no more than cotengra's (random greedy trees, subtrees reconfigured).

In processor seconds, with OMP_NUM_THREADS=1.
"""

import time
from functools import partial

import jax
import numpy as np
from measuring import in_turn, report

import tnsim
from tnsim.contract.finders import find
from tnsim.entanglement.networks import replicas
from tnsim.entanglement.networks.parts import parts_of

NETWORKS = {
    "PEPS 3 x 3, bond 2": tnsim.PEPS(sites=(3, 3), features=2, bond=2),
    "PEPS 4 x 4, bond 2": tnsim.PEPS(sites=(4, 4), features=2, bond=2),
    "ring of 16, bond 4": tnsim.MPS(sites=16, features=2, bond=4, boundary="periodic"),
    "MERA of 16, bond 2": tnsim.MERA(sites=16, features=2, bond=2),
    "overlapping, 16": tnsim.OverlappingConvAC(sites=16, features=2, channels=(2, 2), windows=(2, 2), classes=2),
}
TWO = replicas.Layers(2, 2)


def prices(arch, banks):
    """log10 of what the path taken, and each finder's, costs through all layers."""
    parts = parts_of(arch.network, banks, (0,) * len(arch.network.outputs))
    layers = replicas.network_of(parts, TWO)
    paths = {"taken": replicas.path_of(layers, parts, TWO), "groups": find(layers, replicas.finder(parts, TWO)),
             **{name: find(layers, name) for name in ("greedy", "cotengra-hyper")}}  # fmt: skip
    return {name: float(np.log10(replicas.price(layers, path))) for name, path in paths.items()}


def row(name, arch):
    """Times of both executors, and costs of three paths."""
    banks = arch.init(jax.random.key(0))
    label = 0 if arch.network.outputs else None
    states = {one: tnsim.network_state(arch.network, banks, label, executor=one) for one in ("numpy", "jax")}
    half = np.arange(arch.size) < arch.size // 2
    began = time.process_time()
    values = [float(states["jax"].renyi(half))]
    first = time.process_time() - began
    times = in_turn({one: partial(state.renyi, half) for one, state in states.items()}, rounds=1)
    values.append(float(states["numpy"].renyi(half)))
    found = prices(arch, {bank: np.asarray(x, float) for bank, x in banks.items()})
    costly = found["groups"] >= np.log10(replicas.COSTLY)
    best = min(found["greedy"], found["cotengra-hyper"] if costly else np.inf)
    return {
        "network": name, "numpy s": times["numpy"], "jax s": times["jax"], "jax first s": first, **found,
        "differ": abs(values[0] - values[1]), "numpy ok": times["numpy"] < first,
        "path ok": found["taken"] <= best + 1e-9,
    }  # fmt: skip


if __name__ == "__main__":
    report(__doc__.splitlines()[0], [row(*one) for one in NETWORKS.items()])
