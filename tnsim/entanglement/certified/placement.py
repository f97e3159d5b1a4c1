"""Where large products are fastest: NumPy on a CPU, the accelerator where there is one. Ground floor of certified."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Num

from tnsim.banks import AnyArray


def accelerated() -> bool:
    """Whether the default device is anything but the CPU."""
    return jax.default_backend() != "cpu"


def placed(array: Num[np.ndarray, "..."]) -> Num[AnyArray, "..."]:
    """An array for large products: as it is, or on the accelerator (call under enable_x64)."""
    return jnp.asarray(array) if accelerated() else array
