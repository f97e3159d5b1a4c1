"""A planned network contracted with its slices dealt out to devices. Uses slices and placed; a door.

    numbers 0 .. slices-1 --[dealt out]--> each device: the sum of its own --[one psum]--> the tensor, on every device
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Num

from tnsim import banks as bank_checks
from tnsim.banks import Banks
from tnsim.contract.plan import Plan, check_plan
from tnsim.contract.sharding.mesh import on_host, size_of
from tnsim.contract.sharding.placed import spread
from tnsim.contract.slices import contract_slices
from tnsim.network import Network


def sharded_contract(network: Network, banks: Banks, plan: Plan, mesh: Mesh) -> Num[Array, "..."]:
    """The tensor over the sites, then the outputs, its slices summed over the mesh axis "slices"; exact under grad.

    Every device has all banks, and in the end the whole tensor. Numbers of slices that do not divide leave some devices
    one slice less.

    Raises ValueError for a mesh without that axis, banks that do not fit, or a plan of another network or of a fold.
    """
    if "slices" not in mesh.axis_names:
        raise ValueError(f"mesh: wanted an axis 'slices', found {mesh.axis_names}")
    bank_checks.check(network, banks)
    check_plan(network, plan)
    if on_host(mesh, *banks.values()):
        banks = {name: spread(np.asarray(bank), mesh, P()) for name, bank in banks.items()}
    return _contract(network, plan, mesh, dict(banks))


@partial(jax.jit, static_argnames=("network", "plan", "mesh"))
def _contract(network: Network, plan: Plan, mesh: Mesh, banks: Any) -> Num[Array, "..."]:
    devices = size_of(mesh, "slices")
    numbers = jnp.arange(-(-plan.slices // devices) * devices)  # those beyond the last slice add nothing

    def of_one_device(banks: Any, numbers: Any) -> Num[Array, "..."]:
        return lax.psum(contract_slices(network, banks, plan, numbers), "slices")

    # Unchecked: the scan over slices starts from zeros, which are equal on all devices, and ends where they differ.
    return jax.shard_map(of_one_device, mesh=mesh, in_specs=(P(), P("slices")), out_specs=P(), check_vma=False)(
        banks, numbers
    )
