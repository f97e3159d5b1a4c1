"""The wave function of one class: a door to every measure. THEORY sections 2 and 3. Above the measures; used by models.

|psi_y> = sum_d A^y_{d_1 .. d_N} |d_1> .. |d_N>
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import e, log

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int, Num

from tnsim import partitions
from tnsim.architectures.layered import Layered
from tnsim.banks import measurable
from tnsim.bounds.ranks import rank_bounds
from tnsim.contract.fold import Scaled
from tnsim.contract.schedule import whole
from tnsim.contract.scores import scores
from tnsim.entanglement import entropy, exact_rank, leading, maps, mutual, reduced, renyi, schmidt
from tnsim.entanglement import gram as grams
from tnsim.entanglement.certified.certify import Problem
from tnsim.entanglement.data_state import DataState
from tnsim.entanglement.dataset import Images
from tnsim.entanglement.doors import Memory, digits, mask_rows, renyi_in
from tnsim.entanglement.estimate import Estimate
from tnsim.entanglement.exact_rank import ExactRank
from tnsim.entanglement.leading import LeadingValues
from tnsim.entanglement.maps import WindowMap
from tnsim.entanglement.measure import SiteMeasure, site_measure
from tnsim.entanglement.mutual import MutualInformation
from tnsim.entanglement.spectrum import Spectrum
from tnsim.network import Network

Progress = Callable[[int, int], None] | None


@dataclass(frozen=True, eq=False)
class State:
    """The state of class `label` of a network with given banks, in a measure. Made by `arch.state`.

    Partitions A: site numbers, a boolean mask, or a name (tnsim.partitions.NAMES). Entropies in nats unless base=.
    memory: a limit in bytes or "8GB"; work whose estimate is above it is refused with MemoryLimitError.
    """

    arch: Layered
    banks: dict[str, Num[np.ndarray, "..."]]
    label: int
    measure: SiteMeasure

    @property
    def network(self) -> Network:
        return self.arch.network

    @property
    def vector(self) -> Num[np.ndarray, "r"]:
        """The class's row of the output bank."""
        return self.banks[whole(self.network).output][self.label]

    def mask(self, A: partitions.Partition) -> Bool[np.ndarray, "sites"]:
        """The side A of a partition as a mask."""
        return partitions.mask(self.arch, A)

    def problem(self, A: partitions.Partition) -> Problem:
        """The state and a partition, as the measures take them."""
        return Problem(self.network, self.banks, self.vector[None], self.measure, self.mask(A))

    def schmidt(self, A: partitions.Partition, memory: Memory = None) -> Spectrum:
        """The exact Schmidt spectrum across (A, the rest)."""
        (spectrum,) = schmidt.spectra(self.network, self.banks, self.vector[None], self.measure, self.mask(A), memory)
        return spectrum

    def leading_values(self, A: partitions.Partition, k: int, chi: int = 32, memory: Memory = None) -> LeadingValues:
        """The k largest Schmidt values, from below, of partitions whose whole spectrum is out of reach."""
        return leading.leading_values(self.problem(A), k, chi, limit=memory)

    def entropy(self, A: partitions.Partition, base: float = e, atol: float | None = None, memory: Memory = None,
                seconds: float | None = None) -> Estimate:  # fmt: skip
        """Von Neumann entropy -sum p ln p across (A, the rest): exact where in reach, else a rigorous interval.

        atol: the width of the interval asked for, in units of the base. Without it, about 2 % of S and a minute.
        seconds: no pass is begun that would end later. What stopped the search stands in the note.
        """
        found = entropy.entropy(self.problem(A), entropy.asked_in(base, atol, memory, seconds))
        return found.map(lambda nats: nats / log(base))

    def renyi(self, A: partitions.Partition, order: float = 2, base: float = e, memory: Memory = None) -> Estimate:
        """Renyi entropy of any order >= 0: integers from 2 by replicas, any partition; the others from the spectrum.

        Order 1 is `entropy`. Order 2 of a state whose channels nearly cancel comes from the spectrum too, where that
        is as cheap: replicas feel the cancellation to the fourth power.
        """
        return renyi_in(self, A, order, base, memory)

    def renyi_many(self, masks: Bool[np.ndarray, "partitions sites"], order: float = 2, base: float = e,
                   memory: Memory = None) -> Estimate:  # fmt: skip
        """Renyi entropies of integer order of many partitions (masks, one a row); arrays (partitions,)."""
        rows = np.stack([self.mask(row) for row in mask_rows(masks)])
        found = renyi.renyi(self.network, self.banks, self.vector[None], self.measure, rows, order, memory)
        return found.map(lambda nats: nats[0] / log(base))

    def exact_rank(self, A: partitions.Partition, memory: Memory = None, primes: int = 2, seed: int = 0) -> ExactRank:
        """The Schmidt rank as an integer: of the weights as they are, over finite fields, with the odds of an error."""
        exact_rank.check_measure(self.measure)
        found = exact_rank.exact_rank(self.network, self.banks, self.vector, self.mask(A), primes, seed, memory)
        return found.below(rank_bounds(self.arch, A).upper)

    def mutual_information(self, X, Y, order: float = 1, atol: float | None = None, memory: Memory = None,
                           seconds: float | None = None) -> Estimate:  # fmt: skip
        """I(X:Y) = S(X) + S(Y) - S(XY) of two sets of sites (numbers, masks or names), nats; the rest as `entropy`."""
        sets = (partitions.site_set(self.arch, X, "X"), partitions.site_set(self.arch, Y, "Y"))
        return mutual.mutual_information(*self._parts, sets, order, entropy.Asked(atol, memory, seconds))

    def mutual_information_map(self, memory: Memory = None, progress: Progress = None) -> MutualInformation:
        """I(i:j) of all pairs of sites, their single-site entropies and correlations, by one fold."""
        return mutual.mutual_information_map(*self._parts, limit=memory, progress=progress)

    def window_map(self, memory: Memory = None) -> WindowMap:
        """The spectrum of every window of every level against the rest, by one fold."""
        return maps.window_map(*self._parts, grid=self.arch.grid, limit=memory)

    def block_map(self, block: int | tuple[int, ...], memory: Memory = None) -> Estimate:
        """Renyi-2 entropies, in nats, of a block of the given size against the rest at every position."""
        size = (block,) * len(self.arch.grid) if isinstance(block, int) else tuple(block)
        return maps.block_map(*self._parts, grid=self.arch.grid, block=size, limit=memory)

    def site_entropies(self, order: float = 1, memory: Memory = None) -> Estimate:
        """Entropies of every single site against the rest, nats, (sites,)."""
        return maps.site_entropies(*self._parts, order=order, limit=memory)

    @property
    def _parts(self) -> tuple[Network, dict, Num[np.ndarray, "r"], SiteMeasure]:
        return self.network, self.banks, self.vector, self.measure

    def reduced_density_matrix(self, sites, memory: Memory = None) -> Num[np.ndarray, "D D"]:
        """rho of a few sites, (M^k, M^k), trace 1, in the order given; in the measure's orthonormal basis."""
        wanted = partitions.site_list(self.arch, sites)
        if not wanted:
            raise ValueError("sites: wanted at least one site, found none")
        return reduced.reduced_density_matrix(self.network, self.banks, self.vector, self.measure, wanted, memory)

    def norm(self) -> Scaled:
        """The state's norm as value * exp(log_scale); value is 1, or 0 for a state that is zero to rounding."""
        log_norm = grams.log_norm(self.network, self.banks, self.vector, self.measure)
        zero = log_norm == -np.inf
        return Scaled(np.asarray(float(not zero)), np.asarray(0.0 if zero else log_norm))

    def amplitude(self, configurations: Int[np.ndarray, "n sites"]) -> Scaled:
        """Amplitudes <d_1 .. d_N|psi> (not normalised) as value * exp(log_scale), arrays (n,)."""
        found = digits(configurations, self.arch.size, self.arch.features)
        features = np.swapaxes(self.measure.factors, -1, -2)[self.measure.kind[None], found]
        with jax.enable_x64(True), jax.default_matmul_precision("highest"):
            out = scores(self.network, self.banks, jnp.asarray(features))
            value, log_scale = np.asarray(out.value[:, self.label]), np.asarray(out.log_scale)
        return Scaled(value, log_scale)


def state_of(
    arch: Layered, params, label: int, measure: str = "coefficient", gram=None, images: Images | None = None
) -> State | DataState:
    """The state of one class, its banks checked and widened to float64 or complex128.

    Raises ValueError for banks of the wrong names, shapes or type or with NaN, a label out of range, and a measure,
    gram or images that do not fit.
    """
    if isinstance(label, bool) or not isinstance(label, (int, np.integer)) or not 0 <= label < arch.classes:
        raise ValueError(f"label: wanted an integer in 0..{arch.classes - 1}, found {label!r}")
    banks = measurable(arch.network, params)
    if (measure == "data") != (images is not None):
        wanted = "the features of images, (n, sites, M)" if measure == "data" else "none"
        raise ValueError(f"images: measure {measure!r} wants {wanted}, found {'none' if images is None else 'some'}")
    if images is not None:
        if gram is not None:
            raise ValueError("gram: measure 'data' wants none, found one")
        return DataState(arch, banks, int(label), images)
    return State(arch, banks, int(label), site_measure(measure, gram, arch.size, arch.features))
