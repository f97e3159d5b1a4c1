"""Whole models: the states of all classes, and the classifier as one state with a class leg. THEORY sections 3 and 6.

    |Psi> = sum_y |y>|psi_y>      chi_A --[ root ]-- chi_B      y joins the side of A or of B, or is a side alone
                                             |
                                             y

psi_y as the scores have it, not normalised: class y weighs |psi_y|^2. Uses schmidt, gram; the class leg is orthonormal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Num

from tnsim import memory
from tnsim.banks import AnyArray, Banks
from tnsim.contract.fold import Scaled, fold, stacked
from tnsim.contract.schedule import whole
from tnsim.entanglement import compress, schmidt
from tnsim.entanglement.estimate import Estimate
from tnsim.entanglement.gram import Sensitivity, sensitivity, site_grams
from tnsim.entanglement.measure import SiteMeasure, item_size
from tnsim.entanglement.spectrum import Spectrum
from tnsim.network import Network

EPS = float(np.finfo(np.float64).eps)
SIDES = ("A", "B")
LIVE = 4  # copies of the widest wave of replicas alive at once


class Overlaps(NamedTuple):
    """<psi_y|psi_z> = cosines[y, z] exp(log_norms[y] + log_norms[z]); error_bound: on each cosine, from rounding."""

    cosines: Num[np.ndarray, "classes classes"]
    log_norms: Float[np.ndarray, "classes"]
    error_bound: Float[np.ndarray, "classes classes"]

    @property
    def fidelities(self) -> Float[np.ndarray, "classes classes"]:
        """|<psi_y|psi_z>|^2 of the normalised states: 1 for equal ones, 0 for orthogonal ones."""
        return np.abs(self.cosines) ** 2

    @property
    def weights(self) -> Float[np.ndarray, "classes"]:
        """The share of each class in |Psi|^2; they sum to 1."""
        weights = np.exp(2 * (self.log_norms - self.log_norms.max()))
        return weights / weights.sum()


def overlaps(network: Network, banks: Banks, measure: SiteMeasure) -> Overlaps:
    """The Gram matrix of the classes' states, Hermitian, with their norms apart.

    From the states in a basis that QR leaves of all sites, not from squares: orthogonal to 1e-16 is seen as such.
    Raises ValueError where a class is exactly zero.
    """
    everywhere = np.ones(len(network.sites), dtype=bool)
    closed, root = _closed(network, banks, measure, everywhere, None)
    states = closed.value.reshape(len(closed.value), -1)
    norms = np.linalg.norm(states, axis=1)
    if not norms.all():
        raise ValueError(f"state: class {int(norms.argmin())} is exactly zero, so it has no overlaps")
    log_norms = np.log(norms) + root.log_scale  # of the classes with rows of peak 1
    felt = [sensitivity(network, banks, row, measure) for row in closed.rows]
    wrong = [root.step * one.of_values(float(norm)) for one, norm in zip(felt, log_norms, strict=True)]
    unit = states / norms[:, None]
    error = EPS * (np.add.outer(wrong, wrong) + states.shape[1])
    return Overlaps(np.conj(unit) @ unit.T, log_norms + closed.log_peaks, error)


def class_spectrum(network: Network, banks: Banks, measure: SiteMeasure) -> Spectrum:
    """Schmidt values of Psi across (all sites, the class leg): how much the model's inputs tell its classes apart.

    Their squares are the eigenvalues of the overlap matrix over its trace. Raises ValueError for a state that is zero.
    """
    everywhere = np.ones(len(network.sites), dtype=bool)
    return joint_spectrum(network, banks, measure, everywhere, "B")


def joint_spectrum(
    network: Network,
    banks: Banks,
    measure: SiteMeasure,
    mask: Bool[np.ndarray, "sites"],
    class_side: str,
    limit: str | float | None = None,
) -> Spectrum:
    """Schmidt values of Psi across (A, B), the class leg on the side "A" or "B".

    Raises ValueError for another side and for a state that is zero, MemoryLimitError where the estimate is above the
    limit.
    """
    (found,) = _joint_spectra(network, banks, measure, mask, (checked_side(class_side),), limit)
    return found


def mutual_information(
    network: Network,
    banks: Banks,
    measure: SiteMeasure,
    mask: Bool[np.ndarray, "sites"],
    limit: str | float | None = None,
) -> Estimate:
    """I(class : A) = S(class) + S(A) - S(class A) of Psi in nats, between 0 and 2 S(class).

    I(class : A) + I(class : B) = 2 S(class): what one side tells of the class the other does not. Raises as
    `joint_spectrum`.
    """
    alone = class_spectrum(network, banks, measure)
    with_a, with_b = _joint_spectra(network, banks, measure, mask, SIDES, limit)
    value = alone.entropy() + with_b.entropy() - with_a.entropy()
    error = sum(spectrum.entropy_error for spectrum in (alone, with_a, with_b))
    most = max(2 * (alone.entropy() + alone.entropy_error), value)
    lower, upper = min(max(value - error, 0.0), value), min(value + error, most)
    return Estimate(value, lower, upper, "exact spectra of three partitions", note=measure.note)


def joint_renyi_2(
    network: Network,
    banks: Banks,
    measure: SiteMeasure,
    mask: Bool[np.ndarray, "sites"],
    class_side: str,
    limit: str | float | None = None,
) -> Estimate:
    """S_2 of Psi across (A, B) in nats, the class leg on the side "A" or "B", for any partition.

    Two replicas as in `renyi`; those of the class leg are joined within a replica on B's side, between them on A's.
    Raises as `joint_spectrum`.
    """
    side = SIDES.index(checked_side(class_side))
    waves = whole(network).waves
    needed = LIVE * max(wave.positions * max(wave.dim_in, wave.dim_out) ** 4 for wave in waves)
    memory.check(
        needed * item_size(banks, measure), limit, "renyi: the fold of two replicas",
        "Ways out: narrower levels (the cost is width^4); the joint spectrum where few edges are cut; more memory=.",
    )  # fmt: skip
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        grams = site_grams(measure)[measure.kind]
        log_purity = float(np.asarray(_log_purities(network, banks, grams, mask))[side])
    rows = _rows(network, banks)
    felt = _together(network, banks, measure.by_site, *rows)  # errors of replicas are squared edge by edge
    if not (np.isfinite(felt.log_norm) and np.isfinite(log_purity)):
        raise ValueError("state: it is exactly zero or not finite, so it has no Renyi entropy")
    value = max(4 * felt.log_norm - log_purity, 0.0)
    with np.errstate(over="ignore"):  # an infinite bound says what there is to say
        error = 4 * EPS * float(max(network.dims) * felt.of_replicas() * np.exp(value))
    error += 4 * EPS * (abs(log_purity) + 4 * abs(felt.log_norm))  # thousands, taken from each other
    return Estimate(value, max(value - error, 0.0), value + error, "two replicas", note=measure.note)


def _joint_spectra(network: Network, banks: Banks, measure: SiteMeasure, mask, sides: Sequence[str], limit):
    """One spectrum for each side that the class leg may join, from one fold."""
    closed, root = _closed(network, banks, measure, mask, limit)
    felt = _together(network, banks, measure, closed.rows, closed.log_peaks)
    top = float(closed.log_peaks.max())
    root = root._replace(log_scale=root.log_scale + top)
    value = closed.value * np.exp(closed.log_peaks - top)[:, None, None]
    labels, rows, columns = value.shape
    joined = {
        "A": lambda: value.reshape(labels * rows, columns),
        "B": lambda: np.swapaxes(value, 0, 1).reshape(rows, labels * columns),
    }
    found = (np.linalg.svd(joined[side](), compute_uv=False) for side in sides)
    return [schmidt.spectrum_of(values, root, felt) for values in found]


class Closed(NamedTuple):
    """The matrix of every class, closed by rows of peak 1, over the scale of the root; and those rows' peaks."""

    value: Num[np.ndarray, "classes ac bd"]
    rows: Num[np.ndarray, "classes r"]
    log_peaks: Float[np.ndarray, "classes"]


