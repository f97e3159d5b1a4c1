"""Every matrix as a product of two narrower ones, by a singular value decomposition that knows what matters.

    K = B A:  R = E^(1/2) K G^(1/2) = U s V^T,  A = V_k^T G^(-1/2),  B = K G^(1/2) V_k        loss: sum of s^2 left out

Of all matrices of rank k, B A changes the state least (Eckart and Young in the inner products of what is around it).
The constant channel passes for free: G is then the covariance of the other channels, and B A acts around their means.
What comes out is a ConvAC again, with a level of windows of one position for each A. Uses weights and distance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from tnsim.architectures.convac import ConvACArchitecture, constant_row
from tnsim.banks import Banks
from tnsim.compression.distance import inserted
from tnsim.compression.weights import RealBanks, Weights, real_banks

__all__ = ["closed_above", "factored", "pinned", "roots", "rows_of", "summed_by"]

NOTHING = 1e-12  # of the largest eigenvalue of a Gram: directions that the data never take


class Cut(NamedTuple):
    """A bank in its singular vectors; groups: matrices that share the right ones, each (groups, members, ..)."""

    bank: Float[np.ndarray, "groups members g c"]
    values: Float[np.ndarray, "groups k"]
    left: Float[np.ndarray, "groups c k"]  # G^(1/2) V
    right: Float[np.ndarray, "groups k c"]  # V^T G^(-1/2)
    means: Float[np.ndarray, "groups c"]


def factored(
    arch: ConvACArchitecture, banks: Banks, parameters: int, weights: Weights | None = None
) -> tuple[ConvACArchitecture, RealBanks]:
    """The architecture and banks of at most so many parameters whose matrices above the first level are products.

    Ranks go where a parameter saves most of the loss; a matrix whose factors would be no smaller stays whole. weights:
    of `weights_in` or `weights_on`; None: plain singular values of the matrices as they are.

    Raises ValueError for a budget below that of rank 1 everywhere, and complex banks.
    """
    found = real_banks(banks)
    constant = pinned(found)
    cuts = {level: _cut(arch, found, level, weights, constant) for level in range(1, arch.depth)}
    for level, rank in reversed(_ranks(arch, cuts, parameters, constant).items()):
        if rank is not None:
            arch, found = _with_factors(arch, found, level, cuts[level], rank, constant)
    return arch, found


def pinned(banks: Banks) -> bool:
    """Whether channel 0 of every level is the constant of the level below."""
    rows = [np.asarray(bank)[:, :1] for name, bank in banks.items() if name != "output"]
    return all(np.array_equal(row, constant_row((len(row), 1, row.shape[-1]), np.float32)) for row in rows)


def _cut(arch: ConvACArchitecture, banks: RealBanks, level: int, weights: Weights | None, constant: bool) -> Cut:
    bank, first = banks[f"conv_{level}"], int(constant)
    _, r_out, r_in = bank.shape
    groups = len(bank) if arch.sharing[level] == "none" else 1
    E, G = _around(arch, level, (len(bank), groups), weights)
    means = G[:, first:, 0] / G[:, :1, 0] if constant else np.zeros((groups, r_in))
    G = G[:, first:, first:] - constant * np.einsum("kc,kd,k->kcd", means, means, G[:, 0, 0])
    inner = bank[:, first:, first:].reshape(groups, len(bank) // groups, r_out - first, r_in - first)
    root, inverse = roots(G)
    lifted = roots(E[:, first:, first:])[0].reshape(*inner.shape[:2], r_out - first, r_out - first)
    R = (lifted @ inner @ root[:, None]).reshape(groups, -1, r_in - first)
    _, s, Vt = np.linalg.svd(R, full_matrices=False)
    return Cut(inner, s, root @ np.swapaxes(Vt, 1, 2), Vt @ inverse, means)


def _around(
    arch: ConvACArchitecture, level: int, counts: tuple[int, int], weights: Weights | None
) -> tuple[Float[np.ndarray, "copies g g"], Float[np.ndarray, "groups c c"]]:
    """E of every copy, summed over the positions that read it, and G of every group, the mean; or identities."""
    copies, groups = counts
    if weights is None:
        r_out, r_in = arch.channels[level], arch.widths_in[level]
        return np.stack([np.eye(r_out)] * copies), np.stack([np.eye(r_in)] * groups)
    rows = rows_of(arch, level)
    E = summed_by(weights.environments[level], rows, copies)
    G = summed_by(weights.grams[level], rows if groups > 1 else np.zeros_like(rows), groups)
    return E, G * (groups / len(rows))


def rows_of(arch: ConvACArchitecture, level: int) -> Int[np.ndarray, "positions"]:
    """The row of its bank that each position of a level reads."""
    (stack,) = (stack for stack in arch.network.stacks if stack.bank == f"conv_{level}")
    return stack.slots.array


def closed_above(
    arch: ConvACArchitecture, banks: RealBanks, level: int, weights: Weights
) -> Float[np.ndarray, "nodes r r"]:
    """E at the nodes of a level: of all that is above them, the matrix that reads them too."""
    top = banks[f"conv_{level + 1}"][rows_of(arch, level + 1)] if level + 1 < arch.depth else banks["output"][None]
    return np.swapaxes(top, 1, 2) @ weights.environments[level + 1] @ top


def summed_by(x: Float[np.ndarray, "positions c c"], rows: Int[np.ndarray, "positions"], copies: int) -> np.ndarray:
    total = np.zeros((copies, *x.shape[1:]))
    np.add.at(total, rows, x)
    return total


def roots(G: Float[np.ndarray, "n c c"]) -> tuple[Float[np.ndarray, "n c c"], Float[np.ndarray, "n c c"]]:
    """G^(1/2) and its pseudo-inverse."""
    values, vectors = np.linalg.eigh((G + np.swapaxes(G, 1, 2)) / 2)
    root = np.sqrt(np.maximum(values, 0))
    kept = values > NOTHING * values[:, -1:]
    inverse = np.where(kept, 1 / np.where(kept, root, 1), 0)
    turned = np.swapaxes(vectors, 1, 2)
    return vectors * root[:, None] @ turned, vectors * inverse[:, None] @ turned


def _ranks(arch: ConvACArchitecture, cuts: dict[int, Cut], budget: int, constant: bool) -> dict[int, int | None]:
    """The rank of every level, None where its bank stays whole; the best loss for each parameter first."""
    step, least, whole = {}, {}, {}
    for level, cut in cuts.items():
        copies, r_out, r_in = arch.network.bank_shapes[f"conv_{level}"]
        step[level] = len(cut.bank) * r_in + copies * r_out
        least[level], whole[level] = step[level] * (1 + constant), copies * r_out * r_in
    ranks: dict[int, int | None] = dict.fromkeys(cuts, 1)
    spent = {level: min(least[level], whole[level]) for level in cuts}
    rest = arch.parameters - sum(whole.values())
    if rest + sum(spent.values()) > budget:
        raise ValueError(f"parameters: wanted at least {rest + sum(spent.values())}, found {budget}")
    gains = [
        (gain / step[level], level, k + 1)
        for level, cut in cuts.items()
        for k, gain in enumerate((cut.values**2).sum(0)) if k
    ]  # fmt: skip
    for _, level, k in sorted(gains, reverse=True):
        price = min(least[level] + step[level] * (k - 1), whole[level])
        if ranks[level] == k - 1 and rest + sum(spent.values()) - spent[level] + price <= budget:
            ranks[level], spent[level] = k, price
    return {level: None if spent[level] == whole[level] else k for level, k in ranks.items()}


def _with_factors(
    arch: ConvACArchitecture, banks: RealBanks, level: int, cut: Cut, rank: int, constant: bool
) -> tuple[ConvACArchitecture, RealBanks]:
    """One matrix of every position replaced by its two factors."""
    outer = cut.bank @ cut.left[:, None, :, :rank]
    inner = cut.right[:, :rank]
    lost = np.einsum("kmgc,kc->kmg", cut.bank - outer @ inner[:, None], cut.means)
    outer = outer.reshape(-1, *outer.shape[2:])
    old = banks[f"conv_{level}"]
    if constant:
        offset = old[:, 1:, 0] + lost.reshape(len(old), -1)
        outer, inner = _bordered(outer, offset), _bordered(inner, np.zeros(inner.shape[:2]))
    deeper = inserted(arch, level, inner.shape[1], arch.sharing[level])
    later = {f"conv_{k + (k >= level)}": banks[f"conv_{k}"] for k in range(arch.depth)}
    later |= {f"conv_{level}": inner, f"conv_{level + 1}": outer, "output": banks["output"]}
    return deeper, {name: later[name] for name in deeper.network.bank_shapes}


def _bordered(maps: Float[np.ndarray, "k g c"], offsets: Float[np.ndarray, "k g"]) -> Float[np.ndarray, "k g1 c1"]:
    """With the constant channel in front, which adds the offsets and goes on."""
    wide = np.concatenate([offsets[..., None], maps], axis=-1)
    return np.concatenate([constant_row((len(wide), 1, wide.shape[-1]), np.float32), wide], axis=1)
