"""What widths cost: weights, multiply-adds of a sample, or bytes. Sums of terms of neighbours. Uses architectures.

    cost = fixed + sum_l r_{l-1} pair_l r_l + single_l r_l  + last r_{L-1}          r_{-1} = M
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tnsim.architectures.layered import Layered

__all__ = ["KINDS", "Costs", "costs"]

KINDS = ("parameters", "multiply-adds", "memory")
FLOAT = 4  # bytes


class Costs(NamedTuple):
    """The coefficients of a cost of one kind; everything but the widths is fixed by the architecture."""

    kind: str
    features: int
    pair: tuple[int, ...]
    single: tuple[int, ...]
    last: int
    fixed: int

    def level(self, level: int, below: int, width: int) -> int:
        """What one level adds, of width `below` under it."""
        return (self.pair[level] * below + self.single[level]) * width

    def of(self, channels: Sequence[int]) -> int:
        """The cost of all widths."""
        below = (self.features, *channels[:-1])
        levels = sum(self.level(level, *widths) for level, widths in enumerate(zip(below, channels, strict=True)))
        return self.fixed + levels + self.last * channels[-1]

    def check(self, most: float) -> None:
        """Raises ValueError for a budget below what widths of 1 cost, naming that."""
        if not (least := self.of((1,) * len(self.pair))) <= most:
            raise ValueError(f"budget: wanted at least {least} {self.kind}, the smallest network's, found {most:g}")


def costs(arch: Layered, kind: str = "parameters") -> Costs:
    """The cost of an architecture as a function of its widths, whatever its own are.

    "parameters": weights of all banks. "multiply-adds": of one sample's scores. "memory": bytes of weights in float32
    and of one sample's vectors at every level, before and after each product. Raises ValueError for other kinds.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: wanted one of {', '.join(KINDS)}, found {kind!r}")
    copies = tuple(stack.copies for stack in arch.network.stacks[: arch.depth])
    nodes = [positions // window for positions, window in zip(arch.positions, arch.window_sizes, strict=True)]
    if kind == "parameters":
        return Costs(kind, arch.features, copies, (0,) * arch.depth, arch.classes, 0)
    if kind == "multiply-adds":
        products = tuple(here - above for here, above in zip(arch.positions, nodes, strict=True))
        return Costs(kind, arch.features, arch.positions, products, arch.classes, 0)
    vectors = tuple(FLOAT * (here + above) for here, above in zip(arch.positions, nodes, strict=True))
    weights, fixed = tuple(FLOAT * count for count in copies), FLOAT * (arch.size * arch.features + arch.classes)
    return Costs(kind, arch.features, weights, vectors, FLOAT * arch.classes, fixed)
