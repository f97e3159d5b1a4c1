"""Schmidt factors over GF(p) as direct sums: products, elimination, splitting. THEORY section 6. Used by exact_rank.

    C (chi_A, chi_B, r)  =  [ C_1 .   .  ]     each block dense; the rank of the whole is the sum of theirs,
                            [ .   C_2 .  ]     and products and matrices on r act on every block (or pair) apart
                            [ .   .   C_3]

Bases come reduced, and those that span all they could are unit vectors: a side A that meets a side B, both of full
rank r, gives r blocks of one number each and no r x r matrix. Board partitions stay sums of numbers up to the root.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tnsim import memory, modular

AT_ONCE = 2**23  # elements of a product that are formed at once; a larger one of two blocks is eliminated as it grows
SMALL = 2**14  # a matrix of fewer elements is eliminated in a batch with its likes, a larger one alone
SHORT = 48  # so is one of fewer rows
COUNTED = 2**30  # numbers at the root that are looked at one by one: a minute for each prime
HELD = 6  # arrays of a product's size that exist while it is formed and eliminated


class Blocks(NamedTuple):
    """Blocks of one shape, and the node (or position) that each of them belongs to, ascending."""

    owner: Int[np.ndarray, "n"]
    value: Int[np.ndarray, "n a b r"]


Sum = list[Blocks]  # of all nodes of a wave: the value of node k is the direct sum of the blocks that k owns


class Limit(NamedTuple):
    """Bytes that one step may take."""

    size: int

    def check(self, elements: float, what: str) -> None:
        """Raises MemoryLimitError where this many numbers, with what eliminating them takes, are too many."""
        needed = 8.0 * HELD * elements
        if needed > self.size:
            raise memory.MemoryLimitError(
                f"{what} needs about {memory.human(needed)}, above the limit of {memory.human(self.size)}"
            )


def leaves(mask: Bool[np.ndarray, "sites"], M: int) -> Sum:
    """Unit vectors: (M, 1, M) for a site of A, (1, M, M) for one of B."""
    found, eye = list[Blocks](), np.eye(M, dtype=np.int64)
    for side, axis in ((True, 1), (False, 0)):
        owner = np.flatnonzero(mask == side)
        found.append(Blocks(owner, np.repeat(np.expand_dims(eye, axis)[None], len(owner), axis=0)))
    return [blocks for blocks in found if len(blocks.owner)]


def taken(values: Sum, sources: Int[np.ndarray, "k"], owners: Int[np.ndarray, "k"]) -> Sum:
    """The blocks of sources[k], now owned by owners[k], for every k."""
    order = np.argsort(sources, kind="stable")
    return merged(
        Blocks(owners[order][there], blocks.value[here])
        for blocks in values
        for here, there in [_matches(blocks.owner, sources[order])]
    )


def merged(parts: Iterable[Blocks]) -> Sum:
    """Blocks of one shape together, by owner; no empty ones."""
    by_shape: dict[tuple[int, ...], list[Blocks]] = {}
    for part in parts:
        if part.value.size:
            by_shape.setdefault(part.value.shape[1:], []).append(part)
    return [_by_owner(same) for same in by_shape.values()]


def _by_owner(same: list[Blocks]) -> Blocks:
    owner, value = (np.concatenate(part) if len(same) > 1 else part[0] for part in zip(*same, strict=True))
    if (np.diff(owner) >= 0).all():
        return Blocks(owner, value)
    order = np.argsort(owner, kind="stable")
    return Blocks(owner[order], value[order])


def _matches(left: Int[np.ndarray, "n"], right: Int[np.ndarray, "m"]) -> tuple[Int[np.ndarray, "k"], ...]:
    """Every pair (i, j) with left[i] == right[j]; both ascend."""
    first, count = _met(left, right)
    i = np.repeat(np.arange(len(left)), count)
    return i, np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count) + first[i]


def _met(left: Int[np.ndarray, "n"], right: Int[np.ndarray, "m"]) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """Where the matches of each of `left` begin in `right`, and how many they are."""
    first, last = (np.searchsorted(right, left, side=side) for side in ("left", "right"))
    return first, last - first


def transformed(
    values: Sum, rows: Int[np.ndarray, "positions"], bank: Int[np.ndarray, "copies g c"], prime: int
) -> Sum:
    """A matrix on the r leg of every block; rows: which one of the bank the block's owner reads. Compressed."""
    found = []
    for blocks in values:
        (n, a, b, c), slots = blocks.value.shape, rows[blocks.owner]
        value = np.empty((n, a, b, bank.shape[1]), np.int64)
        for slot in np.unique(slots).tolist():
            here = slots == slot
            flat = modular.matmul(blocks.value[here].reshape(-1, c), bank[slot].T, prime)
            value[here] = flat.reshape(-1, a, b, bank.shape[1])
        found.append(Blocks(blocks.owner, value))
    return compressed(found, prime)


