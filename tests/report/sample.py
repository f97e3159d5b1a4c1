"""Measurements as a run on 8 x 8 images would leave them; the figures are made up.

The min-cuts are computed here from the definition, by dynamic programming over the side of every
matrix.
"""

import math
from collections import Counter
from typing import Any

import numpy as np

SIDE, FEATURES, WIDTH = 8, 3, 17


def pair_tree(side: int) -> list[list[list[int]]]:
    """Square windows of 2 x 2 up to a single node."""
    tree = []
    while side > 1:
        half = side // 2
        tree.append(
            [
                [(2 * i + a) * side + 2 * j + b for a in (0, 1) for b in (0, 1)]
                for i in range(half)
                for j in range(half)
            ]
        )
        side = half
    return tree


def masks(side: int) -> dict[str, Any]:
    """The partitions by name, as boolean pictures of A."""
    i, j = np.indices((side, side))
    quarter = side // 4
    middle = lambda k: (k >= quarter) & (k < side - quarter)  # noqa: E731
    return {
        "left-right": j < side // 2,
        "top-bottom": i < side // 2,
        "quadrant": (i < side // 2) & (j < side // 2),
        "chess:4": (i // 4 + j // 4) % 2 == 0,
        "center": middle(i) & middle(j),
        "checkerboard": (i + j) % 2 == 0,
        "interleaved": j % 2 == 0,
    }


def min_cut(tree: list[list[list[int]]], inside: set[int]) -> dict[str, Any]:
    """The cheapest set of indices between A and B, with its edges."""
    sites = sum(map(len, tree[0]))
    below = [((1, FEATURES) if s in inside else (FEATURES, 1)) for s in range(sites)]
    costs = [below]
    for level in tree:
        costs.append([_pool([costs[-1][c] for c in node]) for node in level])
    top = costs[-1][0]
    edges = _trace(tree, costs, len(tree) - 1, 0, int(top[1] < top[0]))
    factors = Counter(str(FEATURES if level < 0 else WIDTH) for level, _ in edges)
    value = math.prod(int(c) ** n for c, n in factors.items())
    assert value == min(top)
    return {
        "log": math.log(value),
        "factors": dict(factors),
        "value": str(value) if value < 10**12 else None,
        "levels": dict(Counter(str(level) for level, _ in edges)),
        "edges": [list(edge) for edge in edges],
    }


def _pool(children: list[tuple[int, int]]) -> tuple[int, int]:
    on_a, on_b = (math.prod(side) for side in zip(*children, strict=True))
    split = WIDTH * math.prod(map(min, children))
    return min(on_a, split), min(on_b, split)


def _trace(tree: Any, costs: Any, level: int, position: int, side: int) -> list[tuple[int, int]]:
    cost = costs[level + 1][position]
    if level < 0:
        return [(level, position)] if cost[side] > 1 else []
    children = tree[level][position]
    sides = [side] * len(children)
    edges = []
    if math.prod(costs[level][c][side] for c in children) > cost[side]:
        edges = [(level, position)]
        sides = [int(costs[level][c][1] < costs[level][c][0]) for c in children]
    for child, its in zip(children, sides, strict=True):
        edges += _trace(tree, costs, level - 1, child, its)
    return edges


def _spectrum(rng: np.random.Generator, length: int, decay: float) -> list[float]:
    k = np.arange(length)
    p = np.exp(-decay * k**0.8 + 0.4 * rng.standard_normal(length) * (k > 0))
    p = np.sort(p)[::-1]
    return [float(x) for x in p / p.sum()]


def _entropies(p: list[float]) -> dict[str, Any]:
    a = np.array(p)
    a = a[a > 0]
    return {
        "entropy": float(-(a * np.log(a)).sum()),
        "renyi2": float(-np.log((a**2).sum())),
        "probabilities": p,
    }


def _measurement(rng: np.random.Generator, partition: dict[str, Any], label: int) -> dict[str, Any]:
    named = {"partition": partition["name"], "label": label, "class": str(label)}
    if not partition["exact"]:
        scale = 0.06 * partition["min_cut"]["log"]
        nothing = dict.fromkeys(("entropy", "rank", "effective_rank", "geometric", "probabilities"))
        after, before = (float(scale * (m + 0.4 * rng.random())) for m in (0.8, 0.3))
        held = _interval(1.5 * after, 0.1 * after) if partition["name"] == "checkerboard" else {}
        return named | nothing | held | {"renyi2": after, "untrained": {"entropy": None, "renyi2": before}}
    hard = {"left-right": 0.9, "top-bottom": 0.75, "quadrant": 1.4, "chess:4": 2.0}[
        partition["name"]
    ]
    after = _entropies(_spectrum(rng, WIDTH, hard * float(rng.uniform(0.5, 2.2))))
    p = after["probabilities"]
    return (
        named
        | after
        | {
            "rank": WIDTH,
            "rank_tolerance": 1e-14,
            "effective_rank": math.exp(after["entropy"]),
            "geometric": 1 - p[0],
            "untrained": _entropies(_spectrum(rng, WIDTH, 3.2 * hard**0.3)),
        }
    )


def _interval(value: float, half: float) -> dict[str, Any]:
    ends = {"value": value, "lower": value - half, "upper": value + half}
    words = {"method": "certified, dual below and pinching above", "seconds": 2.5, "note": "chi 8"}
    return {"entropy": value, "entropy_error": half, "entropy_estimate": ends | words}


def _maps(rng: np.random.Generator, side: int) -> list[dict[str, Any]]:
    """One map of each kind, of class 3."""
    n, named = side * side, {"label": 3, "class": "3", "seconds": 0.5}
    sizes = [4**k for k in range(int(math.log2(side)))]
    levels = [
        {
            "level": k - 1,
            "sites": size,
            "shape": [side // 2**k] * 2,
            "entropies": (rng.random(n // size) * (k + 1)).tolist(),
            "error": 1e-9,
        }
        for k, size in enumerate(sizes)
    ]
    entropies = rng.random(n).tolist()
    fall = {"distance": [1.0, 2.0, 3.0], "mean": [1e-2, 1e-3, 1e-5], "largest": [1e-1, 1e-2, 1e-4], "count": [9, 8, 7]}
    pairs = [[k, k + 1, 0.1 * 0.98**k] for k in range(n - 1)]
    return [
        {"kind": "windows", "levels": levels} | named,
        {"kind": "sites", "entropies": entropies, "error": 1e-9} | named,
        {"kind": "mutual", "entropies": entropies, "pairs": pairs, "decay": fall, "error": 1e-9} | named,
    ]


def _history(rng: np.random.Generator) -> list[dict[str, Any]]:
    steps = np.arange(50, 2001, 50)
    noise = rng.standard_normal((3, steps.size))
    gap = np.exp(-steps / 350)
    return [
        {
            "step": int(s),
            "loss": float(2.3 * g + 0.05 + 0.02 * abs(n[0])),
            "train_accuracy": float(min(1.0, 0.998 - 0.55 * g + 0.003 * n[1])),
            "validation_accuracy": float(min(1.0, 0.973 - 0.56 * g + 0.006 * n[2])),
        }
        for s, g, n in zip(steps, gap, noise.T, strict=True)
    ]


def sample(side: int = SIDE, seed: int = 0) -> dict[str, Any]:
    """The measurements of one made-up run on side x side images."""
    rng = np.random.default_rng(seed)
    tree = pair_tree(side)
    partitions = []
    for name, mask in masks(side).items():
        sites = [int(s) for s in np.flatnonzero(mask)]
        cut = min_cut(tree, set(sites))
        partitions.append(
            {
                "name": name,
                "sites": sites,
                "size": len(sites),
                "exact": name in ("left-right", "top-bottom", "quadrant", "chess:4"),
                "min_cut": cut,
                "rank_bounds": {"lower": "1", "upper": cut["value"], "note": ""},
            }
        )
    depth = len(tree)
    return {
        "format": "tnsim-measurements/1",
        "version": "0.1.0",
        "command": "tnsim demo --out report",
        "seed": seed,
        "packages": {"jax": "0.10.2", "flax": "0.12.0", "numpy": "2.4.6"},
        "dataset": {
            "name": "digits",
            "train": 1437,
            "test": 360,
            "image_shape": [side, side],
            "classes": [str(c) for c in range(10)],
        },
        "architecture": {
            "sites": [side, side],
            "features": FEATURES,
            "channels": [WIDTH] * depth,
            "windows": [[2, 2]] * depth,
            "classes": 10,
            "sharing": ["none"] * depth,
            "geometry": None,
        },
        "parameters": 10 * WIDTH + 20 * WIDTH**2 + 64 * WIDTH * FEATURES,
        "tree": tree,
        "measure": "function",
        "training": {
            "accuracy": 0.975,
            "steps": 2000,
            "seconds": 12.3,
            "history": _history(rng),
        },
        "partitions": partitions,
        "measurements": [_measurement(rng, p, label) for p in partitions for label in range(10)],
        "maps": _maps(rng, side),
    }
