"""Are the entropies of all bonds of a matrix product state no slower than quimb's?

The answer is yes if, for 256 sites of dimension 2 in float64, at bonds of 32, 64 and 128, in turn with quimb and in
this very run, `canonical.entropies` takes no longer than quimb's best way: the orthogonality centre taken along from
bond to bond (`info=`), an SVD at each. Both from any state, and from one that is canonical already. What
`method="svd:eig"` takes, by eigenvalues, is told, not held against: it loses Schmidt values below 1e-8 of the largest.

Wants quimb (`pip install 'tnsim[peers]'`). In processor seconds, with OMP_NUM_THREADS=1.
"""

from functools import partial

import numpy as np
import quimb.tensor as qtn
from measuring import in_turn, report

from tnsim import canonical

SITES, BONDS = 256, (32, 64, 128)


def quimbs(state):
    """The same state as quimb has it."""
    cores = [np.swapaxes(core, -1, -2) if core.ndim == 3 else core for core in state.cores]
    cores[-1] = state.cores[-1]  # (l, d), as the first is (r, d)
    cores[0] = state.cores[0].T
    return qtn.MatrixProductState(cores, shape="lrp")


def by_quimb(mps, centre, method):
    """Entropies in nats, the centre taken along; the state itself is left as it is."""
    mps, info = mps.copy(), {"cur_orthog": centre}
    found = [mps.entropy(site, info=info, method=method) for site in range(1, SITES)]
    return np.array(found) * np.log(2)


def row(bond, form):
    """Times of one state, and by how much the entropies differ."""
    drawn = canonical.random_state(canonical.chain_wiring(SITES), (2,) * SITES, bond, np.random.default_rng(0))
    state = canonical.orthogonalised(drawn, 0)  # of norm 1: quimb takes entropies of what it is given
    if form == "any":
        state = state.with_cores(state.cores)  # its centre forgotten, so that both have to find one
    theirs, centre = quimbs(state), (0, 0) if form == "canonical" else (0, SITES - 1)
    calls = {
        "tnsim": partial(canonical.entropies, state),
        "quimb": partial(by_quimb, theirs, centre, "svd"),
        "quimb eig": partial(by_quimb, theirs, centre, "svd:eig"),
    }
    times = in_turn(calls, rounds=3)
    apart = float(np.abs(calls["tnsim"]() - calls["quimb"]()).max())
    found = {f"{name} s": time for name, time in times.items()}
    ratio = times["quimb"] / times["tnsim"]
    return {"state": form, "bond": bond, **found, "quimb/tnsim": ratio, "differ": apart, "ok": ratio >= 1 > 1e9 * apart}


if __name__ == "__main__":
    report(__doc__.splitlines()[0], [row(bond, form) for bond in BONDS for form in ("any", "canonical")])
