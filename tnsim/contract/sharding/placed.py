"""Banks and features in the order of the devices, and there. Uses deal and mesh; used by the doors.

    banks {name: (copies, r_out, r_in)} --[rows in the order of the devices]--> split along copies, or whole on each
    features (batch, sites, M)  --[sites in the order of the devices, batch filled up]--> split along batch and sites
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Num

from tnsim import banks as bank_checks
from tnsim.banks import AnyArray, Banks
from tnsim.contract.sharding.deal import Deal, deal
from tnsim.contract.sharding.mesh import named, size_of
from tnsim.network import Network

Value = Num[AnyArray, "..."]


@partial(jax.tree_util.register_dataclass, data_fields=["banks"], meta_fields=["network", "parts"])
@dataclass(frozen=True)
class Placed:
    """Banks whose split ones are in the order of the devices: a pytree, so gradients and optimisers take it as it is.

    parts: over how many devices the sites are split.
    """

    banks: dict[str, Any]
    network: Network
    parts: int


@partial(jax.tree_util.register_dataclass, data_fields=["values"], meta_fields=["batch"])
@dataclass(frozen=True)
class PlacedFeatures:
    """Features with their sites in the order of the devices; beyond `batch` samples come ones that fill it up."""

    values: Any  # (filled, sites, M); JAX puts other things than arrays into pytrees
    batch: int


def place(network: Network, banks: Banks, mesh: Mesh) -> Placed:
    """Banks on the devices of a mesh, so that no call moves them: those of the subtrees on the device that has these.

    Over processes, each gives the same banks. `unplaced` undoes it.

    Raises ValueError for banks that do not fit the network, and where a bank is shared by subtrees of several devices
    in another way than by all alike (then give the plain banks); as `deal`.
    """
    bank_checks.check(network, banks)
    cut = deal(network, size_of(mesh, "sites"))
    if tied := sorted(cut.rows.keys() - cut.sole):
        raise ValueError(f"banks: wanted rows that all devices or one device read, found others in {tied}")
    specs = bank_specs(cut, network, mesh)
    put = {name: spread(np.asarray(bank), mesh, specs[name]) for name, bank in arranged(cut, banks, np).items()}
    return Placed(put, network, size_of(mesh, "sites"))


def unplaced(placed: Placed) -> dict[str, Value]:
    """The banks of `place`, or what has their form, as the network has them; the devices stay as they are."""
    cut = deal(placed.network, placed.parts)
    return {name: bank[np.argsort(cut.rows[name])] if name in cut.rows else bank for name, bank in placed.banks.items()}


def place_features(network: Network, features: Num[AnyArray, "batch sites M"], mesh: Mesh) -> PlacedFeatures:
    """Features on the devices of a mesh. Raises ValueError where they do not fit the network."""
    bank_checks.check_features(network, features)
    made = arranged_features(network, np.asarray(features), mesh, np)
    return PlacedFeatures(spread(np.asarray(made.values), mesh, feature_spec(mesh)), made.batch)


def arranged(cut: Deal, banks: Banks, xp: Any = jnp) -> dict[str, Value]:
    """Banks with the rows of split ones in the order of the devices; xp: numpy or jax.numpy."""
    return {name: xp.asarray(bank)[cut.rows[name]] if name in cut.rows else bank for name, bank in banks.items()}


def arranged_features(network: Network, features: Value, mesh: Mesh, xp: Any = jnp) -> PlacedFeatures:
    """Features with their sites in the order of the devices, filled up to a batch that divides evenly."""
    order = deal(network, size_of(mesh, "sites")).sites
    values = features if (order == np.arange(len(order))).all() else features[:, order]
    fill = -len(features) % size_of(mesh, "data")
    if fill:  # ones, not zeros: their scores are as tame as any
        values = xp.concatenate([values, xp.ones((fill, *values.shape[1:]), values.dtype)])
    return PlacedFeatures(values, len(features))


def bank_specs(cut: Deal, network: Network, mesh: Mesh) -> dict[str, P]:
    """How each bank is split."""
    return {name: P(named(mesh, "sites")) if name in cut.rows else P() for name in network.bank_shapes}


def feature_spec(mesh: Mesh) -> P:
    """How features are split."""
    return P(named(mesh, "data"), named(mesh, "sites"))


def spread(array: Num[np.ndarray, "..."], mesh: Mesh, spec: P) -> Num[Array, "..."]:
    """An array that each process has whole, split over the devices of all."""
    array = np.asarray(array, jax.dtypes.canonicalize_dtype(array.dtype))
    return jax.make_array_from_callback(array.shape, NamedSharding(mesh, spec), lambda part: array[part])
