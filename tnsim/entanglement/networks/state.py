"""The state of any network, loops and dense cores and copy indices alike: a door to every measure. Used by tnsim.

|psi> = sum_d psi_{d_1 .. d_N} |d_1> .. |d_N>, psi the network's tensor over its sites, its outputs at a chosen class
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import e, log
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Num

from tnsim import partitions
from tnsim.architectures.grid import OnGrid
from tnsim.banks import measurable
from tnsim.contract.engines import route
from tnsim.contract.fold import Scaled
from tnsim.contract.schedule import whole
from tnsim.entanglement import entropy as spectral
from tnsim.entanglement import maps, mutual
from tnsim.entanglement.certified.certify import Problem
from tnsim.entanglement.doors import Memory, digits, mask_rows, renyi_in
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.exact_rank import ExactRank, check_measure
from tnsim.entanglement.mutual import MutualInformation
from tnsim.entanglement.networks import executors, ranks, reduced, renyi, singles, spectra
from tnsim.entanglement.networks.measures import SiteMeasures, site_measures
from tnsim.entanglement.networks.parts import Parts, parts_of
from tnsim.entanglement.renyi import integer_order
from tnsim.entanglement.spectrum import Spectrum
from tnsim.entanglement.subtrees import named
from tnsim.memory import MemoryLimitError
from tnsim.network import Network


@dataclass(frozen=True, eq=False)
class NetworkState:
    """The state of a network with given banks, its outputs at `labels`, in a measure. Made by `network_state`.

    Partitions A: site numbers, a boolean mask, or a name (tnsim.partitions.NAMES; windows are an architecture's own, or
    blocks of 2, 4, .. that tile the grid). Entropies in nats unless base=. memory: a limit in bytes or "8GB"; work
    whose estimate is above it is refused with MemoryLimitError. executor: of norms, amplitudes and replicas, "numpy",
    "jax" (float64, compiled once for a network and an order), or None for JAX on an accelerator and NumPy elsewhere.
    """

    network: Network
    banks: Mapping[str, Num[np.ndarray, "..."]]
    labels: tuple[int, ...]
    measure: SiteMeasures
    sites: partitions.Sites
    executor: str | None = None

    @cached_property
    def _parts(self) -> Parts:
        return parts_of(self.network, self.banks, self.labels)

    @property
    def _state(self) -> tuple[Parts, tuple]:
        return self._parts, self.measure.factors

    @cached_property
    def _note(self) -> str:
        """What a reader of an entropy must know of the network."""
        pieces, summed = self._parts.pieces, _dangling(self.network)
        product = f"the network has {pieces} pieces that share no index: a product" if pieces > 1 else ""
        ends = f"summed over, as no sites: {', '.join(summed)}" if summed else ""
        return "; ".join(filter(None, (self.measure.note, product, ends)))

    def mask(self, A: partitions.Partition) -> Bool[np.ndarray, "sites"]:
        """The side A of a partition as a mask."""
        return partitions.mask(self.sites, A)

    def schmidt(self, A: partitions.Partition, memory: Memory = None) -> Spectrum:
        """The exact Schmidt spectrum across (A, the rest), small values too: no Gram matrix is formed."""
        return spectra.spectrum(self.network, *self._state, self.mask(A), memory)

    def entropy(self, A: partitions.Partition, base: float = e, atol: float | None = None,
                memory: Memory = None) -> Estimate:  # fmt: skip
        """Von Neumann entropy -sum p ln p across (A, the rest), from the exact spectrum; of a layered tree, where that
        does not fit, a certified interval.

        atol: the error allowed, in units of the base. Raises ValueError where rounding leaves more; MemoryLimitError,
        with what there is instead, where no spectrum of another network fits."""
        watch, asked = Stopwatch(), spectral.asked_in(base, atol, memory, None)
        spectral.check(asked)
        try:
            found = spectral.exact(self.schmidt(A, memory), asked.atol)
            found = replace(found, note=self._note)
        except MemoryLimitError:
            if not self._is_layered:
                raise
            found = spectral.entropy(self._problem(A), asked)
        return replace(found, seconds=watch.seconds).map(lambda nats: nats / log(base))

    @cached_property
    def _is_layered(self) -> bool:
        return route(self.network) == "fold" and len(self.measure.groups) == 1

    def _problem(self, A: partitions.Partition) -> Problem:
        """The state of a layered tree and a partition, as certified measures take them."""
        ((_, measure),), vector = self.measure.groups, self.banks[whole(self.network).output][self.labels]
        return Problem(self.network, dict(self.banks), vector[None], measure, self.mask(A))

    def renyi(self, A: partitions.Partition, order: float = 2, base: float = e, memory: Memory = None) -> Estimate:
        """Renyi entropy of any order >= 0: integers from 2 by replicas, any partition; the others from the spectrum."""
        return renyi_in(self, A, order, base, memory)

    def renyi_many(self, masks: Bool[np.ndarray, "partitions sites"], order: float = 2, base: float = e,
                   memory: Memory = None) -> Estimate:  # fmt: skip
        """Renyi entropies of integer order of many partitions (masks, one a row); arrays (partitions,)."""
        rows = np.stack([self.mask(row) for row in mask_rows(masks)])
        watch, n = Stopwatch(), integer_order(order)
        value, lower, upper = renyi.entropies(*self._state, rows, n, renyi.Asked(memory, self.executor))
        found = Estimate(value, lower, upper, named(n), seconds=watch.seconds, note=self._note)
        return found.map(lambda nats: nats / log(base))

    def exact_rank(self, A: partitions.Partition, memory: Memory = None, primes: int = 2, seed: int = 0) -> ExactRank:
        """The Schmidt rank as an integer: of the weights as they are, over finite fields, with the odds of an error."""
        for _, measure in self.measure.groups:
            check_measure(measure)
        return ranks.exact_rank(self.network, self.banks, self.labels, self.mask(A), (primes, seed), memory)

    def mutual_information(self, X, Y, order: float = 1, memory: Memory = None) -> Estimate:
        """I(X:Y) = S(X) + S(Y) - S(XY) of two sets of sites (numbers, masks or names), nats."""
        watch = Stopwatch()
        sides = mutual.checked_sides((partitions.site_set(self.sites, X, "X"), partitions.site_set(self.sites, Y, "Y")))
        x, y, xy = (self._of_set(sites, order, memory) for sites in (*sides, [*sides[0], *sides[1]]))
        ceiling = min(renyi.log_dimension(self._parts, side) for side in sides)
        return replace(mutual.from_entropies(x, y, xy, order, ceiling), seconds=watch.seconds)

    def _of_set(self, sites: list[int], order: float, memory: Memory) -> mutual.Value:
        if len(sites) == self.sites.size:
            return mutual.PURE
        return mutual.middle(self.renyi(sites, order, memory=memory))

    def reduced_density_matrix(self, sites, memory: Memory = None) -> Num[np.ndarray, "D D"]:
        """rho of a few sites, trace 1, in the order given (the first is the slowest digit); in the measure's
        orthonormal basis. D: the product of their dimensions."""
        return reduced.density_matrix(*self._state, partitions.site_list(self.sites, sites), memory)

    def window_map(self, memory: Memory = None) -> maps.WindowMap:
        """`State.window_map` of a layered tree; NotLayered, with what there is instead, for any other network."""
        output = whole(self.network).output
        ((_, measure),), vector = self.measure.groups, self.banks[output][self.labels]
        return maps.window_map(self.network, dict(self.banks), vector, measure, self.sites.grid, memory)

    def site_entropies(self, order: float = 1, memory: Memory = None) -> Estimate:
        """Entropies (Renyi of `order`) of every single site against the rest, nats, (sites,): whole orders from 2 by
        replicas, all at once; others by a spectrum for each."""
        return singles.site_entropies(self, self.sites.size, order, memory)

    def mutual_information_map(self, order: float = 1, memory: Memory = None, progress=None) -> MutualInformation:
        """I(i : j) of all pairs of sites, their entropies and connected correlations, nats: N^2 / 2 density matrices;
        entropies as of `site_entropies`. progress(pairs done, pairs in all) is called on the way."""
        return singles.mutual_information_map(self, self._parts.site_dims, order, memory, progress)

    def block_map(self, block: int | tuple[int, ...], memory: Memory = None) -> Estimate:
        """Renyi-2 entropies, in nats, of a block of the given size against the rest at every position."""
        grid = self.sites.grid
        masks = maps.block_masks(grid, (block,) * len(grid) if isinstance(block, int) else tuple(block))
        found = self.renyi_many(masks.reshape(-1, self.sites.size), memory=memory)
        return found.map(lambda nats: nats.reshape(masks.shape[:-1]))

    def norm(self, memory: Memory = None) -> Scaled:
        """The state's norm as value * exp(log_scale); value is 1, or 0 for a state that is zero to rounding."""
        (squared,), _ = renyi.norm_squared(*self._state, renyi.Asked(memory, self.executor))
        zero = squared == -np.inf
        return Scaled(np.asarray(float(not zero)), np.asarray(0.0 if zero else 0.5 * squared))

    def amplitude(self, configurations: Int[np.ndarray, "n sites"], memory: Memory = None) -> Scaled:
        """Amplitudes <d_1 .. d_N|psi> (not normalised) as value * exp(log_scale), arrays (n,)."""
        found = digits(configurations, self.sites.size, np.array(self._parts.site_dims))
        return renyi.amplitudes(*self._state, found, renyi.Asked(memory, self.executor))


