"""Spin chains as fixtures of the theory: Hamiltonians, DMRG, descent by gradients, states known in closed form."""

from tnsim.physics.descent import descended
from tnsim.physics.dmrg import GroundState, Stops, ground_state
from tnsim.physics.energies import energy, energy_and_variance
from tnsim.physics.fixtures import aklt_ring, aklt_state, ghz, w_state
from tnsim.physics.hamiltonian import Hamiltonian, aklt, hamiltonian, heisenberg, ising
from tnsim.physics.operators import product_operator
from tnsim.physics.spins import pauli, spin

__all__ = [
    "GroundState", "Hamiltonian", "Stops", "aklt", "aklt_ring", "aklt_state", "descended", "energy",
    "energy_and_variance", "ghz", "ground_state", "hamiltonian", "heisenberg", "ising", "pauli", "product_operator",
    "spin", "w_state",
]  # fmt: skip
