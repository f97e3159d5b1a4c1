"""Cases that certified intervals are tried on: the pool and deeper trees, states from product to flat; their truth."""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from unittest import mock

import numpy as np
import oracle
import strategies
from hypothesis import strategies as st

import tnsim
from tnsim.entanglement.certified import certify, chain, lower, truncate, upper
from tnsim.entanglement.certified.blocks import block_bound
from tnsim.entanglement.certified.environments import environments
from tnsim.entanglement.certified.joins import Matrices, join_tree
from tnsim.entanglement.certified.pinching import pinching_bound
from tnsim.entanglement.certified.root import root_of

KINDS = ("gaussian", "near copy", "near product", "product", "flat", "residual", "cancelling")
SLACK = 1e-9  # of values and bounds against a dense decomposition
WHOLE = 2**12  # a chi and a root that leave nothing out


def _deep():
    """Trees of more levels, and of wide windows: N = 16 and 12, M = 2."""
    trees = [
        (16, (2, 2, 2, 2), (4, 4, 4, 4), "none"), (16, (2, 2, 2, 2), (3, 6, 2, 5), "none"),
        (16, (2, 2, 2, 2), (4, 4, 4, 4), "full"), (16, (2, 4, 2), (4, 3, 4), "window"),
        (16, (4, 4), (6, 4), "none"), (16, (8, 2), (4, 6), "none"), (16, (16,), (5,), "none"),
        ((4, 4), ((1, 2), (2, 1), (1, 2), (2, 1)), (3, 4, 4, 4), "none"), ((4, 4), (2, 2), (4, 8), "none"),
        ((4, 4), (2, 2), (5, 4), "window"), ((2, 8), (2, (1, 2), (1, 2)), (4, 4, 3), "none"),
        (12, (2, 3, 2), (4, 4, 4), "none"),
    ]  # fmt: skip
    return [
        tnsim.ConvAC(sites=sites, features=2, windows=windows, channels=channels, classes=2, sharing=sharing)
        for sites, windows, channels, sharing in trees
    ]


ARCHS = [*strategies.POOL, *_deep()]


@dataclass(frozen=True, eq=False)
class Kinded(strategies.Case):
    """A case with the kind of its state, and how it is cut."""

    kind: str = ""
    noise: float = 0.0
    seed: int = 0

    def __repr__(self):
        return f"{super().__repr__()[:-1]}, kind={self.kind!r}, noise={self.noise:.2g}, seed={self.seed})"

    @cached_property
    def dense(self):
        """As always, but what is rounding of a Gram matrix of lower rank is zero: its root would be 3e-9."""
        return oracle.tensor(strategies.wiring(self.arch), *self.banks, self.label, self.roots)

    @property
    def banks(self):
        """The banks of the levels, and the output's."""
        *banks, output = self.wide
        return banks, output

    @property
    def roots(self):
        """Of the Gram matrices, one a site; None of none."""
        if self.gram is None:
            return None
        return [_root(gram) for gram in np.broadcast_to(self.gram, (self.arch.size, *self.gram.shape[-2:]))]

    @cached_property
    def p(self):
        """True Schmidt probabilities, descending."""
        return oracle.spectrum(self.dense, self.mask)[0] ** 2

    @cached_property
    def entropy(self):
        return oracle.renyi(self.p[self.p > 0], 1)

    @property
    def problem(self):
        state = self.state
        return certify.Problem(state.network, state.banks, state.vector[None], state.measure, self.mask)

    @property
    def moments(self):
        """The exact purity and cubes, within their rounding."""
        return lower.Moments(np.log((self.p**2).sum()), 1e-13, np.log((self.p**3).sum()), 1e-13)


class Whole(Kinded):
    """All classes as one state, the class leg on B's side."""

    @cached_property
    def p(self):
        dense = oracle.joint(strategies.wiring(self.arch), *self.banks, self.roots)
        return oracle.spectrum(dense, np.append(self.mask, False))[0] ** 2

    @property
    def problem(self):
        return super().problem._replace(vectors=self.state.banks["output"])


def _root(gram):
    values, vectors = np.linalg.eigh(gram)
    return vectors @ np.diag(np.sqrt(np.where(values > 1e-13 * values[-1], values, 0))) @ vectors.conj().T


