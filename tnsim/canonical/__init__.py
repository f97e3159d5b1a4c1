"""States of dense cores on trees and chains: canonical forms, compression, spectra, expectations, exact samples."""

from tnsim.canonical.amplitudes import Amplitudes, amplitudes, log_likelihood
from tnsim.canonical.arithmetic import added, applied, normalised, projected, scaled
from tnsim.canonical.compress import Compressed, compressed
from tnsim.canonical.expectations import correlators, expectation
from tnsim.canonical.gauges import Vidal, gauged, vidal
from tnsim.canonical.likelihood import fitted, independent
from tnsim.canonical.making import binary_wiring, from_dense, from_ring, random_state
from tnsim.canonical.orthogonal import orthogonalised
from tnsim.canonical.overlap import Scaled, fidelity, log_norm, overlap
from tnsim.canonical.reduced import reduced_density_matrix
from tnsim.canonical.sampling import sample
from tnsim.canonical.sets import entropy, mutual_information, set_spectrum
from tnsim.canonical.spectra import entropies, schmidt, spectra
from tnsim.canonical.state import TreeState, chain, chain_cores, dense, tree_state
from tnsim.canonical.trees import network_of, of_cores, tree_of
from tnsim.canonical.wiring import Wiring, chain_wiring, wiring

__all__ = [
    "Amplitudes", "Compressed", "Scaled", "TreeState", "Vidal", "Wiring", "added", "amplitudes", "applied",
    "binary_wiring", "chain", "chain_cores", "chain_wiring", "compressed", "correlators", "dense", "entropies",
    "entropy", "expectation", "fidelity", "fitted", "from_dense", "from_ring", "gauged", "independent",
    "log_likelihood", "log_norm", "mutual_information", "network_of", "normalised", "of_cores", "orthogonalised",
    "overlap", "projected", "random_state", "reduced_density_matrix", "sample", "scaled", "schmidt", "set_spectrum",
    "spectra", "tree_of", "tree_state", "vidal", "wiring",
]  # fmt: skip
