"""States whose entanglement is known in closed form. Uses canonical.

| state | entropies |
| --- | --- |
| GHZ | ln 2 across every cut |
| W | of {k/n, 1 - k/n}, k sites against the rest |
| AKLT, open, edge spins given | ln 2 across a bond far from the ends |
| AKLT, ring, block of l of many | p = (1 + 3 x)/4 and three times (1 - x)/4, x = (-1/3)^l |

Sources: Fan, Korepin, Roychowdhury, PRL 93, 227203 (2004), for AKLT.
"""

from __future__ import annotations

import numpy as np

from tnsim.canonical.making import from_ring
from tnsim.canonical.state import TreeState, chain


def ghz(sites: int, d: int = 2) -> TreeState:
    """sum_k |k k .. k>, bonds of d, as a chain."""
    core = np.zeros((d, d, d))
    core[(np.arange(d),) * 3] = 1
    return chain([np.eye(d)[None], *[core] * (sites - 2), np.eye(d)[:, :, None]])


def w_state(sites: int) -> TreeState:
    """The sum of all configurations with a single 1, bonds of 2."""
    core = np.zeros((2, 2, 2))  # [before, value, after]: how many ones so far
    core[0, 0, 0] = core[0, 1, 1] = core[1, 0, 1] = 1
    return chain([core[:1], *[core] * (sites - 2), core[:, :, 1:]])


def _aklt_core() -> np.ndarray:
    """(2, 3, 2): A^+ = sqrt(2/3) s^+, A^0 = -sqrt(1/3) s^z, A^- = -sqrt(2/3) s^-, the largest S^z first."""
    plus = np.array([[0.0, 1], [0, 0]])
    return np.stack([(2 / 3) ** 0.5 * plus, -((1 / 3) ** 0.5) * np.diag([1.0, -1]), -((2 / 3) ** 0.5) * plus.T], 1)


def aklt_state(sites: int, left: int = 0, right: int = 0) -> TreeState:
    """A ground state of the open AKLT chain, its edge spins up (0) or down (1)."""
    core = _aklt_core()
    return chain([core[left][None], *[core] * (sites - 2), core[:, :, right : right + 1]])


def aklt_ring(sites: int) -> TreeState:
    """The ground state of the AKLT ring, as a chain with bonds of 4."""
    return from_ring([_aklt_core()] * sites)
