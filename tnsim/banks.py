"""Banks against their network: names, shapes, types and finite numbers, checked once at the door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num

from tnsim.network import Network

AnyArray = Array | np.ndarray  # measures work in NumPy, scores and training in JAX
Banks = Mapping[str, Num[AnyArray, "..."]]


def check(network: Network, banks: Any) -> None:
    """Raises ValueError where banks lack a name, have another shape, or hold no floating or complex numbers.

    Looks at shapes and types alone, so that it works on traced arrays too.
    """
    wanted = network.bank_shapes
    if not isinstance(banks, Mapping) or set(banks) != set(wanted):
        found = sorted(banks) if isinstance(banks, Mapping) else type(banks).__name__
        raise ValueError(f"params: wanted the banks {sorted(wanted)}, found {found}")
    for name, shape in wanted.items():
        found_shape, dtype = tuple(jnp.shape(banks[name])), jnp.result_type(banks[name])
        if found_shape != shape:
            raise ValueError(
                f"params[{name!r}]: wanted shape {shape}, found {found_shape}; made for another architecture?"
            )
        if not jnp.issubdtype(dtype, jnp.inexact):
            raise ValueError(f"params[{name!r}]: wanted floating or complex numbers, found {dtype}")


def measurable(network: Network, banks: Any) -> dict[str, Num[np.ndarray, "..."]]:
    """Checked banks as NumPy float64 or complex128. Raises ValueError as `check`, for NaN, infinity, traced banks."""
    check(network, banks)
    for name, bank in banks.items():
        if isinstance(bank, jax.core.Tracer):
            raise ValueError(
                f"params[{name!r}]: wanted numbers, on which shapes of a measure depend, found a traced bank: make the "
                "state outside of jit, grad and vmap. These take tnsim.entanglement.trainable.renyi_entropy of a "
                "layered tree, and the measures of tnsim.canonical on chain(cores) or tree_state(cores, wiring)"
            )
    wide = {name: np.asarray(bank) for name, bank in banks.items()}
    wide = {name: bank.astype(np.result_type(bank.dtype, np.float64)) for name, bank in wide.items()}
    for name, bank in wide.items():
        if not np.isfinite(bank).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(bank))[0])
            raise ValueError(f"params[{name!r}]: wanted finite numbers, found {bank[place]} at {place}")
    return {name: wide[name] for name in network.bank_shapes}


def check_features(network: Network, features: Any, batch_last: bool = False) -> None:
    """Raises ValueError where features are not (batch, sites, M), or (sites, M, batch), floating or complex numbers."""
    shape, dtype = tuple(jnp.shape(features)), jnp.result_type(features)
    wanted = (len(network.sites), int(network.dims[network.sites.array[0]]))
    found = shape[:-1] if batch_last else shape[1:]
    if len(shape) != 3 or found != wanted:
        named = f"{wanted[0]}, {wanted[1]}, batch" if batch_last else f"batch, {wanted[0]}, {wanted[1]}"
        raise ValueError(f"features: wanted shape ({named}), found {shape}")
    if not jnp.issubdtype(dtype, jnp.inexact):
        raise ValueError(f"features: wanted floating or complex numbers, found {dtype}")
