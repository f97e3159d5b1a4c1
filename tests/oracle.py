"""The definition, by brute force: ConvAC tensors in full and what is read off them. Nothing of tnsim is used.

    conv_l[j, g] = sum_c a^l[slot(j), g, c] in_l[j, c]      pool_l[k, g] = prod_{j in window k} conv_l[j, g]

THEORY section 1. A tensor has one axis per site, A[d_1, .., d_N]; rows of a matricisation belong to the sites in A.
"""

from itertools import product
from math import comb, prod

import numpy as np
import opt_einsum

PRIME = 2147483629  # of THEORY section 5; products of two residues fit in 63 bits


def square_windows(grid, window):
    """Positions of every window, nodes and places row-major, counted one by one."""
    height, width = grid if len(grid) == 2 else (1, grid[0])
    h, w = window if len(window) == 2 else (1, window[0])
    return [
        [(top + i) * width + left + j for i in range(h) for j in range(w)]
        for top in range(0, height, h)
        for left in range(0, width, w)
    ]


def mirror_windows(grid):
    """{(i, j), (i, w-1-j), (h-1-i, j), (h-1-i, w-1-j)}, by the top-left quarter; in 1D i with n-1-i."""
    if len(grid) == 1:
        return [[i, grid[0] - 1 - i] for i in range(grid[0] // 2)]
    h, w = grid
    return [
        [i * w + j, i * w + w - 1 - j, (h - 1 - i) * w + j, (h - 1 - i) * w + w - 1 - j]
        for i in range(h // 2)
        for j in range(w // 2)
    ]


def levels(grid, windows, sharing, geometry=None):
    """[(groups, slots)] of every level: which positions each node pools, which row of the bank each position reads."""
    found = []
    for level, (window, kind) in enumerate(zip(windows, sharing, strict=True)):
        if geometry is None:
            groups = square_windows(grid, window)
        else:
            groups = mirror_windows(grid) if geometry == "mirror" else geometry[level]
        slots = {}
        for group in groups:
            for place, position in enumerate(group):
                slots[position] = {"none": position, "window": place, "full": 0}[kind]
        found.append((groups, [slots[position] for position in range(len(slots))]))
        grid = tuple(n // w for n, w in zip(grid, window, strict=True))
    return found


def tensor(wiring, banks, output, label, roots=None, prime=None):
    """A^y of THEORY section 1 with one axis a site; roots: S^(1/2) of every site, applied to its leg (row index c)."""
    M, sites = banks[0].shape[-1], len(wiring[0][1])
    kind = np.result_type(*banks, output, *([] if roots is None else roots))
    eye = np.eye(M, dtype=kind)
    inputs = [([i], eye if roots is None else roots[i].T) for i in range(sites)]  # [configuration a, channel c]
    for (groups, slots), bank in zip(wiring, banks, strict=True):
        conv = [(below, _times(value, bank[slot].T, prime)) for (below, value), slot in zip(inputs, slots, strict=True)]
        inputs = [_pooled([conv[j] for j in group], prime) for group in groups]
    ((order, value),) = inputs
    dense = _times(value, output[label][:, None], prime).reshape((M,) * sites)
    return np.transpose(dense, np.argsort(order))


def _times(x, y, prime):
    if prime is None:
        return x @ y
    total = np.zeros((len(x), y.shape[1]), dtype=np.int64)
    for c in range(x.shape[1]):
        total = (total + x[:, c, None] * y[None, c]) % prime
    return total


def _pooled(children, prime):
    sites, value = children[0]
    for more, factor in children[1:]:
        value = (value[:, None] * factor[None]).reshape(-1, value.shape[-1])
        value = value if prime is None else value % prime
        sites = sites + more
    return sites, value


def score(wiring, banks, output, features):
    """(h, sum of |terms|) for features (sites, M): every class's score, and what its rounding is relative to."""
    found = []
    for f, weights, last in ((features, banks, output), (abs(features), [abs(b) for b in banks], abs(output))):
        values = list(f)
        for (groups, slots), bank in zip(wiring, weights, strict=True):
            conv = [bank[slot] @ value for slot, value in zip(slots, values, strict=True)]
            values = [np.prod([conv[j] for j in group], axis=0) for group in groups]
        found.append(last @ values[0])
    return found[0], found[1].real


def hermitian_root(gram):
    """S^(1/2) of a positive Hermitian matrix."""
    values, vectors = np.linalg.eigh(gram)
    return vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.conj().T


def matricise(dense, mask):
    """[A]_{A,B}: rows the sites of A (mask True), columns those of B."""
    a, b = np.flatnonzero(mask), np.flatnonzero(~np.asarray(mask))
    rows = prod(dense.shape[i] for i in a)
    return np.transpose(dense, (*a, *b)).reshape(rows, -1)


def spectrum(dense, mask):
    """(normalised Schmidt values, descending; norm)."""
    values = np.linalg.svd(matricise(dense, mask), compute_uv=False)
    norm = np.sqrt((values**2).sum())
    return values / norm, norm


def renyi(p, order):
    """THEORY section 3, in nats; order 1 is the von Neumann entropy, 0 ln rank, inf -ln p_1. p > 0."""
    if order == 1:
        return -(p * np.log(p)).sum()
    if order == 0:
        return np.log(len(p))
    if order == np.inf:
        return -np.log(p.max())
    return np.log((p**order).sum()) / (1 - order)


def density_matrix(dense, sites):
    """rho of a few sites, in the order given, trace 1."""
    others = [i for i in range(dense.ndim) if i not in sites]
    psi = np.transpose(dense, (*sites, *others)).reshape(prod(dense.shape[i] for i in sites), -1)
    rho = psi @ psi.conj().T
    return rho / np.trace(rho).real


def rank_mod(matrix, prime=PRIME):
    """Rank over GF(prime), by elimination."""
    rows = np.array(matrix, dtype=np.int64) % prime
    rank = 0
    for column in range(rows.shape[1]):
        pivots = np.flatnonzero(rows[rank:, column])
        if not len(pivots):
            continue
        rows[[rank, rank + pivots[0]]] = rows[[rank + pivots[0], rank]]
        rows[rank] = rows[rank] * pow(int(rows[rank, column]), -1, prime) % prime
        below = rows[rank + 1 :]
        below -= below[:, column, None] * rows[rank] % prime
        below %= prime
        rank += 1
        if rank == len(rows):
            break
    return rank


def generic_rank(wiring, shapes, mask, rng, pinned=False):
    """Rank for random weights mod a prime: that of almost all weights; pinned: row 0 of each bank is (1, 0, ..)."""
    *banks, output = (rng.integers(1, PRIME, shape, dtype=np.int64) for shape in shapes)
    for bank in banks if pinned else []:
        bank[:, 0] = np.eye(bank.shape[-1], dtype=np.int64)[0]
    return rank_mod(matricise(tensor(wiring, banks, output, 0, prime=PRIME), mask))


def min_cut(wiring, dims, mask):
    """Least product of dimensions cut, over every way to put each matrix on A's side or B's. dims: M, r_0, r_1, ..

    An index costs its dimension, once, where the matrices (and the site) that it joins are not all on one side.
    """
    starts = np.cumsum([0] + [len(slots) for _, slots in wiring])
    sides = np.arange(2 ** starts[-1])[:, None] >> np.arange(starts[-1]) & 1  # of each matrix; the output's is free
    weight = np.ones(len(sides), dtype=np.int64)
    for site, in_a in enumerate(mask):
        weight *= np.where(sides[:, site] == (0 if in_a else 1), 1, dims[0])
    for level, (groups, _) in enumerate(wiring):
        for node, group in enumerate(groups):
            joined = sides[:, starts[level] + np.array(group)].T
            if level + 1 < len(wiring):
                joined = np.concatenate([joined, sides[None, :, starts[level + 1] + node]])
            weight *= np.where((joined == joined[0]).all(axis=0), 1, dims[level + 1])
    return int(weight.min())


def separates(wiring, severed, mask):
    """Whether no path is left from A to B once the indices (level, position) are severed; level -1: the sites."""
    starts = np.cumsum([0] + [len(slots) for _, slots in wiring])
    parent = list(range(starts[-1] + 3))  # the matrices, the output, A and B
    output, a, b = starts[-1], starts[-1] + 1, starts[-1] + 2

    def find(i):
        while parent[i] != i:
            i = parent[i]
        return i

    joins = {(-1, site): [site, a if in_a else b] for site, in_a in enumerate(mask)}
    for level, (groups, _) in enumerate(wiring):
        for node, group in enumerate(groups):
            above = starts[level + 1] + node if level + 1 < len(wiring) else output
            joins[level, node] = [starts[level] + j for j in group] + [above]
    for index, vertices in joins.items():
        for vertex in vertices if index not in severed else []:
            parent[find(vertex)] = find(vertices[0])
    return find(a) != find(b)


def symmetric(rho, m):
    """Dimension of the symmetric power: C(rho + m - 1, m)."""
    return comb(rho + m - 1, m)


def configurations(dims):
    """Every configuration, the first site the slowest."""
    return np.array(list(product(*(range(d) for d in dims))))


def mixed_scores(wiring, banks, output, label, features, mask):
    """psi(x_A of image i, x_B of image j) for every pair of images; features (n, sites, M)."""
    n = len(features)
    side = np.asarray(mask)[:, None]
    kind = np.result_type(features, *banks, output)
    found = np.empty((n, n), dtype=kind)
    for i, j in product(range(n), repeat=2):
        found[i, j] = score(wiring, banks, output, np.where(side, features[i], features[j]))[0][label]
    return found


def joint(wiring, banks, output, roots=None):
    """sum_y |y>|psi_y>: one axis a site, and the class leg last."""
    return np.stack([tensor(wiring, banks, output, label, roots) for label in range(len(output))], axis=-1)


def random_spectrum(rng):
    """Random probabilities, descending: flat or not at all, geometric, power law, two scales, near product, rank 1."""
    n, kind = int(rng.integers(1, 60)), int(rng.integers(7))
    if kind == 0:
        p = rng.dirichlet(np.full(n, 10 ** rng.uniform(-2, 1)))
    elif kind == 1:
        p = np.exp(-np.arange(n) * 10 ** rng.uniform(-3, 0.7))
    elif kind == 2:
        p = (1.0 + np.arange(n)) ** -rng.uniform(0, 5)
    elif kind == 3:
        p = np.concatenate([rng.dirichlet(np.ones(3)), 10 ** rng.uniform(-8, 0) * rng.dirichlet(np.ones(n))])
    elif kind == 4:
        p = np.concatenate([[1.0], 10 ** rng.uniform(-14, -1) * rng.dirichlet(np.ones(n))])
    elif kind == 5:
        p = np.exp(-rng.exponential(10 ** rng.uniform(-0.5, 1), n))
    else:
        p = np.ones(1 if rng.random() < 0.5 else n)
    p = np.sort(p)[::-1]
    return p[p > 1e-300] / p.sum()


def known_part(rng, p):
    """A list q with p_k >= q_k, descending: the largest values, some of them, all made less, or a projection's."""
    k, kind = int(rng.integers(0, len(p) + 1)), int(rng.integers(5))
    if kind == 0:
        q = p[:k]
    elif kind == 1:
        q = p * (rng.random(len(p)) < rng.random())
    elif kind == 2:
        q = p[:k] * (1 - rng.uniform(0, 10 ** rng.uniform(-8, 0), k))
    else:
        # Onto k dimensions: any, or close to those of the largest values.
        mixed = rng.normal(size=(len(p), k)) * (1 if kind == 3 else 10 ** rng.uniform(-5, 0))
        basis = np.linalg.qr(mixed + (0 if kind == 3 else np.eye(len(p), k)))[0]
        q = np.maximum(np.linalg.eigvalsh(basis.T @ (p[:, None] * basis)), 0.0)
    return np.sort(q)[::-1]


def set_entropy(dense, sites, order=1):
    """Entropy of a set of sites of the pure state, from its Schmidt values; of none or all of them 0."""
    mask = np.isin(np.arange(dense.ndim), list(sites))
    if mask.all() or not mask.any():
        return 0.0
    p = spectrum(dense, mask)[0] ** 2
    return renyi(p[p > 1e-300], order)


def mutual_information(dense, X, Y, order=1):
    """S(X) + S(Y) - S(XY)."""
    parts = (set_entropy(dense, sites, order) for sites in (X, Y, [*X, *Y]))
    return sum(sign * S for sign, S in zip((1, 1, -1), parts, strict=True))


def distance(grid, i, j):
    """Euclidean, between two sites of a row-major grid."""
    rows = [np.array(np.unravel_index(site, grid)) for site in (i, j)]
    return float(np.sqrt(((rows[0] - rows[1]) ** 2).sum()))


def data_tensor(features, y):
    """(1/m) sum_i y_i x_i^1 (x) .. (x) x_i^N, in full: one axis of size M a site."""
    total = 0
    for x, label in zip(features, y, strict=True):
        term = np.array(label / len(y), dtype=float)
        for vector in x:
            term = np.multiply.outer(term, vector)
        total = total + term
    return total


def correlation_coefficient(x, y):
    """|S_xy|_1 / sum_k (l_k(S_x) l_k(S_y))^(1/2) of two samples of vectors, (m, M) each, from their covariances."""
    x, y = x - x.mean(0), y - y.mean(0)
    roots = [np.linalg.svd(z, compute_uv=False) for z in (x, y)]
    return np.linalg.svd(x.T @ y, compute_uv=False).sum() / (roots[0] * roots[1]).sum()


def network_tensor(legs, tensors, sites, outputs=(), labels=(), roots=None):
    """psi of any network, one axis a site: the sum over all indices, outputs at `labels`; roots: as of `tensor`.

    legs: the indices of every tensor; sites: the index of every site, two of which may be one; a site index that no
    tensor has is summed too.
    """
    dims = {index: n for its, tensor in zip(legs, tensors, strict=True) for index, n in zip(its, tensor.shape)}
    name = {index: number for number, index in enumerate(sorted({*dims, *sites, *outputs}))}
    operands, opened = [], []
    for its, tensor in zip(legs, tensors, strict=True):
        operands += [tensor, [name[index] for index in its]]
    for output, label in zip(outputs, labels, strict=True):
        operands += [np.eye(dims[output])[label], [name[output]]]
    for site, index in enumerate(sites):
        opened.append(len(name) + site)
        root = np.eye(dims[index]) if roots is None else roots[site].T
        operands += [root, [opened[-1], name[index]]]
    return opt_einsum.contract(*operands, opened, optimize="greedy")  # numpy.einsum ends at 52 indices


# ---- other architectures, each from its own definition; tensors with an axis a site, of one class where there are any


def mps_tensor(cores, label, site, periodic):
    """psi[d_1 .. d_N] = A_1[d_1] A_2[d_2] .. A_N[d_N], a product of matrices (its trace if periodic).

    cores: of every site (l, M, r), open ends as bonds of 1; the one at `site` has its classes in front (None: none).
    """
    matrices = [core[label] if place == site else core for place, core in enumerate(cores)]
    shape = tuple(core.shape[1] for core in matrices)
    dense = np.zeros(shape, np.result_type(*matrices))
    for digits in product(*map(range, shape)):
        chain = [core[:, d] for core, d in zip(matrices, digits, strict=True)]
        whole = chain[0] if len(chain) == 1 else np.linalg.multi_dot(chain)
        dense[digits] = np.trace(whole) if periodic else whole[0, 0]
    return dense


def ttn_tensor(levels, label):
    """levels, from the sites up: of each the groups of positions and a core (r, r_in, .., r_in) for every group."""
    sites, M = sum(len(group) for group in levels[0][0]), levels[0][1][0].shape[1]
    nodes = [([i], np.eye(M)) for i in range(sites)]  # [configuration, channel]
    for groups, cores in levels:
        joined = []
        for group, core in zip(groups, cores, strict=True):
            value, order = np.moveaxis(core, 0, -1), []
            for place in group:  # the first leg left is that of this place
                value = np.tensordot(value, nodes[place][1], axes=(0, 1))
                order += nodes[place][0]
            joined.append((order, np.moveaxis(value, 0, -1).reshape(-1, core.shape[0])))
        nodes = joined
    ((order, value),) = nodes
    return np.transpose(value[:, label].reshape((M,) * sites), np.argsort(order))


def rac_tensor(into, hidden, start, output, label):
    """h_t = (W_in x_t) * (W_hid h_{t-1}), for every sequence of basis vectors; into, hidden: of every step."""
    M, steps = into[0].shape[1], len(into)
    dense = np.zeros((M,) * steps, np.result_type(into[0], hidden[0]))
    for digits in product(range(M), repeat=steps):
        h = start
        for read, move, d in zip(into, hidden, digits, strict=True):
            h = read[:, d] * (move @ h)
        dense[digits] = output[label] @ h
    return dense


def peps_tensor(cores, label, site):
    """cores[i][j]: (up, left, down, right, M), missing bonds of dimension 1; that of `site` with classes in front."""
    height, width = len(cores), len(cores[0])
    operands = []
    for i in range(height):
        for j in range(width):
            core = cores[i][j][label] if (i, j) == site else cores[i][j]
            up, left = 1000 + i * width + j, 2000 + i * (width + 1) + j
            operands += [core, [up, left, up + width, left + 1, i * width + j]]
    names = {name: k for k, name in enumerate(sorted({n for legs in operands[1::2] for n in legs}))}
    operands[1::2] = [[names[n] for n in legs] for legs in operands[1::2]]
    return np.einsum(*operands, list(range(height * width)), optimize="greedy")


def mera_state(output, levels, label, periodic):
    """The gates, one after the other, on a state that begins as output[label]; levels from the sites up:
    (disentanglers (a', b', a, b), isometries (r, a, b)), each from the left."""
    state = output[label]
    for gates, joins in reversed(levels):
        for join in joins:  # the first axis becomes the two last: in the end all have moved once
            state = np.tensordot(state, join, axes=(0, 0))
        count = state.ndim
        for k, gate in enumerate(gates):
            pair = (2 * k + 1, (2 * k + 2) % count)
            state = np.moveaxis(np.tensordot(state, gate, axes=(pair, (0, 1))), (-2, -1), pair)
        assert len(gates) == count // 2 - (not periodic)
    return state


def tucker_tensor(core, factors, label):
    """sum_r core[y, r_1 .. r_N] prod_i factors[i][r_i, d_i]."""
    value = core[label]
    for factor in factors:
        value = np.tensordot(value, factor, axes=(0, 0))
    return value


def reading_scores(levels, output, features):
    """Windows that may share what they read: levels of (positions below, rows of the bank), both by position; bank."""
    values = list(features)
    for below, rows, bank in levels:
        windows = zip(below, rows, strict=True)
        parts = [[bank[row] @ values[i] for i, row in zip(*window, strict=True)] for window in windows]
        values = [np.prod(window, axis=0) for window in parts]
    return output @ np.prod(values, axis=0)


def multilinear(dense, features):
    """h(x) = sum_d psi_d prod_i x_i[d_i]."""
    for vector in features:
        dense = np.tensordot(dense, vector, axes=(0, 0))
    return dense


def contracted(cores, legs):
    """All cores of a network over their common legs, one axis for each open one, ~site, in the order of the sites.

    One tensor after another, as sums over what both have; no order is chosen.
    """
    total, open_legs = np.ones(()), []
    for core, names in zip(cores, legs, strict=True):
        common = [leg for leg in open_legs if leg in names]
        axes = ([open_legs.index(leg) for leg in common], [names.index(leg) for leg in common])
        total = np.tensordot(total, core, axes=axes)
        open_legs = [leg for leg in open_legs if leg not in common] + [leg for leg in names if leg not in common]
    return np.transpose(total, [open_legs.index(~site) for site in range(len(open_legs))])


def operated(dense, operators):
    """One-site operators {site: matrix} on a tensor with one axis a site."""
    for site, matrix in operators.items():
        dense = np.moveaxis(np.tensordot(matrix, dense, axes=(1, site)), 0, site)
    return dense


def matrix_of(sites, dim, terms):
    """sum of coefficient * O_i (x) O_j (x) .. of terms ({site: operator}, coefficient), in full."""
    total = 0
    for operators, coefficient in terms:
        whole = np.eye(1)
        for site in range(sites):
            whole = np.kron(whole, operators.get(site, np.eye(dim)))
        total = total + coefficient * whole
    return total


def chi_squared(drawn, p, least=5.0):
    """(statistic, degrees of freedom) of drawn configurations (n, sites) against p; rare values count as one."""
    counts = np.zeros(p.shape)
    np.add.at(counts, tuple(drawn.T), 1)
    wanted, rare = p * len(drawn), p * len(drawn) < least
    found, wanted = (np.append(x[~rare], x[rare].sum()) for x in (counts, wanted))
    kept = wanted >= least
    return ((found - wanted)[kept] ** 2 / wanted[kept]).sum(), kept.sum() - 1
