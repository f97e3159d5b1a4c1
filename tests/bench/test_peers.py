"""Contenders give the definition's numbers; those whose libraries are not installed are skipped."""

import ast
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import oracle
import pytest
from bench.questions import SMALL, answer, contracted, oracles

from tnsim.bench.cases import Case
from tnsim.bench.peers.common import GRADIENTS
from tnsim.bench.peers.registry import PEERS, Peer, load, missing
from tnsim.bench.workloads import WORKLOADS, training_answer, trees


def module_of(name):
    peer = PEERS[name]
    if why := missing(peer):
        pytest.skip(why)
    return load(peer)


def wanted(case):
    """The answer by brute force, from the oracle and NumPy."""
    if case.workload in GRADIENTS:
        return trained(case)
    if case.workload != "renyi":
        return answer(case)
    whole, found = oracle.tensor(*oracles(case), 0), []
    for mask in WORKLOADS["renyi"].inputs(case)["masks"]:
        p = np.linalg.svd(oracle.matricise(whole, mask), compute_uv=False) ** 2
        found.append(-np.log((p**2).sum() / p.sum() ** 2))
    return np.array(found)


def scores_of(case, weights, features):
    """(batch, classes): of a tree by the oracle, of a chain by NumPy."""
    if case.workload == "mps-gradient":
        return contracted(case, weights | {"features": features})[0]
    wiring, banks = oracles(case)[0], [weights[name] for name in trees.bank_shapes(case)]
    return np.array([oracle.score(wiring, banks[:-1], banks[-1], sample)[0] for sample in features])


def trained(case):
    """Loss and gradients by central differences of the scores, weight by weight, in float64."""
    inputs = WORKLOADS[case.workload].inputs(case)
    labels, features = inputs.pop("labels"), inputs.pop("features").astype(np.float64)
    weights = {name: array.astype(np.float64) for name, array in inputs.items()}

    def loss():
        scores = scores_of(case, weights, features)
        return (np.log(np.exp(scores).sum(1)) - scores[np.arange(len(scores)), labels]).mean()

    gradients = {}
    for name, weight in weights.items():
        slopes = np.zeros(weight.shape)
        for place in np.ndindex(weight.shape):
            kept = weight[place]
            ends = []
            for move in (1e-5, -1e-5):
                weight[place] = kept + move
                ends.append(loss())
            weight[place] = kept
            slopes[place] = (ends[0] - ends[1]) / 2e-5
        gradients[name] = slopes
    return training_answer(case, loss(), gradients)


CASES = [
    Case("amplitude", 4, 4, 3), Case("scores", (2, 2), 3, 2, 3),
    *(case for case in SMALL if case.workload not in ("amplitude", "scores")),
    Case("value-and-grad", (2, 2), 3, 2, 3, "full"), Case("norm", 4, 3, 2, 1, "full", "float64"),
    Case("renyi", 4, 3, 2, dtype="float64"), Case("spectrum", (2, 2), 3, 2, 1, "full", "float64"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    return lru_cache(wanted)


def taken(name):
    """The cases that a contender does not refuse; one, to be skipped with the reason, where it is not installed."""
    return CASES[:1] if missing(PEERS[name]) else [case for case in CASES if not load(PEERS[name]).refuses(case)]


PAIRS = [(name, case) for name in PEERS for case in taken(name)]


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # PyTorch's own, of its own compiler
@pytest.mark.parametrize(("name", "case"), PAIRS, ids=lambda one: one if isinstance(one, str) else one.name)
def test_a_contender_gives_the_definitions_numbers(name, case, answers):
    module = module_of(name)
    prepared = module.prepare(case)
    prepared.run()
    found, right = prepared.answer(), answers(case)
    assert found.shape == right.shape
    assert (np.abs(found - right) <= WORKLOADS[case.workload].tolerance / 10 * (1 + np.abs(right))).all()
    assert prepared.seconds
    assert min(prepared.seconds.values()) >= 0


def test_tnsim_refuses_nothing_and_others_say_why():
    assert not any(load(PEERS["tnsim"]).refuses(case) for case in SMALL)
    assert "dense" in load(PEERS["tensornetwork"]).refuses(Case("scores", (4, 4), 256))
    assert "norm" in load(PEERS["tensornetwork-copynode"]).refuses(Case("norm", 8))


def test_a_missing_contender_is_named_with_its_extra():
    absent = Peer("other", "tnsim.bench.peers.other", "peers", ("no_such_library",), "")
    assert missing(absent) == "peer 'other': wanted no_such_library, not installed; pip install 'tnsim[peers]'"


@pytest.mark.parametrize("name", PEERS)
def test_every_contender_says_what_was_tried(name):
    spec = find_spec(PEERS[name].module)
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    bound = {ast.unparse(node.targets[0]) for node in tree.body if isinstance(node, ast.Assign)}
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert "NOTE" in bound
    assert {"refuses", "prepare"} <= defined
