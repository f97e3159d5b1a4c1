"""Numbers and figures of the page of theorems, family by family, all computed anew. Over bounds.relatives.

relatives' rows --> Told: a figure (panels of curves), the head and rows of a table
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import log
from typing import NamedTuple

import networkx as nx
import numpy as np

from tnsim.bounds.relatives import geometries, graph_networks, locally_connected, overlapping, recurrent, sparsify
from tnsim.experiments.figure import Curve, Figure, Panel

__all__ = ["FAMILIES", "Told"]

PARTITIONS = ("left-right", "top-bottom", "quadrant", "center", "chess:4", "chess:1")
SIDE = 32
KERNELS, RING, TORUS = (2, 3, 4), 12, 4
LENGTHS = (2, 4, 6, 8, 10)
RINGS = (4, 6, 8, 10)
TREE_SITES, TREE_WIDTH, NOISE, WIDTHS = 8, 3, 0.01, (3, 4, 6, 8, 12, 16)
DEPTHS = (1, 2)
GRID = (6, 6)


class Told(NamedTuple):
    """What a family's section shows."""

    figure: Figure
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def _curve(name: str, x: Iterable, y: Iterable, reference: bool = False) -> Curve:
    return Curve(name, tuple(float(v) for v in x), tuple(float(v) for v in y), reference=reference)


def pooling_geometry() -> Told:
    """Min-cuts of square and mirror windows, 32 x 32 sites, M = 2, width 16."""
    named = {
        **dict(zip(PARTITIONS, PARTITIONS, strict=True)),
        "folded chess:1": geometries.folded_checkerboard(SIDE),
    }
    rows = geometries.compare(geometries.square_and_mirror(SIDE, 2, 16), named)
    table = tuple(
        (row.partition, *(f"{row.logs[name] / log(2):.0f}" for name in row.logs), row.winner or "neither")
        for row in rows
    )
    panels = tuple(
        Panel(title, "partition", "log2 of the min-cut", _by_geometry(some), floor=0.0)
        for title, some in (("large parts", rows[:4]), ("chess boards", rows[4:]))
    )
    about = "Logarithm of the min-cut by partition, of square and of mirror windows."
    return Told(Figure(about, panels, 2), ("partition", "log2 min-cut, square", "mirror", "favoured by"), table)


def _by_geometry(rows: Sequence[geometries.Favoured]) -> tuple[Curve, ...]:
    names = tuple(row.partition for row in rows)
    return tuple(
        Curve(f"{name} windows", names, tuple(round(row.logs[name] / log(2), 9) for row in rows))
        for name in rows[0].logs
    )


