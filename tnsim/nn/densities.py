"""Densities of a pixel as its features: M learned distributions, the same at every site. Uses representation.

    pixel x --[ln p_0(x) .. ln p_{M-1}(x)]-- (batch, sites, M)        chosen d --[draw]-- x ~ p_d

A pixel that nobody saw is the feature vector (1, .., 1): each density integrates to 1. Used by the generative ConvAC.
"""

from __future__ import annotations

from abc import abstractmethod
from math import log, pi
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray
from scipy.special import ndtr

from tnsim.nn.patches import Features, count
from tnsim.nn.representation import Gram, Representation, Sites

__all__ = ["DENSITIES", "Categoricals", "Densities", "Gaussians"]


class Densities(nnx.Module, Representation):
    """M distributions of the value of a pixel, whose densities (or probabilities) are its features."""

    @abstractmethod
    def log_density(self, x: Sites) -> Features:
        """ln p_d(x) of every site and density."""

    @abstractmethod
    def draw(self, key: PRNGKeyArray, chosen: Int[Array, "*shape"]) -> Float[Array, "*shape"]:
        """A value from each chosen density."""

    def functions(self, x: Sites) -> Features:
        """p_d(x) of every site: (batch, sites) -> (batch, sites, M)."""
        return jnp.exp(self.log_density(x))


class Gaussians(Densities):
    """M normal densities of a grey value, with trained means (at first evenly over [0, 1]) and deviations.

    least: no deviation falls below it: the density of a value that many pixels have would else grow without bound.
    Raises ValueError for less than one density, or a `least` that is not above 0.
    """

    kind = "gaussians"

    def __init__(self, features: int, least: float = 0.05, dtype: Any = jnp.float32) -> None:
        if not 0 < least < 1:
            raise ValueError(f"least: must be above 0 and below 1, found {least!r}")
        self.least, self._count = float(least), count("features", features)
        places = (jnp.arange(self._count, dtype=dtype) + 0.5) / self._count
        apart = jnp.full(self._count, 0.5 / self._count, dtype)
        self.means = nnx.Param(places)
        self.spreads = nnx.Param(jnp.log(jnp.expm1(apart)))

    @property
    def features(self) -> int:
        """M."""
        return self._count

    @property
    def deviations(self) -> Float[Array, "M"]:
        """The standard deviation of every density."""
        return self.least + jax.nn.softplus(self.spreads[...])

    def log_density(self, x: Sites) -> Features:
        """-(x - mean)^2 / (2 deviation^2) - ln deviation - ln(2 pi) / 2."""
        means, deviations = (one.astype(x.dtype)[None, None] for one in (self.means[...], self.deviations))
        return -(((x[..., None] - means) / deviations) ** 2) / 2 - jnp.log(deviations) - log(2 * pi) / 2

    def draw(self, key: PRNGKeyArray, chosen: Int[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Normal values, which may lie outside of [0, 1]."""
        means, deviations = self.means[...], self.deviations
        return means[chosen] + deviations[chosen] * jax.random.normal(key, chosen.shape, means.dtype)

    def gram(self) -> Gram:
        """By error functions: a product of two normal densities is a third, times the density of their distance."""
        m, v = (np.asarray(one, np.float64) for one in (self.means[...], self.deviations**2))
        both = v[:, None] + v
        middle, narrow = (m[:, None] * v + m * v[:, None]) / both, np.sqrt(v[:, None] * v / both)
        apart = np.exp(-((m[:, None] - m) ** 2) / (2 * both)) / np.sqrt(2 * pi * both)
        return apart * (ndtr((1 - middle) / narrow) - ndtr(-middle / narrow))

    def to_json(self) -> dict[str, Any]:
        """The hyper-parameters with their "kind"; the weights are saved elsewhere."""
        return {"kind": self.kind, "features": self.features, "least": self.least}


class Categoricals(Densities):
    """M distributions over so many levels of grey, 0, 1 / (levels - 1), .., 1; of two levels: Bernoulli.

    A value counts as the level nearest to it. rngs: draws the start from its stream "params".
    Raises ValueError for less than one distribution or two levels.
    """

    kind = "categoricals"

    def __init__(self, features: int, levels: int = 2, *, rngs: nnx.Rngs, dtype: Any = jnp.float32) -> None:
        shape = (count("features", features), count("levels", levels, least=2))
        self.logits = nnx.Param(jax.random.normal(rngs.params(), shape, dtype))

    @property
    def features(self) -> int:
        """M."""
        return self.logits[...].shape[0]

    @property
    def levels(self) -> int:
        """How many values a pixel can have."""
        return self.logits[...].shape[1]

    def log_density(self, x: Sites) -> Features:
        """ln p_d of the level of every site."""
        level = jnp.clip(jnp.round(x * (self.levels - 1)), 0, self.levels - 1).astype(jnp.int32)
        return jax.nn.log_softmax(self.logits[...].astype(x.dtype), axis=-1).T[level]

    def draw(self, key: PRNGKeyArray, chosen: Int[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Levels from the chosen distributions, as values in [0, 1]."""
        logits = self.logits[...]
        return jax.random.categorical(key, logits[chosen], axis=-1).astype(logits.dtype) / (self.levels - 1)

    def gram(self) -> Gram:
        """By how much of [0, 1] counts as each level: the first and the last have half of what others have."""
        p = np.asarray(jax.nn.softmax(self.logits[...], axis=-1), np.float64)
        shares = np.ones(self.levels)
        shares[[0, -1]] = 0.5
        return (p * (shares / shares.sum())) @ p.T

    def to_json(self) -> dict[str, Any]:
        """The hyper-parameters with their "kind"; the weights are saved elsewhere."""
        return {"kind": self.kind, "features": self.features, "levels": self.levels}


def _gaussians(spec: dict[str, Any]) -> Densities:
    return Gaussians(spec["features"], spec["least"])


def _categoricals(spec: dict[str, Any]) -> Densities:
    return Categoricals(spec["features"], spec["levels"], rngs=nnx.Rngs(0))


DENSITIES = {Gaussians.kind: _gaussians, Categoricals.kind: _categoricals}  # what `to_json` described, not yet trained
