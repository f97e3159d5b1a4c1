"""Drawn einsums: whatever an index may do."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def hypergraphs(draw):
    """Terms over few indices: copies, loops, diagonals, lonely indices, scalars, parts apart; some indices open."""
    dims = draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))
    index = st.integers(0, len(dims) - 1)
    terms = draw(st.lists(st.lists(index, max_size=3), min_size=1, max_size=6))
    used = sorted({i for term in terms for i in term})
    opened = draw(st.permutations(used))[: draw(st.integers(0, min(3, len(used))))]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from(["float64", "complex128"]))
    arrays = [normal(rng, [dims[i] for i in term], dtype) for term in terms]
    if len(arrays) > 1 and draw(st.booleans()) and arrays[0].shape == arrays[-1].shape:
        arrays[-1] = arrays[0]  # one row, read twice
    return terms, arrays, opened


def normal(rng, shape, dtype):
    real = rng.normal(size=shape)
    return np.asarray(real + 1j * rng.normal(size=shape) if dtype == "complex128" else real, dtype=dtype)
