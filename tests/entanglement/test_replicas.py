"""Three ways to hold replicas: the same tensor, the same operations. THEORY section 6, CERTIFIED section 6."""

import numpy as np
import pytest

from tnsim.entanglement import replicas
from tnsim.entanglement.replicas import HALF, PAIRS, full


def normal(*shape):
    rng = np.random.default_rng(sum(shape))
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def positive(n, m, r):
    root = normal(n, m, r, r)
    return root @ root.conj().swapaxes(-1, -2)


def written_out(form, value):
    """All four legs of two replicas."""
    if form is PAIRS:
        s, t = value
        a, c = replicas.pair_list(round((2 * s.shape[-1]) ** 0.5 - 0.5))
        t = np.pad(t, [(0, 0), (0, 0), *[(0, s.shape[-1] - t.shape[-1])] * 2])
        E = np.zeros((*s.shape[:2], *(max(a) + 1,) * 4), s.dtype)
        for rows, columns, part in (((a, c), (a, c), s + t), ((a, c), (c, a), s - t)):
            (i, j), (k, l) = rows, columns
            E[:, :, i[:, None], j[:, None], k, l] = part
            E[:, :, j[:, None], i[:, None], l, k] = part
        return E
    if form is HALF:
        (x,) = value
        b, d = replicas.pair_list(x.shape[2])
        E = np.zeros((*x.shape[:4], x.shape[2], x.shape[2]), x.dtype)
        E[..., d, b] = x.swapaxes(2, 3)  # E[ac, db] = E[ca, bd]
        E[..., b, d] = x
        return E
    return value[0]


A, B, W, VECTOR = positive(3, 2, 4), positive(3, 2, 4), normal(3, 5, 4), normal(5)


def mixed(form):
    return form.pool(form.flip(form.traced(A)), form.traced(B))


@pytest.mark.parametrize("form", [full(2), PAIRS, HALF])
def test_two_replicas(form):
    """A joins k1-b2 and k2-b1, B joins k1-b1 and k2-b2; W on kets, its conjugate on bras."""
    E = np.einsum("nmad,nmcb,nmab,nmcd->nmacbd", A, A, B, B)
    np.testing.assert_allclose(written_out(form, mixed(form)), E)
    above = np.einsum("nmacbd,nxa,nyc,nzb,nwd->nmxyzw", E, W, W, W.conj(), W.conj())
    value = form.conv(form.lift(W), mixed(form))
    np.testing.assert_allclose(written_out(form, value), above, atol=1e-9)
    np.testing.assert_allclose(written_out(form, form.flip(value)), above.swapaxes(4, 5), atol=1e-9)
    closed = np.einsum("nmxyzw,x,y,z,w->nm", above, VECTOR, VECTOR, VECTOR.conj(), VECTOR.conj())
    np.testing.assert_allclose(form.close(VECTOR, value), closed.real)


def test_three_replicas():
    form = full(3)
    E = np.einsum("nmae,nmbf,nmcd,nmad,nmbe,nmcf->nmabcdef", A, A, A, B, B, B)
    np.testing.assert_allclose(mixed(form)[0], E)
    above = np.einsum("nmabcdef,nxa,nyb,nzc,nud,nve,nwf->nmxyzuvw", E, W, W, W, *(W.conj(),) * 3, optimize=True)
    np.testing.assert_allclose(form.conv(form.lift(W), mixed(form))[0], above, atol=1e-8)
    bra = VECTOR.conj()
    closed = np.einsum("nmxyzuvw,x,y,z,u,v,w->nm", above, *(VECTOR,) * 3, bra, bra, bra, optimize=True)
    np.testing.assert_allclose(form.close(VECTOR, form.conv(form.lift(W), mixed(form))), closed.real)


@pytest.mark.parametrize("form", [PAIRS, HALF, *map(full, (1, 2, 3, 4))])
def test_a_second_exchange_of_the_sides_undoes_the_first(form):
    r = 2 if form.order == 4 else 3
    value = form.pool(form.flip(form.traced(positive(1, 1, r))), form.traced(positive(1, 2, r)[:, 1:]))
    for once, twice in zip(value, form.flip(form.flip(value)), strict=True):
        np.testing.assert_array_equal(once, twice)


@pytest.mark.parametrize("form", [PAIRS, HALF, *map(full, (1, 2, 3, 4))])
def test_sizes_are_those_of_the_arrays(form):
    for r in (1, 2, 3):
        assert form.size(r) == sum(part.size for part in form.traced(positive(1, 1, r)))


@pytest.mark.parametrize("form", [PAIRS, HALF, full(3)])
def test_a_scale_is_taken_out_of_every_value_and_zero_stays(form):
    value = form.traced(positive(2, 2, 3) * np.array([[1.0, 0.0], [1e100, 1e-100]])[..., None, None])
    found = replicas.rescale(value, np.zeros((2, 2)))
    for whole, part in zip(value, found.value, strict=True):
        np.testing.assert_allclose(part * np.exp(found.log_scale).reshape(2, 2, *(1,) * (part.ndim - 2)), whole)
    peaks = np.max([abs(part).reshape(2, 2, -1).max(-1, initial=0) for part in found.value], axis=0)
    np.testing.assert_allclose(peaks, [[1, 0], [1, 1]])
