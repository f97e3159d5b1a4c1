"""What a level needs is what dense singular values say; nothing is nearer than the theorem allows."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.design import data_needs, losses

LINE = tnsim.ConvAC(sites=8, features=2, channels=(1, 1, 1), windows=(2, 2, 2), classes=3)
PLANE = tnsim.ConvAC(sites=(4, 4), features=2, channels=(1, 1), windows=(2, 2), classes=2)
MIRROR = tnsim.ConvAC(sites=(4, 4), features=2, channels=(1, 1), windows=(2, 2), classes=2, geometry="mirror")


def samples(arch, m, seed):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(arch.classes), rng.integers(arch.classes, size=m - arch.classes)])
    return rng.normal(size=(m, arch.size, 2)), labels


def dense(features, labels, classes):
    """sum_i x_i^1 (x) .. (x) x_i^N (x) e_y, of samples of length 1: a leg a site, the label's last."""
    total = 0
    for sample, label in zip(features, labels, strict=True):
        units = [vector / np.linalg.norm(vector) for vector in sample]
        total = total + reduce(np.multiply.outer, [*units, np.eye(classes)[label]])
    return total


def lost_across(tensor, sites):
    """lost[r] of the sites against all the rest, the label's leg there."""
    matrix = np.moveaxis(tensor, sites, range(len(sites))).reshape(2 ** len(sites), -1)
    p = np.linalg.svd(matrix, compute_uv=False) ** 2
    return 1 - np.concatenate([[0], np.cumsum(p / p.sum())])


@settings(max_examples=12)
@given(st.sampled_from([LINE, PLANE, MIRROR]), st.integers(3, 12), st.integers(0, 10**6))
def test_losses_below_the_root_are_those_of_dense_singular_values(arch, m, seed):
    features, labels = samples(arch, m, seed)
    tensor = dense(features, labels, arch.classes)
    for need in data_needs(features, labels, arch, nodes=100)[:-1]:
        wanted = np.mean([lost_across(tensor, sites) for sites in arch.sites_below(need.level).tolist()], axis=0)
        count = min(len(wanted), len(need.lost))
        np.testing.assert_allclose(need.lost[:count], wanted[:count], atol=1e-8)
        assert need.nodes == need.measured == len(arch.sites_below(need.level))


@pytest.mark.parametrize("arch", [LINE, PLANE, MIRROR], ids=["line", "plane", "mirror"])
def test_the_root_needs_what_its_hardest_halves_need(arch):
    features, labels = samples(arch, 10, 5)
    tensor, root = dense(features, labels, arch.classes), arch.depth - 1
    children = arch.sites_below(root - 1)[arch.groups(root)[0]]
    halves = [[0]] if len(children) == 2 else [[0, 1], [0, 2], [0, 3]]
    spectra = [lost_across(tensor, np.concatenate(children[half]).tolist()) for half in halves]

    def entropy(lost):
        p = -np.diff(lost)
        return -(p[p > 0] * np.log(p[p > 0])).sum()

    wanted = max(spectra, key=entropy)
    need = data_needs(features, labels, arch)[-1]
    np.testing.assert_allclose(need.lost, np.pad(wanted, (0, 11))[:11], atol=1e-8)
    assert need.entropy == pytest.approx(entropy(wanted), abs=1e-6)


def truncated(tensor, sites, r):
    """The tensor with no more than r singular values across these sites."""
    moved = np.moveaxis(tensor, sites, range(len(sites)))
    u, s, v = np.linalg.svd(moved.reshape(2 ** len(sites), -1), full_matrices=False)
    return np.moveaxis(((u[:, :r] * s[:r]) @ v[:r]).reshape(moved.shape), range(len(sites)), sites)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("widths", [(1, 1), (2, 3), (1, 4), (3, 2)])
def test_truncating_at_every_window_loses_no_more_than_the_sum(widths, seed):
    features, labels = samples(LINE, 12, seed)
    tensor = dense(features, labels, 3)
    near = tensor
    for level in (1, 0):  # from the root down, so that ranks above stay
        for sites in LINE.sites_below(level).tolist():
            near = truncated(near, sites, widths[level])
    rows = losses(data_needs(features, labels, LINE, nodes=100), 8)
    promised = rows[0][widths[0]] + rows[1][widths[1]]
    error = (np.linalg.norm(near - tensor) / np.linalg.norm(tensor)) ** 2
    assert error <= promised + 1e-9
    assert max(rows[0][widths[0]] / 4, rows[1][widths[1]] / 2) <= error + 1e-9  # means are below the largest


def test_samples_in_another_order_and_scale_need_the_same():
    features, labels = samples(PLANE, 9, 3)
    order = np.random.default_rng(0).permutation(9)
    scales = np.random.default_rng(1).uniform(0.5, 2, size=(9, 16, 1))
    one = data_needs(features, labels, PLANE)
    other = data_needs((features * scales)[order], labels[order], PLANE)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.lost, b.lost, atol=1e-8)


def test_many_sites_neither_overflow_nor_vanish():
    arch = tnsim.ConvAC(4096, 2, (1,) * 12, (2,) * 12, 2)
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(6, 4096, 2)), np.array([0, 1] * 3)
    for need in data_needs(features, labels, arch, nodes=1):
        assert np.isfinite(need.lost).all()
        assert need.lost[0] == 1
        assert need.lost[-1] == 0
    assert need.entropy == pytest.approx(np.log(6), abs=1e-6)  # nothing in common, so all samples count alike


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y: (x[:, :3], y), r"features: wanted \(samples, 16, M\), found shape"),
        (lambda x, y: (x, y[:3]), "labels: wanted 9 integers"),
        (lambda x, y: (x, y * 0), "labels: wanted at least two classes, found 1"),
        (lambda x, y: (x * np.nan, y), "features: wanted finite numbers"),
        (lambda x, y: (x * 0, y), "features: wanted none that is 0 at all functions of a site"),
    ],
)
def test_what_is_no_data_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        data_needs(*change(*samples(PLANE, 9, 0)), PLANE)


def test_fewer_samples_than_classes_are_refused():
    arch = tnsim.ConvAC(sites=4, features=2, channels=(1, 1), windows=(2, 2), classes=5)
    with pytest.raises(ValueError, match="labels: wanted a sample for each of 5 classes at least, found 3"):
        data_needs(np.ones((3, 4, 2)), np.array([0, 1, 2]), arch)
