"""How banks begin: draws that every architecture's `init` is made of. Ground of the architectures, beside grid.

    normals: all banks cut from one draw        isometries: rows made orthonormal
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num, PRNGKeyArray

from tnsim.architectures.grid import Shape

__all__ = ["NOISE", "Banks", "isometries", "normals", "standard"]

Banks = dict[str, Num[Array, "..."]]
NOISE = 0.5  # what all noise of a near-constant start adds up to, beside the constant's 1


def normals(key: PRNGKeyArray, shapes: Sequence[Shape], dtype) -> list[Num[Array, "..."]]:
    """Standard normal arrays, cut from one draw: a draw for each shape would compile each for seconds."""
    sizes = [prod(shape) for shape in shapes]
    drawn = jax.random.normal(key, (sum(sizes),), dtype)
    ends = np.cumsum(sizes)
    return [drawn[end - size : end].reshape(shape) for end, size, shape in zip(ends, sizes, shapes, strict=True)]


def standard(key: PRNGKeyArray, shapes: Mapping[str, Shape], dtype) -> Banks:
    """Standard normal banks of these shapes."""
    return dict(zip(shapes, normals(key, list(shapes.values()), dtype), strict=True))


def isometries(drawn: Num[Array, "..."], inner: int) -> Num[Array, "..."]:
    """Orthonormal rows that span what the drawn ones do: of the matrices whose columns are the last `inner` axes and
    whose rows are the axis before them. Raises ValueError where there are more rows than columns."""
    shape = drawn.shape
    rows, columns = shape[-1 - inner], prod(shape[-inner:])
    if rows > columns:
        raise ValueError(f"start: 'isometric' wants at most {columns} rows of {shape[-inner:]}, found {rows}")
    q, _ = jnp.linalg.qr(jnp.swapaxes(drawn.reshape(-1, rows, columns), -1, -2))
    return jnp.swapaxes(q, -1, -2).reshape(shape)
