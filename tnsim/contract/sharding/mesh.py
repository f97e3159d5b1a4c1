"""Devices side by side, by what is split over them. Ground of sharding; used by its doors."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh

AXES = ("data", "sites", "slices")


def mesh(
    data: int | None = None, sites: int | None = None, slices: int | None = None, devices: Sequence[Any] | None = None
) -> Mesh:
    """A mesh over the axes that are given: samples over "data", subtrees over "sites", slices of a plan over "slices".

    devices: the first of these (of all by default, those of other processes too) are used.

    Raises ValueError for no axis, a size < 1, or more devices than there are.
    """
    sizes = {name: size for name, size in zip(AXES, (data, sites, slices), strict=True) if size is not None}
    found = list(jax.devices() if devices is None else devices)
    if not sizes or min(sizes.values()) < 1:
        raise ValueError(f"data, sites, slices: wanted at least one positive integer, found {data}, {sites}, {slices}")
    if (wanted := prod(sizes.values())) > len(found):
        asked = " x ".join(f"{name}={size}" for name, size in sizes.items())
        raise ValueError(f"{asked}: wanted at most the {len(found)} devices there are, found {wanted}")
    shape = tuple(sizes.values())
    return Mesh(np.array(found[:wanted]).reshape(shape), tuple(sizes), (AxisType.Auto,) * len(shape))


def size_of(mesh: Mesh, axis: str) -> int:
    """Devices along an axis; 1 where the mesh has no such axis."""
    return dict(mesh.shape).get(axis, 1)


def named(mesh: Mesh, axis: str) -> str | None:
    """The axis, as a partition names it: None where the mesh has no such axis."""
    return axis if axis in mesh.axis_names else None


def on_host(mesh: Mesh, *arrays: Any) -> bool:
    """Whether to place arrays from here: over processes JAX takes none that is on the devices of one of them alone."""
    if any(isinstance(array, jax.core.Tracer) for array in arrays):
        return False
    local = all(not isinstance(array, jax.Array) or array.is_fully_addressable for array in arrays)
    return local and any(device.process_index != jax.process_index() for device in mesh.devices.flat)
