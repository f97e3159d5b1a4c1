"""The page of theorems: a row a theorem, then every family's numbers and figure. Over theorem_data and drawing.

python -c "from tnsim.report.theorems import write; write('docs')"    -->    docs/theorems.md and figures
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tnsim.experiments.drawing import draw
from tnsim.files import write_whole
from tnsim.report.theorem_data import FAMILIES, Told

__all__ = ["THEOREMS", "Theorem", "page", "told", "write"]


class Theorem(NamedTuple):
    """source: paper and number; what it states; functions that compute it; its test; family, whose figure shows it."""

    source: str
    statement: str
    function: str
    test: str
    family: str


THEOREMS = (
    Theorem(
        "[Cohen & Shashua 2017](https://arxiv.org/abs/1605.06743), Theorem 1",
        "The windows decide which partitions are rich: min(r_0, M)^S <= min-cut <= a recursion over the levels, S "
        "the number of split first-level windows.",
        "`tnsim.bounds.pooling_geometry`; `geometries.compare`, `favoured`",
        "test_geometries.py",
        "pooling-geometry",
    ),
    Theorem(
        "[Sharir & Shashua 2017](https://arxiv.org/abs/1703.02065); [Levine et al. "
        "2019](https://arxiv.org/abs/1803.09780), Theorem 1",
        "Overlapping windows reach entropies that grow as min(alpha^d, L K alpha^(d-1)): with the volume of a "
        "block as long as it is smaller than L K. Certain: S <= ln rank <= ln min-cut.",
        "`overlapping.volume_law`, `upper_bound`, `generic_rank`, `pair_phases`, `entropy`",
        "test_overlapping.py",
        "overlapping",
    ),
    Theorem(
        "[Levine et al. 2017](https://arxiv.org/abs/1710.09431), Theorem 1",
        "Start-end separation rank of recurrent arithmetic circuits: one layer min(R, M^(T/2)); two layers at "
        "least C(min(M, R) + T/2 - 1, T/2), for almost all weights.",
        "`recurrent.shallow_rank`, `lower_bound`, `start_end_rank`",
        "test_recurrent.py",
        "recurrent",
    ),
    Theorem(
        "ours",
        "Upper bounds of the same: monomials in the states in the middle, and in what the end's symbols become. A "
        "ring of one tensor stays below its min-cut.",
        "`recurrent.upper_bound`, `ring_rank`",
        "test_recurrent.py",
        "recurrent",
    ),
    Theorem(
        "[Alexander et al. 2023](https://arxiv.org/abs/2303.11249), Theorem 1",
        "A tree of width R within eps of a tensor (Frobenius): on every aligned block S <= ln R + (2 eps/norm) ln "
        "D + 2 sqrt(2 eps/norm). Read the other way: a least width, a least error.",
        "`locally_connected.entropy_bound`, `least_width`, `least_error`",
        "test_locally_connected.py",
        "locally-connected",
    ),
    Theorem(
        "[Alexander et al. 2023](https://arxiv.org/abs/2303.11249), Theorem 2",
        "Entropies up to (eps/norm)^2 ln R / (2N - 3) on all aligned blocks suffice for a tree of width R within eps.",
        "`locally_connected.sufficient_entropy`, `truncated`",
        "test_locally_connected.py",
        "locally-connected",
    ),
    Theorem(
        "[Razin et al. 2023](https://arxiv.org/abs/2211.16494), upper bound",
        "Graph networks with product aggregation: separation rank <= D_h^(4 rho + 1), rho the walk index of the "
        "boundary (read at one vertex t: D_h^(4 rho), walks that end at t).",
        "`walks.walk_index`, `rank_bound`; `graph_networks.separation_rank`",
        "test_graph_networks.py",
        "graph-networks",
    ),
    Theorem(
        "[Razin et al. 2023](https://arxiv.org/abs/2211.16494), Algorithms 1 and 2",
        "Walk index sparsification: remove the edge that leaves the greatest ascending list of vertex walk "
        "indices; for two layers degrees decide.",
        "`sparsify.sparsify`, `sparsify_by_degrees`",
        "test_sparsify.py",
        "graph-networks",
    ),
)

HEAD = """# Theorems of related papers, computed

Results on networks that are relatives of the ConvAC, each computed by a function of `tnsim.bounds.relatives` and tested
against its statement (tests in `tests/bounds/relatives/`). Every number on this page is computed by
`tnsim.report.theorems.write`, and a test compares the page with it. Entropies and logarithms are in nats unless a base
is named; generic ranks are exact, by elimination over GF(2147483629) for random weights.
"""
TITLES = {
    "pooling-geometry": (
        "Pooling geometry",
        "Mirror windows favour sides that are each other's images; the checkerboard, chess:1, splits every window of "
        "either kind and tells them apart in nothing; square windows favour the *folded* checkerboard, that of a "
        "quarter and its mirror images, which splits every square window and no mirror window of sites.",
    ),
    "overlapping": (
        "Overlapping windows",
        "Rings of 12 and a torus of 4 x 4 sites, M = 2, channels (2, 1), windows (K, 1). The min-cut of the "
        "network with repeated hidden vectors is certain as an upper bound only, as the network is loopy. The "
        "generic rank is exact for almost all weights. *Attained* is the entropy of one set of weights, a graph "
        "state. Normal weights, drawn four times, hold far less: these are measurements and bound nothing. "
        "On the rings bound, generic rank and the entropy attained coincide: volume first, then surface.",
    ),
    "recurrent": (
        "Recurrent arithmetic circuits",
        "For one layer the lower bound is the rank itself; the paper's bound for two layers is set beside three "
        "as well.",
    ),
    "locally-connected": (
        "Locally connected networks",
        "A tree of width 3 over 8 sites of dimension 2 with one percent of noise, and trees of growing width near "
        "it. The block that binds is the one whose entropy comes closest to the bound.",
    ),
    "graph-networks": (
        "Graph networks",
        "The bound holds for any network and is far above the ranks that such small graphs reach.",
    ),
}


def told() -> dict[str, Told]:
    """All numbers and figures, computed: some seconds."""
    return {name: compute() for name, compute in FAMILIES.items()}


def page(families: Mapping[str, Told]) -> str:
    """The page, in Markdown."""
    head = ("theorem", "statement", "function", "test", "figure")
    rows = [
        (one.source, one.statement, one.function, f"`{one.test}`", f"[{one.family}](#{_anchor(one.family)})")
        for one in THEOREMS
    ]
    return "\n".join([HEAD, *_table(head, rows), "", *(_section(name, one) for name, one in families.items())])


def write(folder: str | os.PathLike[str]) -> None:
    """theorems.md and its figures, in a folder of pages. Raises DrawingError without matplotlib, OSError."""
    families = told()
    for name, one in families.items():  # before the page, which shows them
        draw(Path(folder) / "figures", f"theorem-{name}", one.figure)
    write_whole(Path(folder) / "theorems.md", page(families))


def _anchor(family: str) -> str:
    return TITLES[family][0].lower().replace(" ", "-")


def _section(name: str, one: Told) -> str:
    title, words = TITLES[name]
    shown = f"![{one.figure.about}](figures/theorem-{name}.svg)\n\n[The figure as PNG](figures/theorem-{name}.png)\n"
    return "\n".join([f"## {title}\n", f"{words}\n", shown, *_table(one.head, one.rows), ""])


def _table(head: tuple[str, ...], rows) -> list[str]:
    line = lambda cells: f"| {' | '.join(cells)} |"  # noqa: E731
    return [line(head), line(["---"] * len(head)), *map(line, rows)]
