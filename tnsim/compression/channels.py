"""Fewer channels, each dropped one expressed by those that stay. Uses weights and factors.

    p_S ~ T p_kept, T = G_S,kept G_kept^-1:  K' = K_kept + K_S T      loss = Tr(E (G - G_:,kept G_kept^-1 G_kept,:))

A copy tensor allows only scalings and permutations, so its dimension is no bond that a projector could cut (THEORY,
section 8): channels stay or go. They are chosen one by one, the one that takes most of the loss with it first. Where
every node has matrices of its own, each node keeps its own channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from tnsim.architectures.convac import ConvACArchitecture
from tnsim.banks import Banks
from tnsim.compression.factors import closed_above, pinned, summed_by
from tnsim.compression.weights import RealBanks, Weights, real_banks

__all__ = ["pruned"]

NOTHING = 1e-12  # of the largest diagonal entry: a channel that the chosen ones span


class Order(NamedTuple):
    """Channels of a level by worth, for every group of nodes; losses[k]: with the first k + 1 of them."""

    channels: Int[np.ndarray, "groups r"]
    losses: Float[np.ndarray, "r"]
    grams: Float[np.ndarray, "groups r r"]


def pruned(
    arch: ConvACArchitecture, banks: Banks, parameters: int, weights: Weights
) -> tuple[ConvACArchitecture, RealBanks]:
    """The architecture and banks of at most so many parameters whose levels keep some of their channels.

    weights: of `weights_in` or `weights_on`. The constant channel, where there is one, stays. Raises ValueError for a
    budget below that of one channel a level besides the constant, and complex banks.
    """
    found = real_banks(banks)
    orders = [_order(arch, found, level, weights) for level in range(arch.depth)]
    widths = _widths(arch, orders, parameters, least=1 + pinned(found))
    for level, (order, width) in enumerate(zip(orders, widths, strict=True)):
        found = _without(arch, found, level, order, width)
    return replace(arch, channels=widths), found


def _order(arch: ConvACArchitecture, banks: RealBanks, level: int, weights: Weights) -> Order:
    """Greedy: at each step the channel whose span takes most of the loss; with a constant, that one first."""
    E, G = _around(arch, banks, level, weights)
    rest, groups = G.copy(), len(G)
    chosen: list[Int[np.ndarray, "groups"]] = []
    losses: list[float] = []
    at, floor = np.arange(groups), NOTHING * np.einsum("kcc->kc", G).max(1)
    for step in range(G.shape[1]):
        own = np.einsum("kcc->kc", rest)
        worth = np.einsum("kcd,kde,kec->kc", rest, E, rest, optimize=True) / np.maximum(own, floor[:, None])
        worth[own <= floor[:, None]] = 0
        for one in chosen:
            worth[at, one] = -1
        best = np.zeros(groups, np.int64) if step == 0 and pinned(banks) else worth.argmax(1)
        column, power = rest[at, :, best], own[at, best]
        scale = np.where(power > floor, 1 / np.where(power > floor, power, 1), 0)
        rest = rest - np.einsum("kc,kd,k->kcd", column, column, scale)
        chosen.append(best)
        losses.append(max(0.0, float(np.einsum("kcd,kcd->", E, rest))))
    return Order(np.stack(chosen, 1), np.array(losses), G)


def _around(arch: ConvACArchitecture, banks: RealBanks, level: int, weights: Weights):
    """E and G of a level's nodes, by group: summed, and the mean."""
    E = closed_above(arch, banks, level, weights)
    nodes = len(E)
    groups = nodes if _own(arch, level) else 1
    place = np.arange(nodes) if groups > 1 else np.zeros(nodes, np.int64)
    return summed_by(E, place, groups), summed_by(weights.grams[level + 1], place, groups) * (groups / nodes)


def _own(arch: ConvACArchitecture, level: int) -> bool:
    """Whether every node of a level has matrices of its own, below and above."""
    return level + 1 < arch.depth and arch.sharing[level] == "none" and arch.sharing[level + 1] == "none"


def _widths(arch: ConvACArchitecture, orders: Sequence[Order], budget: int, least: int) -> tuple[int, ...]:
    """From the full widths down: each time the level that loses least for each parameter saved."""
    copies = [prod(shape[:-2]) for shape in arch.network.bank_shapes.values()]
    size = lambda w: sum(  # noqa: E731
        k * a * b for k, a, b in zip(copies, (*w, arch.classes), (arch.features, *w), strict=True)
    )
    widths = list(arch.channels)
    smallest = size([min(least, width) for width in widths])
    if smallest > budget:
        raise ValueError(f"parameters: wanted at least {smallest}, found {budget}")
    while (now := size(widths)) > budget:
        prices = {}
        for level, width in enumerate(widths):
            if width > least:
                fewer = [*widths[:level], width - 1, *widths[level + 1 :]]
                lost = orders[level].losses[width - 2] - orders[level].losses[width - 1]
                prices[level] = max(lost, 0.0) / (now - size(fewer))
        widths[min(prices, key=prices.__getitem__)] -= 1
    return tuple(widths)


def _without(arch: ConvACArchitecture, banks: RealBanks, level: int, order: Order, width: int) -> RealBanks:
    """Banks in which a level keeps its first channels of the order; the matrices above take over the others."""
    below, above = f"conv_{level}", "output" if level + 1 == arch.depth else f"conv_{level + 1}"
    kept = np.sort(order.channels[:, :width], axis=1)
    spans = np.stack([_span(G, one) for G, one in zip(order.grams, kept, strict=True)])  # (groups, r, width)
    node = np.empty(arch.positions[level], np.int64)
    node[arch.groups(level)] = np.arange(len(arch.groups(level)))[:, None]
    bank = banks[below]
    rows = kept[node] if len(kept) > 1 else np.broadcast_to(kept, (len(bank), width))
    lower = np.take_along_axis(bank, rows[:, :, None], axis=1)
    return {**banks, below: lower, above: banks[above] @ (spans if len(spans) > 1 else spans[0])}


def _span(G: Float[np.ndarray, "r r"], kept: Int[np.ndarray, "k"]) -> Float[np.ndarray, "r k"]:
    """All channels as sums of the kept ones, nearest in the inner product G; kept ones as they are."""
    found = np.linalg.lstsq(G[np.ix_(kept, kept)], G[kept], rcond=NOTHING)[0].T
    found[kept] = np.eye(len(kept))
    return found
