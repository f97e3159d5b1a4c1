"""The wave function of one class: a door to every measure. THEORY sections 2 and 3. Above the measures; used by models.

|psi_y> = sum_d A^y_{d_1 .. d_N} |d_1> .. |d_N>
"""

from __future__ import annotations

from dataclasses import dataclass
from math import e, log

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int, Num

from tnsim import partitions
from tnsim.architectures.convac import ConvACArchitecture
from tnsim.banks import measurable
from tnsim.contract.fold import Scaled
from tnsim.contract.scores import scores
from tnsim.entanglement import gram as grams
from tnsim.entanglement import reduced, renyi, schmidt
from tnsim.entanglement.estimate import Estimate
from tnsim.entanglement.measure import SiteMeasure, item_size, site_measure
from tnsim.entanglement.spectrum import Spectrum
from tnsim.entanglement.spectrum import renyi as renyi_of
from tnsim.memory import MemoryLimitError
from tnsim.network import Network

Memory = str | float | None
SHARP = 1e-11  # nats: a Renyi-2 interval wider than this is worth a second look
CHEAP = 10**8  # bytes that a second look may always take


@dataclass(frozen=True, eq=False)
class State:
    """The state of class `label` of a network with given banks, in a measure. Made by `arch.state`.

    Partitions A: site numbers, a boolean mask, or a name (tnsim.partitions.NAMES). Entropies in nats unless base=.
    memory: a limit in bytes or "8GB"; work whose estimate is above it is refused with MemoryLimitError.
    """

    arch: ConvACArchitecture
    banks: dict[str, Num[np.ndarray, "..."]]
    label: int
    measure: SiteMeasure

    @property
    def network(self) -> Network:
        return self.arch.network

    @property
    def vector(self) -> Num[np.ndarray, "r"]:
        """The class's row of the output bank."""
        return self.banks["output"][self.label]

    def mask(self, A: partitions.Partition) -> Bool[np.ndarray, "sites"]:
        """The side A of a partition as a mask."""
        return partitions.mask(self.arch, A)

    def schmidt(self, A: partitions.Partition, memory: Memory = None) -> Spectrum:
        """The exact Schmidt spectrum across (A, the rest)."""
        (spectrum,) = schmidt.spectra(self.network, self.banks, self.vector[None], self.measure, self.mask(A), memory)
        return spectrum

    def entropy(self, A: partitions.Partition, base: float = e, atol: float | None = None, memory: Memory = None):
        """Von Neumann entropy -sum p ln p across (A, the rest). Raises ValueError where its bound is above atol."""
        return exact_entropy(self.schmidt(A, memory), base, atol)

    def renyi(self, A: partitions.Partition, order: float = 2, base: float = e, memory: Memory = None) -> Estimate:
        """Renyi entropy of any order >= 0; order 2 by two replicas, for any partition, the others from the spectrum.

        Order 2 of a state whose channels nearly cancel comes from the spectrum too, where that is as cheap: replicas
        feel the cancellation to the fourth power.
        """
        if order == 2:
            found = self.renyi_many(self.mask(A)[None], order, base, memory).map(lambda one: float(one[0]))
            return found if found.upper - found.lower <= SHARP else sharper(self, found, A, base)
        return spectral_renyi(self.schmidt(A, memory), order, base)

    def renyi_many(self, masks: Bool[np.ndarray, "partitions sites"], order: float = 2, base: float = e,
                   memory: Memory = None) -> Estimate:  # fmt: skip
        """Renyi-2 entropies of many partitions (masks, one a row) in one compiled call; arrays (partitions,)."""
        rows = np.stack([self.mask(np.asarray(row, dtype=bool)) for row in _rows(masks, order)])
        found = renyi.renyi_2(self.network, self.banks, self.vector[None], self.measure, rows, memory)
        return found.map(lambda nats: nats[0] / log(base))

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
        digits = _digits(configurations, self.arch.size, self.arch.features)
        features = np.swapaxes(self.measure.factors, -1, -2)[self.measure.kind[None], digits]
        with jax.enable_x64(True), jax.default_matmul_precision("highest"):
            found = scores(self.network, self.banks, jnp.asarray(features))
            value, log_scale = np.asarray(found.value[:, self.label]), np.asarray(found.log_scale)
        return Scaled(value, log_scale)