def overlapping_windows() -> Told:
    """Blocks of growing size on a ring and on a torus: certain, exact and measured."""
    made = [("ring", overlapping.periodic(RING, window), range(1, RING // 2 + 1), window) for window in KERNELS]
    made.append(("torus", overlapping.periodic((TORUS, TORUS), 2), range(1, TORUS), 2))
    panels, table = [], []
    for name, arch, alphas, window in made:
        rows = overlapping.entropy_growth(arch, alphas, seeds=4)
        x = [row.alpha for row in rows]
        curves = (
            _curve("attained by a graph state", x, [row.attained for row in rows]),
            _curve("normal weights, mean", x, [row.drawn.mean for row in rows]),
            _curve("ln generic rank", x, [row.log_rank for row in rows]),
            _curve("ln min-cut: certain bound", x, [row.log_cut for row in rows], reference=True),
        )
        panels.append(Panel(f"{name}, windows of {window}", "linear size of the block", "nats", curves, floor=0.0))
        table += [
            (f"{name}, K = {window}", str(row.alpha), *(f"{value:.3f}" for value in _shown(row)),
             f"{row.drawn.mean:.3f} ({row.drawn.least:.3f} to {row.drawn.most:.3f})", f"{row.law:.3f}")
            for row in rows
        ]  # fmt: skip
    head = ("network", "block", "ln min-cut", "ln generic rank", "attained", "normal weights", "ln 2 times the law")
    about = (
        "Entropy of a block against its size for overlapping windows: bound, exact generic rank, attained, measured."
    )
    return Told(Figure(about, tuple(panels), 2), head, tuple(table))


def _shown(row: overlapping.Growth) -> tuple[float, float, float]:
    return row.log_cut, row.log_rank, row.attained


def recurrent_circuits() -> Told:
    """Start-end ranks of one, two and three layers along the length, and rings of one tensor."""
    curves, table = [], []
    for layers in (1, 2, 3):
        rows = recurrent.memory_curve(LENGTHS, 2, 2, layers)
        x = [row.length for row in rows]
        curves.append(_curve(f"{layers} layer{'s' * (layers > 1)}", x, [row.rank for row in rows]))
        if layers == 2:
            curves.append(_curve("the paper's lower bound, 2 layers", x, [row.lower for row in rows], reference=True))
        table += [(str(layers), *(str(part) for part in row[:3]), *(str(part) for part in row[4:])) for row in rows]
    single = [recurrent.ring_rank(sites, 2, 2) for sites in RINGS]
    cuts = [2 ** (sites // 2) for sites in RINGS]
    table += [("ring of one tensor", str(n), "2", "2", "-", str(r), str(c)) for n, r, c in zip(RINGS, single, cuts)]
    rings = (_curve("ring of one tensor", RINGS, single), _curve("its min-cut", RINGS, cuts, reference=True))
    panels = (
        Panel("start | end, M = R = 2", "length T", "rank", tuple(curves), floor=0.0),
        Panel("odd | even, d = bond = 2", "sites", "rank", rings, floor=0.0),
    )
    head = ("layers", "T or sites", "M", "R", "lower bound", "exact generic rank", "upper bound")
    about = (
        "Exact start-end ranks of recurrent circuits by length and number of layers; odd-even ranks of rings of one "
        "tensor."
    )
    return Told(Figure(about, panels, 2), head, tuple(table))


def locally_connected_networks() -> Told:
    """A tree of width 3 with noise, approximated by trees of growing width."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2,) * TREE_SITES)
    clean = locally_connected.truncated(rng.normal(size=noise.shape), TREE_WIDTH)
    tensor = clean / np.linalg.norm(clean) + NOISE * noise / np.linalg.norm(noise)
    rows = locally_connected.tightness_curve(tensor, WIDTHS)
    x = [row.width for row in rows]
    curves = (
        _curve("entropy of the block that binds", x, [row.entropy for row in rows]),
        _curve("bound at the error of the tree", x, [row.bound for row in rows], reference=True),
    )
    panels = (
        Panel("entropy and bound", "width of the tree", "nats", curves, floor=0.0),
        Panel(
            "error", "width of the tree", "eps / |T|", (_curve("hierarchical truncation", x, [r.error for r in rows]),)
        ),
    )
    table = tuple((str(r.width), f"{r.error:.5f}", f"{r.entropy:.4f}", f"{r.bound:.4f}") for r in rows)
    head = ("width", "relative error of a tree", "entropy of the block that binds", "bound there")
    about = (
        "Entropy of the aligned block that binds beside the bound for trees of growing width; the error of these trees."
    )
    return Told(Figure(about, panels, 2), head, table)


def graph_networks_and_walks() -> Told:
    """Exact separation ranks of small graphs, and what sparsification leaves of a lattice's walk indices."""
    cases = {"halves of a path": (nx.path_graph(4), [0, 1]), "ends of a path": (nx.path_graph(4), [0, 3])}
    panels, table = [], []
    for name, (graph, A) in cases.items():
        rows = graph_networks.separation_curve(graph, A, 2, 2, DEPTHS)
        depths = [row.depth for row in rows]
        curves = (
            _curve("ln rank, exact", depths, [row.log_rank for row in rows]),
            _curve("ln of the bound", depths, [row.log_bound for row in rows], reference=True),
        )
        panels.append(Panel(f"{name} of 4, D = 2", "layers", "nats", curves, floor=0.0))
        table += [
            (name, str(r.depth), str(r.walk_index), str(r.rank), f"{r.log_rank:.3f}", f"{r.log_bound:.3f}")
            for r in rows
        ]
    head = ("vertices A", "layers", "walk index", "exact rank", "ln rank", "ln of the bound")
    about = (
        "Exact separation ranks beside the walk-index bound; walk indices left after edges are removed in two orders."
    )
    return Told(Figure(about, (*panels, _sparsified()), 3), head, tuple(table))


def _sparsified() -> Panel:
    """The tenth lowest vertex walk index of a lattice with shortcuts as edges go, by WIS or in random order."""
    graph = nx.convert_node_labels_to_integers(nx.grid_2d_graph(*GRID))
    rng = np.random.default_rng(1)
    graph.add_edges_from((int(a), int(b)) for a, b in rng.integers(0, len(graph), (20, 2)) if a != b)
    edges = list(graph.edges)
    orders = {
        "2-WIS": sparsify.sparsify(graph, len(edges), 3),
        "random": [edges[i] for i in rng.permutation(len(edges))],
    }
    counts = list(range(0, len(edges), 5))
    curves = tuple(
        _curve(f"{name} order", counts, [_tenth_index(graph, order[:count]) for count in counts])
        for name, order in orders.items()
    )
    return Panel("lattice with shortcuts", "edges removed", "tenth lowest walk index", curves, floor=0.0)


def _tenth_index(graph: nx.Graph, removed: list) -> int:
    left = graph.copy()
    left.remove_edges_from(removed)
    return sorted(sparsify.vertex_walk_indices(left, 3).values())[9]


FAMILIES: dict[str, Callable[[], Told]] = {
    "pooling-geometry": pooling_geometry,
    "overlapping": overlapping_windows,
    "recurrent": recurrent_circuits,
    "locally-connected": locally_connected_networks,
    "graph-networks": graph_networks_and_walks,
}