class Cuts(NamedTuple):
    """How a pass cuts: chi, tolerance, pairs at the root; largest dense space and iterations beyond it."""

    chi: int = WHOLE
    tolerance: float = 0.0
    root: int = WHOLE
    dense: int = truncate.DENSE
    iterations: int = 1

    @property
    def policy(self):
        return truncate.Policy(self.chi, self.tolerance, self.iterations)


def cuts():
    """From one state a side up to all of them; small spaces also by iteration."""
    return st.tuples(
        st.sampled_from([1, 2, 3, 5, 8, WHOLE]), st.sampled_from([0.0, 0.0, 1e-8, 1e-3, 0.05]),
        st.sampled_from([1, 2, 5, 16, WHOLE]), st.sampled_from([truncate.DENSE, 5, 1]), st.integers(0, 2),
    ).map(lambda drawn: Cuts(*drawn))  # fmt: skip


def starts(case, mask=None):
    """The join tree and environments of a case, or of another partition of it."""
    tree = join_tree(case.state.network, case.mask if mask is None else mask)
    return tree, environments(tree, case.state.banks, case.problem.vectors, case.state.measure)


class Pass(NamedTuple):
    """One pass: what it starts from, what it leaves, and the root's spectrum."""

    tree: object
    env: object
    state: object
    root: object


def one_pass(case, how):
    tree, env = starts(case)
    with mock.patch.object(truncate, "DENSE", how.dense):
        state = truncate.truncated(tree, env, case.state.banks, how.policy)
    return Pass(tree, env, state, root_of(state.left, state.right).spectrum(how.root))


def early(first=1, root=2, dense=truncate.DENSE):
    """`certified` with smaller first passes than it makes by itself, so that small states are cut too."""
    stack = ExitStack()
    for module, name, value in ((certify, "FIRST", first), (truncate, "ROOT", root), (truncate, "DENSE", dense)):
        stack.enter_context(mock.patch.object(module, name, value))
    return stack


def upper_bounds(case, found):
    """{name: bound} of what one pass says from above."""
    tree, env, state, root = found
    work = certify.work_of(case.problem, None)
    return {
        "water filling": upper.water_filling(root.q, root.missing, work.log_rank, env.rounding),
        "pinching": pinching_bound(root.q, [*work.cuts(state), *root.pieces], env.rounding),
        "blocks": block_bound(tree, env, state.lists, work.own),
    }


def chains(case, chi):
    """{name: bound} of the chains over A and over B."""
    found = {}
    sides = {"chain A": case.mask, "chain B": ~case.mask}
    for name, mask in list(sides.items())[: len(certify.work_of(case.problem, None).own)]:
        tree, env = starts(case, mask)
        found[name] = chain.chain_bound(tree, case.state.banks, case.state.measure, env, chi=(chi, 2)).upper
    return found


def violations(case, found, bounds):
    """[what, by how much] of all that is not as the theory has it; empty for a sound pass. bounds: upper ones."""
    q, m = found.root.q, 1 - float(found.root.q.sum())
    moments = case.moments if case.seed % 2 else None
    low = lower.best_lower(q, found.root.missing, moments, found.env.rounding)[0]
    size = max(len(q), len(case.p))
    q, p = (np.pad(x, (0, size - len(x))) for x in (q, case.p))
    amounts = {
        "p >= q": (q - p).max(),
        "Ky Fan": (np.cumsum(p) - np.cumsum(q) - m).max(),
        "m >= 0": SLACK * -m / max(1e-12, found.env.rounding),
        "missing": abs(found.root.missing - max(m, 0.0)),
        "lower bound": low - case.entropy,
        **{name: case.entropy - bound for name, bound in bounds.items()},
    }
    # Lists are told to be within `rounding` of the truth: where channels cancel that may be more than the slack.
    allowed = {name: max(SLACK, found.env.rounding) for name in ("p >= q", "Ky Fan")}
    return [(name, float(by)) for name, by in amounts.items() if not by <= allowed.get(name, SLACK)]