def network_state(
    network: Network, banks: Any, label: int | Sequence[int] | None = None, measure: str = "coefficient", gram=None,
    *, grid: tuple[int, ...] | OnGrid | None = None, executor: str | None = None,
) -> NetworkState:  # fmt: skip
    """The state of any network: a chain, a ring, a tree with dense cores, PEPS, MERA, a graph of one's own.

    label: the class of the network's output, a sequence for several outputs, None where it has none. measure:
    "coefficient", or "function" with gram= (M, M) or (sites, M, M), or a list of one matrix a site where dimensions
    differ. grid: shape of the sites, row-major, for partitions by name, or an architecture, whose windows have names
    too; in a row where it is None. executor: as of `NetworkState`.

    Raises ValueError for banks of the wrong names, shapes or type or with NaN, labels, a measure, gram, grid or
    executor that do not fit, and a network with less than two sites.
    """
    wide = measurable(network, banks)
    dims = network.dims[network.sites.array].tolist()
    if len(dims) < 2:
        raise ValueError(
            f"network: wanted at least two sites to part, found {len(dims)} and {len(network.outputs)} outputs; the "
            "door that the network came by says which open indices are sites, as from_einsum(.., sites=..)"
        )
    executors.check(executor)
    measures = site_measures(measure, gram, dims)
    return NetworkState(network, wide, _labels(network, label), measures, _sites(grid, len(dims)), executor)


