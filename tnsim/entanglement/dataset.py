"""Schmidt values under the data: sites of a side depend on each other as in the images. THEORY sections 2 and 7.

    psi[i, j] / n      image i seen by A, image j by B: the function in L2(mu_A x mu_B), mu uniform over n images

A cut that the tree respects needs no such matrix: psi[i, j] = sum_g u_g(image i) v_g(image j), one pass over images.
Values are carried with a running bound on their rounding. Uses contract.schedule; beside schmidt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from math import log
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from tnsim import memory
from tnsim.banks import Banks, check_features
from tnsim.contract.schedule import Schedule, whole
from tnsim.entanglement.spectrum import Spectrum
from tnsim.network import Network

EPS = float(np.finfo(np.float64).eps)
AT_ONCE = 2**19  # numbers of one node's values: 4 MB in float64, and a few of them are alive
Images = Num[np.ndarray, "n sites M"] | Callable[[], Iterable[Num[np.ndarray, "_ sites M"]]]
"""Features of images: of all of them, or what makes chunks of them anew whenever it is called."""
NEVER = -(2**40)  # the exponent of what is zero for all images
STREAMED = 2**22  # numbers of one chunk of features


class DataSpectrum(NamedTuple):
    """A spectrum that is exact on the images it was measured on, how it was found and what is to be said of it."""

    spectrum: Spectrum
    method: str
    note: str


class Cut(NamedTuple):
    """One side's sites are those below some positions (`inside`) of the window of a node; `wave` counts from the sites.

    The window's index alone joins it to the other side, so psi = sum_g u_g(x_A) v_g(x_B) over the node's channels.
    """

    wave: int
    node: int
    inside: tuple[int, ...]


class Bounded(NamedTuple):
    """value * 2^exponent, wrong by at most error * eps * 2^exponent to first order; one exponent for all channels.

    Axes: the channels, then one or two of images; an axis that the value does not depend on has length 1.
    """

    value: Num[np.ndarray, "r *images"]
    error: Float[np.ndarray, "r *images"]
    exponent: Int[np.ndarray, "*images"]


class Tree(NamedTuple):
    """The layered tree over images: its schedule, banks of peak 1 with their exponents, and the leaves."""

    schedule: Schedule
    banks: dict[str, tuple[Num[np.ndarray, "copies g c"], Int[np.ndarray, "copies"]]]
    leaf: Callable[[int], Bounded]


def tree_cut(network: Network, mask: Bool[np.ndarray, "sites"]) -> Cut | None:
    """Where the tree respects the partition (A, the rest), on the lowest node that does; None where it nowhere does."""
    waves = whole(network).waves
    for side in (mask, ~mask):
        inside, size = side.astype(np.int64), np.ones(len(side), np.int64)
        for number, wave in enumerate(waves):
            windows = wave.children.array
            counts = inside[windows].sum(axis=1)
            node = int(counts.argmax())
            if counts[node] == side.sum():
                positions = windows[node][inside[windows[node]] > 0]
                if (inside[positions] == size[positions]).all():
                    return Cut(number, node, tuple(positions.tolist()))
                break
            inside, size = counts, size[windows].sum(axis=1)
    return None


def data_spectrum(
    network: Network,
    banks: Banks,
    vector: Num[np.ndarray, "r"],
    features: Num[np.ndarray, "n sites M"] | Iterable[Num[np.ndarray, "_ sites M"]],
    mask: Bool[np.ndarray, "sites"],
    limit: str | float | None = None,
) -> DataSpectrum:
    """The Schmidt spectrum of psi(x_A, x_B) in L2(mu_A x mu_B), mu_A and mu_B the empirical marginals of the images.

    features: those of all images, or an iterable of chunks, which is read once. Where the tree respects the cut: one
    pass, n r numbers held. Elsewhere psi on all n^2 mixed images. log_norm is ln of the root mean square of psi over
    the n^2 pairs. Raises MemoryLimitError where the images held or the n x n matrix are above the limit, ValueError
    for features of another shape or not finite, for none, and for a function that is zero on all pairs. Source: THEORY
    section 2.
    """
    cut = tree_cut(network, mask)
    if cut is None:
        return _mixed(network, banks, vector, _gathered(network, features, limit), mask, limit)
    sides = [_two_sides(network, banks, vector, chunk, cut) for chunk in _chunks(network, features)]
    if not sides:
        raise ValueError("features: wanted at least one image, found none")
    u, v = (_joined([pair[side] for pair in sides]) for side in (0, 1))
    return _of_sides(u, v)


def matrix_bytes(n: int, item: int) -> float:
    """Peak bytes of the n x n route: the matrix, LAPACK's copy of it and its work space, and some nodes' values."""
    return 3.0 * n * n * item + 16.0 * AT_ONCE * item


def _chunks(network: Network, features) -> Iterator[Num[np.ndarray, "_ sites M"]]:
    """Checked chunks in double precision, none larger than STREAMED."""
    for chunk in [features] if hasattr(features, "ndim") else features:
        check_features(network, chunk)
        if not np.isfinite(chunk).all():
            raise ValueError("features: wanted finite numbers, found NaN or infinity")
        step = max(1, STREAMED // (chunk.shape[1] * chunk.shape[2]))
        for start in range(0, len(chunk), step):
            part = np.asarray(chunk[start : start + step])
            yield part.astype(np.result_type(part.dtype, np.float64))


def _gathered(network: Network, features, limit: str | float | None) -> Num[np.ndarray, "n sites M"]:
    """All features at once, refused as soon as their number shows that the matrix would be too large."""
    chunks, n, held = [], 0, 0
    for chunk in _chunks(network, features):
        chunks.append(chunk)
        n, held = n + len(chunk), held + chunk.nbytes
        memory.check(
            2 * held + matrix_bytes(n, chunk.itemsize), limit, f"data: the matrix of {n} (or more) x as many images",
            "No edge of the tree separates this A from the rest. Ways out: fewer images; a partition that one window "
            "of the tree separates (left-right with square windows); a higher memory=.",
        )  # fmt: skip
    if not n:
        raise ValueError("features: wanted at least one image, found none")
    return np.concatenate(chunks)


def _two_sides(network: Network, banks: Banks, vector, chunk: Num[np.ndarray, "n sites M"], cut: Cut):
    """u (below the cut's positions) and v (around them) on every image of a chunk."""
    by_site = np.ascontiguousarray(np.transpose(chunk, (1, 2, 0)))
    tree = _tree(network, banks, lambda site: _exact(by_site[site]))
    return _product(_position(tree, cut.wave, p) for p in cut.inside), _outside(tree, vector, cut)


def _tree(network: Network, banks: Banks, leaf: Callable[[int], Bounded]) -> Tree:
    schedule = whole(network)
    scaled = {}
    for wave in schedule.waves:
        bank = np.asarray(banks[wave.bank])
        exponent = np.frexp(np.abs(bank).max(axis=(1, 2)))[1]
        scaled[wave.bank] = (bank * np.ldexp(1.0, -exponent)[:, None, None], exponent.astype(np.int64))
    return Tree(schedule, scaled, leaf)


def _exact(value: Num[np.ndarray, "r *images"]) -> Bounded:
    return _scaled(value, np.zeros(value.shape), np.zeros(value.shape[1:], np.int64))


def _scaled(value, error, exponent) -> Bounded:
    """With peak in [1/2, 1) over the channels, by a power of two: no rounding."""
    power = np.maximum(np.frexp(np.abs(value).max(axis=0))[1], -1000)  # 2^1001 and more would overflow
    shrink = np.ldexp(1.0, -power)[None]
    return Bounded(value * shrink, error * shrink, exponent + power)


def _times(x: Bounded, y: Bounded) -> Bounded:
    """The product, by the rule of Leibniz for the errors; 2 eps for its own rounding, where complex sqrt(5)/2."""
    size_x, size_y = np.abs(x.value), np.abs(y.value)
    error = size_x * y.error + (x.error + 2 * size_x) * size_y
    return _scaled(x.value * y.value, error, x.exponent + y.exponent)


def _product(values: Iterable[Bounded]) -> Bounded:
    """The product of a window, values of like axes first: those of one side stay small."""
    parts: dict[tuple[int, ...], Bounded] = {}
    for value in values:
        shape = value.value.shape
        parts[shape] = _times(parts[shape], value) if shape in parts else value
    return reduce(_times, parts.values())


def _conv(rows: Num[np.ndarray, "g c"], exponent: int, x: Bounded) -> Bounded:
    """A matrix on the channels: sums of c products, wrong by c + 4 eps of their absolute values at most."""
    images, c = x.value.shape[1:], len(x.value)
    value = rows @ x.value.reshape(c, -1)
    error = np.abs(rows) @ (x.error + (c + 4) * np.abs(x.value)).reshape(c, -1)
    return _scaled(value.reshape(-1, *images), error.reshape(-1, *images), x.exponent + exponent)


def _position(tree: Tree, wave: int, position: int) -> Bounded:
    """The value above a position's matrix. Depth first, so that a few nodes' values are held and no whole wave."""
    rows, exponents = tree.banks[tree.schedule.waves[wave].bank]
    row = tree.schedule.waves[wave].rows[position]
    below = tree.leaf(position) if wave == 0 else _node(tree, wave - 1, position)
    return _conv(rows[row], int(exponents[row]), below)


def _node(tree: Tree, wave: int, node: int) -> Bounded:
    children = tree.schedule.waves[wave].children.array[node].tolist()
    return _product(_position(tree, wave, child) for child in children)


def _outside(tree: Tree, vector: Num[np.ndarray, "r"], cut: Cut) -> Bounded:
    """What meets the window's index around the positions `inside`: dpsi/du, the siblings times what stands above."""
    wave = tree.schedule.waves[cut.wave]
    siblings = [child for child in wave.children.array[cut.node].tolist() if child not in cut.inside]
    return _product([_above(tree, vector, cut), *(_position(tree, cut.wave, child) for child in siblings)])


def _above(tree: Tree, vector: Num[np.ndarray, "r"], cut: Cut) -> Bounded:
    """dpsi/d(the node's value): the class vector at the root, else what comes down through the matrix above."""
    if cut.wave + 1 == len(tree.schedule.waves):
        return _exact(vector[:, None])
    wave = tree.schedule.waves[cut.wave + 1]
    parent = int(np.flatnonzero((wave.children.array == cut.node).any(axis=1))[0])
    rows, exponents = tree.banks[wave.bank]
    row = wave.rows[cut.node]
    return _conv(rows[row].T, int(exponents[row]), _outside(tree, vector, Cut(cut.wave + 1, parent, (cut.node,))))


class Flat(NamedTuple):
    """value * 2^exponent with one exponent for all images, that of the largest, beside which others may vanish."""

    value: Num[np.ndarray, "r *images"]
    error: Float[np.ndarray, "r *images"]
    exponent: int


def _flat(x: Bounded) -> Flat:
    alive = np.abs(x.value).max(axis=0) > 0
    top = int(x.exponent[alive].max()) if alive.any() else NEVER
    shrink = _power(x.exponent - top)[None]
    return Flat(x.value * shrink, x.error * shrink, top)


def _power(exponent: Int[np.ndarray, "*images"]) -> Float[np.ndarray, "*images"]:
    """2^exponent of exponents up to zero (those above belong to exact zeros)."""
    return np.ldexp(1.0, np.clip(exponent, -2000, 0))


class Rows(NamedTuple):
    """Rows of the n x n matrix over 2^exponent, and their error in Frobenius norm, in eps."""

    value: Num[np.ndarray, "rows n"]
    error: float
    exponent: int


def _rows(block: Bounded) -> Rows:
    flat = _flat(block)
    return Rows(flat.value[0], float(np.linalg.norm(flat.error)), flat.exponent)


def _joined(parts: list[Bounded]) -> Flat:
    """Chunks of images as one."""
    return _flat(Bounded(*(np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))))