def product(x: Sum, y: Sum, prime: int, limit: Limit) -> Sum:
    """Of every owner the product: elementwise in r, chi's multiplied. Compressed. What one of x, y lacks stays.

    Raises MemoryLimitError before anything is formed that is above the limit, what is held already counted too.
    """
    pairs = [(p, q) for p in x for q in y]
    met = sum(p.value.shape[3] * int(_met(p.owner, q.owner)[1].sum()) for p, q in pairs)
    limit.check(met / HELD, f"a factor of {met:.1e} numbers or more")
    at_once = min(AT_ONCE, limit.size // (8 * HELD))
    found, held = _lacking(x, y) + _lacking(y, x), 0
    for p, q in pairs:
        i, j = _matches(p.owner, q.owner)
        some = 1 if _streams(p, q) else max(1, at_once // _elements(p, q))
        for start in range(0, len(i), some):
            parts = _product_of(p, q, i[start : start + some], j[start : start + some], prime, limit, held)
            held += sum(part.value.size for part in parts)
            found += parts
    return merged(found)


def owners(values: Sum) -> Int[np.ndarray, "_"]:
    """All that hold a block."""
    return np.unique(np.concatenate([np.zeros(0, np.int64), *(blocks.owner for blocks in values)]))


def _lacking(x: Sum, y: Sum) -> Sum:
    """Blocks of x whose owners hold none in y."""
    there = owners(y)
    kept = [(blocks, ~np.isin(blocks.owner, there)) for blocks in x]
    return [Blocks(blocks.owner[keep], blocks.value[keep]) for blocks, keep in kept]


def _product_of(x: Blocks, y: Blocks, i, j, prime: int, limit: Limit, held: int) -> Sum:
    """Products of blocks i of x with blocks j of y, compressed."""
    if _streams(x, y):
        return compressed([_streamed(x, y, int(i[0]), int(j[0]), prime, limit)], prime)
    limit.check(len(i) * _elements(x, y) + held / HELD, "a product of two blocks")
    return compressed([_formed(x, y, i, j, prime)], prime)


def _elements(x: Blocks, y: Blocks) -> int:
    """Numbers in the product of two blocks."""
    (_, a1, b1, r), (_, a2, b2, _) = x.value.shape, y.value.shape
    return a1 * a2 * b1 * b2 * r


def _formed(x: Blocks, y: Blocks, i: Int[np.ndarray, "k"], j: Int[np.ndarray, "k"], prime: int) -> Blocks:
    (_, a1, b1, r), (_, a2, b2, _) = x.value.shape, y.value.shape
    value = x.value[i][:, :, None, :, None] * y.value[j][:, None, :, None, :]
    return Blocks(x.owner[i], modular.remainder(value, prime).reshape(len(i), a1 * a2, b1 * b2, r))


def _streams(x: Blocks, y: Blocks) -> bool:
    """Whether a product is too large to form and comes back so much smaller that it need not be."""
    (_, a1, b1, r), (_, a2, b2, _) = x.value.shape, y.value.shape
    short = min(a1 * a2, b1 * b2)
    return _elements(x, y) > AT_ONCE and max(a1 * a2, b1 * b2) > short * r


def _streamed(x: Blocks, y: Blocks, i: int, j: int, prime: int, limit: Limit) -> Blocks:
    """The product of two blocks whose longer side is eliminated row after row of x, so that it never exists whole."""
    turn = x.value.shape[1] * y.value.shape[1] < x.value.shape[2] * y.value.shape[2]
    left, right = (np.swapaxes(v, 0, 1) if turn else v for v in (x.value[i], y.value[j]))
    width = left.shape[1] * right.shape[1] * left.shape[2]
    limit.check(width * (width + len(right)), "a product of two blocks")
    basis = np.zeros((0, width), np.int64)
    for row in left:
        part = modular.remainder(row[None, :, None] * right[:, None], prime).reshape(len(right), width)
        basis = row_basis(np.concatenate([basis, part]), prime)
        if len(basis) == width:  # all that there can be
            break
    value = basis.reshape(len(basis), left.shape[1] * right.shape[1], left.shape[2])
    return Blocks(x.owner[i : i + 1], (np.swapaxes(value, 0, 1) if turn else value)[None])


def compressed(values: Iterable[Blocks], prime: int) -> Sum:
    """The same up to invertible matrices on chi_A and chi_B: independent rows and columns, and blocks as small as the
    zeros allow; blocks that are zero are left out."""
    found = list[Blocks]()
    for blocks in values:
        for rows in _shrunk(blocks, prime):
            found += [part for columns in _shrunk(_turned(rows), prime) for part in _split(_turned(columns))]
    return merged(found)


def _turned(blocks: Blocks) -> Blocks:
    return Blocks(blocks.owner, np.swapaxes(blocks.value, 1, 2))


def _shrunk(blocks: Blocks, prime: int) -> Iterator[Blocks]:
    """(a) x (b r) of every block down to a basis of its rows, blocks of one rank together."""
    n, a, b, r = blocks.value.shape
    matrices = blocks.value.reshape(n, a, b * r)
    if a == 1:
        kept = matrices.any(axis=(1, 2))
        yield Blocks(blocks.owner[kept], blocks.value[kept])
        return
    for here, bases in _bases(matrices, prime):
        yield Blocks(blocks.owner[here], bases.reshape(len(here), -1, b, r))


def _bases(
    matrices: Int[np.ndarray, "n a c"], prime: int
) -> Iterator[tuple[Int[np.ndarray, "k"], Int[np.ndarray, "k s c"]]]:
    """(which matrices, bases of their rows) for every rank above zero that occurs."""
    n, a, c = matrices.shape
    if a * c > SMALL and min(a, c) > SHORT:
        alone = (row_basis(matrix, prime) for matrix in matrices)
        yield from ((np.array([i]), basis[None]) for i, basis in enumerate(alone) if len(basis))
        return
    if a > c:  # c steps on the transposes name the rows that matter, where elimination itself would take a
        pivots = modular.reduced(np.swapaxes(matrices, 1, 2), prime)[1]
        matrices = matrices[np.arange(n)[:, None], pivots] * (pivots >= 0)[:, :, None]
    rows, pivots = modular.reduced(matrices, prime)
    ranks = (pivots >= 0).sum(axis=1)
    order = np.argsort(pivots < 0, axis=1, kind="stable")  # rows of zeros last
    rows = np.take_along_axis(rows, order[:, :, None], axis=1)
    for rank in np.unique(ranks[ranks > 0]).tolist():
        here = np.flatnonzero(ranks == rank)
        yield here, rows[here, :rank]


def row_basis(matrix: Int[np.ndarray, "a c"], prime: int) -> Int[np.ndarray, "s c"]:
    """A basis of the rows: unit vectors where they span all columns that are not zero, else some of the rows."""
    pivots = modular.pivot_rows(matrix, prime)
    columns = np.flatnonzero(matrix.any(axis=0))
    if len(pivots) < len(columns):
        return matrix[pivots]
    basis = np.zeros((len(columns), matrix.shape[1]), np.int64)
    basis[np.arange(len(columns)), columns] = 1
    return basis


def _split(blocks: Blocks) -> Iterator[Blocks]:
    """Blocks whose rows and columns fall into parts that nothing but zeros joins, as those parts."""
    met = np.any(blocks.value, axis=3)
    whole = np.all(met, axis=(1, 2))
    if whole.any():
        yield Blocks(blocks.owner[whole], blocks.value[whole])
    for i in np.flatnonzero(~whole).tolist():
        for rows, columns in _components(met[i]):
            yield Blocks(blocks.owner[i : i + 1], blocks.value[i][np.ix_(rows, columns)][None])


def _components(met: Bool[np.ndarray, "a b"]) -> list[tuple[Int[np.ndarray, "_"], Int[np.ndarray, "_"]]]:
    """(rows, columns) of every connected part of the graph that joins row i with column j where met[i, j]."""
    (a, b), (i, j) = met.shape, np.nonzero(met)
    graph = coo_array((np.ones(len(i), np.int8), (i, a + j)), shape=(a + b, a + b))
    count, label = connected_components(graph, directed=False)
    ends = np.searchsorted(np.sort(label, kind="stable"), np.arange(1, count))
    parts = np.split(np.argsort(label, kind="stable"), ends)
    return [(part[part < a], part[part >= a] - a) for part in parts]


def closed_rank(x: Sum, y: Sum, vector: Int[np.ndarray, "r"], prime: int, limit: Limit) -> int:
    """Rank of the product of two values of one owner, r closed by a vector: the sum over all pairs of their blocks."""
    total = 0
    for p in x:
        for q in y:
            few, many = (p, q) if len(p.owner) <= len(q.owner) else (q, p)
            if few.value.shape[1:3] == many.value.shape[1:3] == (1, 1):
                total += count(few.value[:, 0, 0] * vector % prime, many.value[:, 0, 0], prime)
            else:
                limit.check(_elements(few, many) / len(vector), "the matrix at the root")
                total += sum(_closed_ranks(one * vector % prime, many.value, prime) for one in few.value)
    return total


def count(x: Int[np.ndarray, "n r"], y: Int[np.ndarray, "m r"], prime: int) -> int:
    """How many of the numbers x y^T are not zero, a tile at a time.

    Raises MemoryLimitError where they are more than COUNTED.
    """
    if len(x) * len(y) > COUNTED:
        raise memory.MemoryLimitError(f"the root is a sum of {len(x) * len(y):.1e} numbers, too many to look at each")
    rows = max(1, modular.TILE // len(y))
    tiles = (modular.matmul(x[i : i + rows], y.T, prime) for i in range(0, len(x), rows))
    return sum(int(np.count_nonzero(tile)) for tile in tiles)


def _closed_ranks(x: Int[np.ndarray, "a b r"], y: Int[np.ndarray, "n c d r"], prime: int) -> int:
    """Sum of the ranks of the matrices (a c) x (b d) that x makes with every y."""
    (a, b, r), (n, c, d, _), total = x.shape, y.shape, 0
    some = max(1, AT_ONCE // (a * b * c * d))
    for start in range(0, n, some):
        part = y[start : start + some]
        flat = modular.matmul(x.reshape(a * b, r), part.reshape(-1, r).T, prime).reshape(a, b, -1, c, d)
        total += ranks(flat.transpose(2, 0, 3, 1, 4).reshape(len(part), a * c, b * d), prime)
    return total


def ranks(matrices: Int[np.ndarray, "n a c"], prime: int) -> int:
    """Sum of the ranks of matrices of one shape."""
    shorter = matrices if matrices.shape[1] <= matrices.shape[2] else np.swapaxes(matrices, 1, 2)
    if shorter.shape[1] <= SHORT:
        return int((modular.reduced(shorter, prime)[1] >= 0).sum())
    return sum(modular.rank(matrix, prime) for matrix in shorter)


def sizes(values: Sum, count: int) -> tuple[Int[np.ndarray, "count"], Int[np.ndarray, "count"]]:
    """(side, elements) of every owner: side 0 for one block of a single column, 1 for one of a single row, else 2."""
    elements, blocks, side = np.zeros(count, np.int64), np.zeros(count, np.int64), np.full(count, 2)
    for owner, value in values:
        _, a, b, r = value.shape
        here = np.bincount(owner, minlength=count)
        elements += here * a * b * r
        blocks += here
        side[here > 0] = 0 if b == 1 else 1 if a == 1 else 2
    return np.where(blocks == 1, side, 2), elements