def sites_below(tree):
    """The sites below every edge, before the first layer and after each."""
    found = [[{site} for site in range(len(tree.purity))]]
    for layer in tree.layers:
        below = found[-1]
        if isinstance(layer, Matrices):
            found.append([below[source] for source in layer.sources.tolist()])
        else:
            pairs = zip(layer.left.tolist(), layer.right.tolist(), strict=True)
            found.append([below[one] | (below[other] if other >= 0 else set()) for one, other in pairs])
    return found


def cases(archs=ARCHS, kinds=KINDS, made=Kinded):
    """Architecture, kind of state, noise, measure, dtype, partition; all numbers by one seed."""
    # Asked beforehand, as strategies.cases does.
    known = [(arch, strategies.shapes(arch), arch.grid, arch.features) for arch in archs]
    return st.builds(_made, st.just(made), st.sampled_from(known), st.sampled_from(kinds), st.integers(0, 2**32 - 1))


def _made(made, known, kind, seed):
    (arch, shapes, grid, M), rng = known, np.random.default_rng(seed)
    dtype = ("float64", "complex128")[rng.integers(2)]
    noise = 10.0 ** -rng.uniform(1, 2 if kind == "cancelling" else 8)
    weights = _weights(rng, kind, shapes, dtype, noise)
    gram = _gram(rng, M, int(np.prod(grid)), dtype) if rng.random() < 0.5 and kind != "flat" else None
    powers = tuple(rng.integers(-100, 100, len(shapes)).tolist())
    label = int(rng.integers(shapes[-1][0]))
    return made(arch, weights, powers, label, _mask(rng, grid), gram, kind, noise, seed)


def _weights(rng, kind, shapes, dtype, noise):
    """Banks (copies, r, r below), the output's (classes, r)."""
    drawn = [strategies.normal(rng, shape, dtype) for shape in shapes]
    *banks, output = drawn
    eyes = [np.eye(*bank.shape[1:]) + 0 * bank for bank in banks]
    alike = [np.ones_like(bank) * bank[:, :1] for bank in banks]  # every channel the same: a product
    if kind == "gaussian":
        return drawn
    if kind in ("near copy", "residual"):  # the channels as they come; or with one that is nearly constant
        found = [eye + noise * bank for eye, bank in zip(eyes, banks, strict=True)]
        for bank in found if kind == "residual" else []:
            bank[:, 0] += 1
        return [*found, 1 + 0.1 * output]
    if kind == "flat":
        return _flat(eyes, output)
    found = [same + (0 if kind == "product" else noise) * bank for same, bank in zip(alike, banks, strict=True)]
    if kind == "cancelling":  # the channels are alike, the class vector lets their sum vanish to the noise
        signs = np.where(np.arange(output.shape[1]) % 2, -1, 1)
        return [*found, 0 * output + (signs if len(signs) % 2 == 0 else 1)]
    return [*found, output]


def _flat(eyes, output):
    """THEORY section 5: every first window a sum of equal terms, the windows in a product."""
    for level, bank in enumerate(eyes[1:]):
        bank[:] = 0
        bank[:, 0] = 1 if level == 0 else np.eye(bank.shape[-1])[0]
    output = np.ones_like(output) if len(eyes) == 1 else np.eye(output.shape[1])[0] + 0 * output
    return [*eyes, output]


def _gram(rng, M, sites, dtype):
    """Gram matrices, one or one for each site: well conditioned, badly, or of a lower rank."""
    count = ((), (sites,))[rng.integers(2)]
    root = strategies.normal(rng, (*count, M, M), dtype) * 10.0 ** (-rng.uniform(0, 4) * np.linspace(0, 1, M))
    if rng.random() < 0.2:
        root[..., 1:] = 0
    return root @ np.conj(np.swapaxes(root, -1, -2))


def _mask(rng, grid):
    """Random, every other site, the first sites, or a checkerboard."""
    n = int(np.prod(grid))
    some = rng.random(n) < rng.uniform(0.2, 0.8)
    some[rng.permutation(n)[:2]] = (True, False)
    ways = (some, np.arange(n) % 2 == 0, np.arange(n) < n // 2, np.indices(grid).sum(axis=0).ravel() % 2 == 0)
    return ways[rng.choice(4, p=[0.55, 0.15, 0.1, 0.2])]
