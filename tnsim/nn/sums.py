"""The sum of trained ConvACs as one ConvAC: an ensemble that is measured as any network is. Uses convac and patches.

    h = sum_k weight_k h_k        patches: the maps of all terms side by side, each term reading its own
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import jax.numpy as jnp
from flax import nnx

from tnsim.architectures.convac import Banks, ConvACArchitecture
from tnsim.architectures.sums import direct_sum
from tnsim.nn.convac import ConvAC
from tnsim.nn.patches import Patches
from tnsim.nn.representation import Representation

__all__ = ["summed"]

SAME = ("patch", "stride", "image_shape", "constant", "padding")


def summed(modules: Sequence[ConvAC], weights: Sequence[float] | None = None) -> ConvAC:
    """The ConvAC whose scores are sum_k weights[k] h_k of modules, exactly; by default their mean.

    The modules share what `direct_sum` asks for, and their representation; of `Patches` with a constant, kernels may
    differ. Raises ValueError where they do not, or there is none.
    """
    if not modules:
        raise ValueError("modules: wanted at least one, found none")
    first = modules[0].representation
    layers = [module.representation for module in modules if isinstance(module.representation, Patches)]
    representation: Patches | Representation | None = first
    if len(layers) == len(modules):
        representation, terms = _side_by_side(modules, layers)
    elif all(module.representation == first for module in modules):
        terms = [(module.arch, module.params()) for module in modules]
    else:
        found = [type(module.representation).__name__ for module in modules]
        raise ValueError(f"modules: wanted one representation, or Patches alone, found {', '.join(found)} that differ")
    arch, banks = direct_sum(terms, weights)
    pinned = all(module.pinned for module in modules)
    return ConvAC.from_params(arch, banks, representation, pinned=pinned)


def _side_by_side(
    modules: Sequence[ConvAC], layers: Sequence[Patches]
) -> tuple[Patches, list[tuple[ConvACArchitecture, Banks]]]:
    """One layer of all maps, and the modules as they read it."""
    first = layers[0]
    if any(getattr(layer, name) != getattr(first, name) for layer in layers for name in SAME) or not first.constant:
        raise ValueError("modules: wanted Patches with a constant, equal but for their maps, found others")
    maps = sum(layer.maps for layer in layers)
    joint = Patches(first.patch, first.stride, maps, first.image_shape, nnx.Rngs(0), padding=first.padding)
    joint.kernel[...] = jnp.concatenate([layer.kernel[...] for layer in layers], axis=-1)
    joint.bias[...] = jnp.concatenate([layer.bias[...] for layer in layers])
    terms, before = [], 0
    for module, layer in zip(modules, layers, strict=True):
        terms.append(_reading(module, before, maps))
        before += layer.maps
    return joint, terms


def _reading(module: ConvAC, before: int, maps: int) -> tuple[ConvACArchitecture, Banks]:
    """A module among so many maps, of which its own have `before` others in front."""
    banks = dict(module.params())
    constant, own = banks["conv_0"][..., :1], banks["conv_0"][..., 1:]
    after = maps - before - own.shape[-1]
    wide = jnp.pad(own, ((0, 0), (0, 0), (before, after)))
    banks["conv_0"] = jnp.concatenate([constant, wide], axis=-1)
    return replace(module.arch, features=1 + maps), banks