def _dangling(network: Network) -> list[str]:
    """Names of the indices with one end, neither site nor output; of dimension 1 there is nothing to sum."""
    lonely = np.flatnonzero((network.leg_counts == 1) & (network.dims > 1))
    return [network.index_name(int(index)) for index in lonely]


def _sites(grid: tuple[int, ...] | OnGrid | None, count: int) -> partitions.Sites:
    if isinstance(grid, OnGrid):
        found = partitions.sites_of(grid)
    else:
        found = partitions.Unlayered((count,) if grid is None else tuple(grid))
    if found.size != count:
        raise ValueError(f"grid: wanted a shape of {count} sites, found {found.grid}")
    return found


def _labels(network: Network, label: int | Sequence[int] | None) -> tuple[int, ...]:
    dims = [int(network.dims[index]) for index in network.outputs]
    given = () if label is None else (label,) if isinstance(label, (int, np.integer)) else tuple(label)
    if len(given) != len(dims):
        names = ", ".join(network.index_name(index) for index in network.outputs) or "none"
        raise ValueError(f"label: wanted {len(dims)} numbers, one for each output, found {label!r}; outputs: {names}")
    for number, dim in zip(given, dims, strict=True):
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not 0 <= number < dim:
            raise ValueError(f"label: wanted an integer in 0..{dim - 1}, found {number!r}")
    return tuple(int(number) for number in given)