def _closed(network: Network, banks: Banks, measure: SiteMeasure, mask, limit) -> tuple[Closed, schmidt.Root]:
    """The root's factors closed by every row of the output bank."""
    rows, log_peaks = _rows(network, banks)
    schedule = schmidt.planned(network, banks, measure, mask, limit, len(rows))
    kernels = compress.kernels()
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        root = schmidt.root_factors(kernels, schedule, banks, measure, mask)
        matrices = [np.asarray(kernels.close(row, root.x, root.y)) for row in rows]
    return Closed(np.stack(matrices), rows, log_peaks), root


def _rows(network: Network, banks: Banks) -> tuple[Num[np.ndarray, "classes r"], Float[np.ndarray, "classes"]]:
    """Rows of the output bank with peak 1 each, and ln of their peaks: classes may lie orders of magnitude apart."""
    rows = np.asarray(banks[whole(network).output])
    peaks = np.abs(rows).max(axis=1)
    peaks = np.where(peaks > 0, peaks, peaks.max() or 1.0)
    return rows / peaks[:, None], np.log(peaks)


def _together(network: Network, banks: Banks, measure: SiteMeasure, rows, log_peaks) -> Sensitivity:
    """The sensitivity of sum_y |y>|psi_y>: squared norms and their derivatives add up."""
    felt = [sensitivity(network, banks, row, measure) for row in rows]
    scales = [one.log_scale + 2 * float(log_peak) for one, log_peak in zip(felt, log_peaks, strict=True)]
    shrink = np.exp(np.array(scales) - max(scales))
    sizes = (shrink[:, None] * np.stack([one.sizes for one in felt])).sum(axis=0)
    norm_squared = float((shrink * [one.norm_squared for one in felt]).sum())
    return Sensitivity(felt[0].counts, sizes, norm_squared, max(scales))