def _of_sides(u: Flat, v: Flat) -> DataSpectrum:
    """Singular values of sum_g u_g(i) v_g(j) / n: QR of both sides, and no Gram matrix, which loses small values."""
    r, n = u.value.shape
    left, right = (np.asarray(np.linalg.qr(side.value.T, mode="r")) for side in (u, v))
    values = np.linalg.svd(left @ right.T, compute_uv=False)
    size_u, size_v, error_u, error_v = (np.linalg.norm(x, axis=1) for x in (u.value, v.value, u.error, v.error))
    factors = 8 * (n * r) ** 0.5 * size_u * size_v  # what QR and the product of its factors round, channel by channel
    error = float((error_u * size_v + size_u * error_v + factors).sum())
    log_scale = (u.exponent + v.exponent) * log(2)
    spectrum = _spectrum(values, error, log_scale, n)
    return DataSpectrum(spectrum, f"images through one window of the tree, {r} channels", _note(n))


def _mixed(network: Network, banks: Banks, vector, features, mask, limit: str | float | None) -> DataSpectrum:
    """psi on all mixed images, a block of rows at a time."""
    n = len(features)
    item = np.result_type(features, vector, *banks.values()).itemsize
    memory.check(features.nbytes + matrix_bytes(n, item), limit, f"data: the matrix of {n} x {n} images",
                 "Ways out: fewer images; a higher memory=.")  # fmt: skip
    step = max(1, AT_ONCE // (n * max(network.dims.tolist())))
    starts = range(0, n, step)
    blocks = [_rows(mixed_block(network, banks, vector, features, mask, slice(at, at + step))) for at in starts]
    top = max(block.exponent for block in blocks)
    shrink = _power(np.array([block.exponent for block in blocks]) - top)
    error = np.linalg.norm([block.error * s for block, s in zip(blocks, shrink, strict=True)])
    matrix = np.concatenate([block.value * s for block, s in zip(blocks, shrink, strict=True)])
    del blocks
    values = np.linalg.svd(matrix, compute_uv=False)
    rounding = float(error) + 4 * n**0.5 * float(np.linalg.norm(values))
    return DataSpectrum(_spectrum(values, rounding, top * log(2), n), f"all {n} x {n} mixed images", _note(n))


def mixed_block(network: Network, banks: Banks, vector: Num[np.ndarray, "r"], features: Num[np.ndarray, "n sites M"],
                mask: Bool[np.ndarray, "sites"], rows: slice) -> Bounded:  # fmt: skip
    """psi(x_A of image i, x_B of image j), (1, rows, n), for i in a slice; subtrees of one side see n images alone."""

    def leaf(site: int) -> Bounded:
        return _exact(features[rows, site].T[:, :, None] if mask[site] else features[:, site].T[:, None, :])

    tree = _tree(network, banks, leaf)
    root = _node(tree, len(tree.schedule.waves) - 1, 0)
    return _conv(vector[None], 0, root)


def _spectrum(values: Float[np.ndarray, "k"], error: float, log_scale: float, n: int) -> Spectrum:
    """Singular values of the n x n matrix, wrong by at most error * eps in Frobenius norm."""
    norm = float(np.linalg.norm(values))
    if norm == 0:
        raise ValueError("state: the function is exactly zero on these images, so it has no Schmidt spectrum")
    bound = EPS * (2 * error / norm + 4 * len(values) ** 0.5)  # twice: the norm divided out is as wrong
    return Spectrum(values / norm, float(np.log(norm)) + log_scale - float(np.log(n)), bound)


def _note(n: int) -> str:
    return f"exact on these {n} images, sites of a side dependent as in them; the population's value differs"
