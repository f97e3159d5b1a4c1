"""The survey of networks that are no layered trees: the rows of their states, and a clear no for the rest."""

import numpy as np
import oracle
import pytest
from architectures.networks import POOL, Case

from tnsim.bounds import network_min_cut
from tnsim.report.survey import Settings, Subject
from tnsim.report.unlayered import head, is_layered, steps


@pytest.mark.parametrize("name", ["mps", "ttn-2d", "rac", "mera-open", "peps-state"])
def test_rows_are_those_of_the_definition(name):
    case = Case(name, "float64", 5)
    (found,) = steps(Subject(case.arch, case.params), {"half": "left-right"}, None, Settings(top=1))
    (partition,) = found["partitions"]
    mask = np.isin(np.arange(case.arch.size), partition["sites"])
    for label, row in zip(case.classes, found["measurements"], strict=True):
        values, _ = oracle.spectrum(case.dense(label), mask)
        p = values[values > 1e-12] ** 2
        assert row["label"] == label
        assert row["entropy"] == pytest.approx(oracle.renyi(p, 1), abs=1e-9)
        assert row["renyi2"] == pytest.approx(oracle.renyi(p, 2), abs=1e-9)
        assert row["leading"]["values"] == pytest.approx([values[0]])
    assert partition["min_cut"]["value"] == str(network_min_cut(case.arch.network, mask, outputs="fixed").value)


@pytest.mark.parametrize("asked", [{"maps": ("sites",)}, {"exact_rank": True}, {"atol": 0.1}, {"whole": True}])
def test_what_wants_a_layered_tree_is_refused(asked):
    case = Case("mps", "float64", 0)
    with pytest.raises(ValueError, match="wanted a layered tree, such as a ConvAC, found MPS"):
        next(steps(Subject(case.arch, case.params), {"half": "left-right"}, None, Settings(**asked)))


def test_which_networks_are_layered():
    assert {name for name, arch in POOL.items() if is_layered(arch)} == {"cp"}
    assert head(POOL["mps"])["kind"] == "MPS"
