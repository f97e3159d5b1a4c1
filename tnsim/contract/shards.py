"""Scores of a batch over many devices: samples split, subtrees split, or both. Uses sharding and fold; used by engines.

    each device: features and banks of its subtrees --[fold]--> vectors at the cut --[the one exchange]--> all of them
                 --[fold: top of the tree]--> its samples' scores
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P
from jaxtyping import Num

from tnsim import banks as bank_checks
from tnsim.banks import AnyArray, Banks
from tnsim.contract.blocks import chosen
from tnsim.contract.execution import DEFAULT, Execution
from tnsim.contract.fold import Scaled
from tnsim.contract.scores import Scores, closed, swept
from tnsim.contract.sharding.deal import Deal, deal
from tnsim.contract.sharding.mesh import named, on_host, size_of
from tnsim.contract.sharding.placed import (
    Placed,
    PlacedFeatures,
    arranged,
    arranged_features,
    bank_specs,
    feature_spec,
    place,
    place_features,
)
from tnsim.contract.vectors import folded
from tnsim.network import Network


def sharded_scores(
    network: Network,
    banks: Banks | Placed,
    features: Num[AnyArray, "..."] | PlacedFeatures,
    mesh: Mesh,
    execution: Execution = DEFAULT,
) -> Scores:
    """The `scores` of a batch, computed over a mesh with the axes "data" (samples), "sites" (subtrees) or both.

    Equal to one device's up to rounding; exact under jit and grad. Plain banks and features are taken too, and
    rearranged in every call: `place` and `place_features` do that once. A batch that does not divide is filled up and
    cut. The scores stay split along "data"; over processes `tnsim.distributed.fetched` reads them. execution: how each
    device computes its part, and the layout of plain features; its mesh and memory are not looked at.

    Raises ValueError where banks or features do not fit the network or were placed for another mesh, and where no level
    of the tree can be dealt out to the devices of "sites", naming what is possible.
    """
    if not set(mesh.axis_names) & {"data", "sites"}:
        raise ValueError(f"mesh: wanted an axis 'data' or 'sites', found {mesh.axis_names}")
    if isinstance(banks, Placed):
        _check_placed(network, banks, mesh)
    else:
        bank_checks.check(network, banks)
        banks = place(network, banks, mesh) if on_host(mesh, *banks.values()) else dict(banks)
    if not isinstance(features, PlacedFeatures):
        batch_last = execution.layout == "batch-last"
        bank_checks.check_features(network, features, batch_last)
        features = features.transpose(2, 0, 1) if batch_last else features
        features = place_features(network, features, mesh) if on_host(mesh, features) else features
    return _scores(network, mesh, replace(execution, mesh=None, memory=None), banks, features)


def _check_placed(network: Network, banks: Placed, mesh: Mesh) -> None:
    found, wanted = banks.parts, size_of(mesh, "sites")
    if banks.network != network or found != wanted:
        raise ValueError(f"banks: wanted those placed for this network and sites={wanted}, found sites={found}")


@partial(jax.jit, static_argnames=("network", "mesh", "execution"))
def _scores(network: Network, mesh: Mesh, execution: Execution, banks: Any, features: Any) -> Scores:
    cut = deal(network, size_of(mesh, "sites"))
    banks = banks.banks if isinstance(banks, Placed) else arranged(cut, banks)
    if not isinstance(features, PlacedFeatures):
        features = arranged_features(network, features, mesh)
    kind = jnp.result_type(features.values, *banks.values())
    found = jax.shard_map(
        partial(_of_one_device, cut, named(mesh, "sites"), execution), mesh=mesh,
        in_specs=(bank_specs(cut, network, mesh), feature_spec(mesh)), out_specs=P(named(mesh, "data")),
    )(banks, features.values.astype(kind))  # fmt: skip
    return Scores(found.value[: features.batch], found.log_scale[: features.batch])


def _of_one_device(cut: Deal, axis: str | None, execution: Execution, banks: Any, features: Any) -> Scores:
    """A device's samples, from its own sites: (batch, sites, M) of features, and the rows of the banks there."""
    batch, kind = features.shape[0], features.dtype.itemsize
    pieces = chosen(cut.below, execution, batch, kind)
    met = swept(cut.below, banks, jnp.transpose(features, (1, 2, 0)), execution, pieces)
    met = met if axis is None else _exchanged(met, axis)
    return closed(banks[cut.above.output], folded(cut.above, banks, met, execution), execution)


def _exchanged(x: Scaled, axis: str) -> Scaled:
    """The vectors of all devices at the cut, each with its log-scale as one more number: one exchange, not two."""
    kind = jnp.promote_types(x.value.dtype, x.log_scale.dtype)
    packed = jnp.concatenate([x.value.astype(kind), x.log_scale[:, None].astype(kind)], axis=1)
    packed = lax.all_gather(packed, axis, axis=0, tiled=True, to="invarying")
    return Scaled(packed[:, :-1].astype(x.value.dtype), packed[:, -1].real.astype(x.log_scale.dtype))