def checked_side(class_side: str) -> str:
    """The side of the class leg. Raises ValueError where it is none."""
    if class_side not in SIDES:
        raise ValueError(f"class_side: wanted one of {SIDES}, found {class_side!r}")
    return class_side


def _two_replicas(rows: Num[Array, "#p g c"], value: Num[Array, "p c c c c"]) -> Num[Array, "p g g g g"]:
    """The matrix on both kets, its conjugate on both bras."""
    return jnp.einsum("pwa,pxb,pyc,pzd,pabcd->pwxyz", rows, rows, jnp.conj(rows), jnp.conj(rows), value, optimize=True)


REPLICAS = stacked(_two_replicas, axes=(-4, -3, -2, -1))


@partial(jax.jit, static_argnames="network")
def _log_purities(
    network: Network, banks: Banks, grams: Num[AnyArray, "sites M M"], mask: Bool[AnyArray, "sites"]
) -> Float[Array, "2"]:
    """ln Tr rho^2 of the unnormalised Psi across the partition, the class leg on A's side and on B's."""
    traced = jnp.einsum("nac,nbd->nabcd", grams, grams)
    swapped = jnp.einsum("nad,nbc->nabcd", grams, grams)
    leaves = jnp.where(mask[:, None, None, None, None], swapped, traced)
    root = fold(REPLICAS, whole(network), banks, Scaled(leaves, jnp.zeros(len(leaves), jnp.abs(leaves).dtype)))
    rows = banks[whole(network).output]
    peak = jnp.abs(rows).max()
    peak = jnp.where(peak > 0, peak, 1)
    unit = rows / peak
    classes = unit.T @ jnp.conj(unit)  # sum_y W[y, k] conj(W[y, b])
    between = jnp.einsum("abcd,ad,bc->", root.value[0], classes, classes)
    within = jnp.einsum("abcd,ac,bd->", root.value[0], classes, classes)
    return jnp.log(jnp.stack([between, within]).real) + root.log_scale[0] + 4 * jnp.log(peak)