def state_of(arch: ConvACArchitecture, params, label: int, measure: str = "coefficient", gram=None) -> State:
    """The state of one class, its banks checked and widened to float64 or complex128.

    Raises ValueError for banks of the wrong names, shapes or type or with NaN, a label out of range, and a measure
    or gram that does not fit.
    """
    if isinstance(label, bool) or not isinstance(label, (int, np.integer)) or not 0 <= label < arch.classes:
        raise ValueError(f"label: wanted an integer in 0..{arch.classes - 1}, found {label!r}")
    banks = measurable(arch.network, params)
    return State(arch, banks, int(label), site_measure(measure, gram, arch.size, arch.features))


def sharper(state: State, found: Estimate, A: partitions.Partition, base: float) -> Estimate:
    """The narrower of a Renyi-2 by replicas and one by the spectrum, if that takes no more memory."""
    allowed = renyi.estimate(state.network) * item_size(state.banks, state.measure)
    try:
        exact = spectral_renyi(state.schmidt(A, max(allowed, CHEAP)), 2, base)
    except MemoryLimitError:  # out of reach: the interval of the replicas says what is known
        return found
    return min(found, exact, key=lambda estimate: estimate.upper - estimate.lower)


def exact_entropy(spectrum: Spectrum, base: float, atol: float | None) -> Estimate:
    """Von Neumann entropy of an exact spectrum with the bound that rounding leaves."""
    value, error = spectrum.entropy(), spectrum.entropy_error
    if atol is not None and error > atol * log(base):
        raise ValueError(f"atol: wanted {atol}, found a rounding error of up to {error / log(base):.2g}")
    found = Estimate(value, max(value - error, 0.0), value + error, "exact spectrum")
    return found.map(lambda nats: nats / log(base))


def spectral_renyi(spectrum: Spectrum, order: float, base: float) -> Estimate:
    """Renyi entropy of an exact spectrum. Its interval: every p_k moved by at most 2 s_k delta + delta^2."""
    if order == 1:
        return exact_entropy(spectrum, base, None)
    value = spectrum.renyi(order, base)
    step = 2 * spectrum.values * spectrum.error_bound + spectrum.error_bound**2
    p = spectrum.probabilities
    kept = p[: max(spectrum.rank(), 1)] if order < 1 else p
    moved = (np.maximum(kept + sign * step[: len(kept)], 0) for sign in (-1, 1))
    ends = [renyi_of(p, order) / log(base) for p in moved]
    return Estimate(value, min(value, *ends), max(value, *ends), "exact spectrum")


def _rows(masks, order: float) -> Bool[np.ndarray, "partitions sites"]:
    if order != 2:
        raise ValueError(f"order: many partitions at once are for order 2, found {order!r}; use renyi(A, order)")
    masks = np.asarray(masks)
    if masks.ndim != 2 or masks.dtype != bool or not len(masks):
        raise ValueError(f"masks: wanted booleans (partitions, sites), found shape {masks.shape} of {masks.dtype}")
    return masks


def _digits(configurations, sites: int, features: int) -> Int[np.ndarray, "n sites"]:
    digits = np.asarray(configurations)
    if digits.ndim != 2 or digits.shape[1] != sites or digits.dtype.kind not in "iu":
        raise ValueError(
            f"configurations: wanted integers (n, {sites}), found shape {digits.shape} of type {digits.dtype}"
        )
    if digits.size and not (digits.min() >= 0 and digits.max() < features):
        raise ValueError(f"configurations: digits must lie in 0..{features - 1}, found {digits.min()}..{digits.max()}")
    return digits
