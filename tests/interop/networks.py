"""Drawn networks: any stacks over few indices, shared rows, copies, traces, parts apart, scalars; sites and outputs."""

from collections import Counter

import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

from tnsim.interop.naming import index_names
from tnsim.network import Stack, Table, build

DTYPES = ("float32", "float64", "complex64", "complex128", "bfloat16")


def bank(rng, shape, dtype):
    """Normal numbers of any floating or complex type."""
    numbers = rng.normal(size=shape) + (1j * rng.normal(size=shape) if dtype.startswith("complex") else 0)
    return np.asarray(numbers).astype(jnp.dtype(dtype))


@st.composite
def seeds(draw, dtypes=DTYPES):
    """What `drawn` makes a network of."""
    return draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from(dtypes))


def drawn(seed, dtype):
    """(network, banks): runs of one or more indices, stacks that read rows of their banks in any order."""
    rng = np.random.default_rng(seed)
    runs = [(f"run_{i}", int(rng.integers(1, 4)), int(rng.integers(1, 4))) for i in range(rng.integers(1, 4))]
    dims = np.repeat([dim for *_, dim in runs], [count for _, count, _ in runs])
    stacks = [_stack(rng, f"bank_{number}", dims) for number in range(rng.integers(1, 4))]
    banks = {stack.bank: bank(rng, stack.bank_shape, dtype) for stack in stacks}
    met = np.unique(np.concatenate([stack.legs.array.ravel() for stack in stacks])).tolist()
    opened = rng.permutation(met)[: rng.integers(0, 4)].astype(int).tolist()
    split = int(rng.integers(0, len(opened) + 1))
    return build(runs, stacks, np.array(opened[:split], np.int32), opened[split:]), banks


def _stack(rng, name, dims):
    shape = tuple(int(d) for d in rng.choice(dims, rng.integers(0, 4)))
    copies = int(rng.integers(0, 4))
    slots = [*range(copies), *rng.integers(0, copies, rng.integers(0, 3)).tolist()] if copies else [0]  # all rows read
    legs = [[int(rng.choice(np.flatnonzero(dims == d))) for d in shape] for _ in slots]
    table = np.array(legs, dtype=np.int32).reshape(len(slots), len(shape))
    return Stack(name, copies, shape, Table(slots), Table(table))


def tensors(network, banks):
    """Every tensor's numbers, in the network's order."""
    whole = {stack.bank for stack in network.stacks if stack.copies == 0}
    return [banks[t.bank] if t.bank in whole else banks[t.bank][t.slot] for t in network.tensors()]


def dense(network, banks):
    """The tensor over sites and outputs by one einsum of NumPy, in double precision."""
    parts = []
    for tensor, numbers in zip(network.tensors(), tensors(network, banks), strict=True):
        parts += [np.asarray(numbers) * np.float64(1), list(tensor.legs)]
    return np.einsum(*parts, [*network.sites.array.tolist(), *network.outputs])


def bitwise(found, wanted):
    """Whether two arrays are the same type, shape and bits."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    return found.dtype == wanted.dtype and found.shape == wanted.shape and found.tobytes() == wanted.tobytes()


def described(network, banks):
    """Every tensor by the names of its legs and its bits; the open ends by name."""
    names = index_names(network)
    rows = zip(network.tensors(), tensors(network, banks), strict=True)
    found = Counter((tuple(names[leg] for leg in t.legs), str(a.dtype), a.shape, a.tobytes()) for t, a in rows)
    return found, [names[i] for i in (*network.sites.array, *network.outputs)]
