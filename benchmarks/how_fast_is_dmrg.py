"""Is DMRG at most three times as slow as TeNPy's?

The answer is yes if, at the same bonds, sweeps and threads, in turn and in this very run, `physics.ground_state` takes
at most three times as long as TeNPy's two-site engine, and its energy is as low (to 1e-8): the Heisenberg chain of 20
sites, and the critical Ising chain of 64.

TeNPy (`pip install physics-tenpy`) is run as it advises: combine=True, from a product state. It has symmetric tensors,
which tnsim has not: "symmetric" conserves S^z, or the parity; the bound counts against whichever is the faster.
In processor seconds, with OMP_NUM_THREADS=1.
"""

import warnings
from functools import partial

from measuring import in_turn, report
from tenpy.algorithms.dmrg import TwoSiteDMRGEngine
from tenpy.models.spins import SpinChain
from tenpy.models.tf_ising import TFIChain
from tenpy.networks.mps import MPS

from tnsim.physics import Stops, ground_state, heisenberg, ising

FIRST = 16  # bonds of the first sweep, twice as many in each that follows: what tnsim does
CASES = (("heisenberg", 20, 50, 6), ("heisenberg", 20, 100, 6), ("ising", 64, 32, 6), ("ising", 64, 64, 6))
SPIN = {"S": 0.5, "Jx": 1.0, "Jy": 1.0, "Jz": 1.0, "sort_charge": True}


def model_of(name, sites, conserve):
    """TeNPy's model, and a product state to start from."""
    ends = {"L": sites, "bc_MPS": "finite", "conserve": conserve}
    if name == "heisenberg":
        return SpinChain({**SPIN, **ends}), ["up", "down"] * (sites // 2)
    return TFIChain({"J": 1.0, "g": 1.0, "sort_charge": True, **ends}), ["up"] * sites


def by_tenpy(name, sites, width, sweeps, conserve):
    """The energy after so many sweeps."""
    model, start = model_of(name, sites, conserve)
    psi = MPS.from_product_state(model.lat.mps_sites(), start, bc="finite")
    widths = {sweep: min(width, FIRST * 2**sweep) for sweep in range(sweeps)}
    options = {
        "trunc_params": {"chi_max": width, "svd_min": None, "trunc_cut": 1e-7}, "chi_list": widths, "combine": True,
        "min_sweeps": sweeps, "max_sweeps": sweeps, "N_sweeps_check": 1, "mixer": None, "max_E_err": 1e-14,
    }  # fmt: skip
    return float(TwoSiteDMRGEngine(psi, model, options).run()[0])


def by_tnsim(name, sites, width, sweeps):
    """The energy after so many sweeps."""
    H = {"heisenberg": heisenberg, "ising": ising}[name](sites)
    return ground_state(H, width, stops=Stops(variance=-1, change=-1, sweeps=sweeps)).energy


def row(name, sites, width, sweeps):
    """Times of one chain, and by how much tnsim's energy lies above TeNPy's."""
    problem = (name, sites, width, sweeps)
    symmetry = {"heisenberg": "Sz", "ising": "parity"}[name]
    calls = {
        "tnsim": partial(by_tnsim, *problem),
        "TeNPy": partial(by_tenpy, *problem, None),
        "TeNPy symmetric": partial(by_tenpy, *problem, symmetry),
    }
    times = in_turn(calls, rounds=3)
    energy, above = calls["tnsim"](), max(calls["tnsim"]() - calls[name]() for name in ("TeNPy", "TeNPy symmetric"))
    ratio = times["tnsim"] / min(times["TeNPy"], times["TeNPy symmetric"])
    found = {f"{name} s": time for name, time in times.items()}
    return {
        "chain": name, "sites": sites, "bond": width, "sweeps": sweeps, **found, "tnsim/faster": ratio,
        "energy": energy, "above TeNPy": above, "ok": ratio <= 3 and above < 1e-8,
    }  # fmt: skip


if __name__ == "__main__":
    warnings.filterwarnings("ignore", module="tenpy")  # unused options of its lattices
    report(__doc__.splitlines()[0], [row(*case) for case in CASES])
