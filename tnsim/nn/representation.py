"""Representations: the functions f_d that turn a site's value x in [0, 1] into f(x) in R^M.

    images (batch, H, W)  --[ f_0 .. f_{M-1} ]--  features (batch, sites, M)

A fixed representation is a frozen, hashable value: static under jit, compared by content. Its Gram
S = E[f f^T] under the uniform measure of [0, 1] has a closed form; `gram_from` measures it on data.
Learned `Patches` come from `patches`, on which this file stands. Used by the Flax modules and the
measure "function". Source: THEORY sections 1 and 2.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import comb, erf, exp, lgamma, pi, sqrt
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax
from jaxtyping import Array, Float, Float64

from tnsim.nn.patches import Features, Grams, Images, Patches, as_sites, count, flag, gram_from

__all__ = [
    "CosSin",
    "Fourier",
    "GaussianBins",
    "OneHot",
    "Orthonormal",
    "Patches",
    "Polynomial",
    "Representation",
    "from_json",
    "gram_from",
    "orthonormal",
]

Sites = Float[Array, "batch sites"]
Gram = Float64[np.ndarray, "M M"]


class Representation(ABC):
    """A fixed representation: M functions on [0, 1], the same at every site; a site is a pixel.

    Laws: `functions` keeps the dtype; `gram()` is E[f f^T] for x uniform on [0, 1]; feature 0 is
    identically 1 where `constant`. A subclass is a frozen dataclass with these and a `kind`.
    """

    kind: ClassVar[str]

    @property
    @abstractmethod
    def features(self) -> int:
        """M, the number of features of a site."""

    @property
    def constant(self) -> bool:
        """Whether feature 0 is identically 1."""
        return False

    @abstractmethod
    def functions(self, x: Sites) -> Features:
        """f(x) of every site: (batch, sites) -> (batch, sites, M)."""

    @abstractmethod
    def gram(self) -> Gram:
        """E[f f^T], (M, M) in float64, for x uniform on [0, 1], in closed form."""

    def __call__(self, images: Images) -> Features:
        """Features (batch, sites, M) of images (batch, H, W), row-major, or (batch, sites).

        Keeps the dtype. Pure: for jit, vmap, grad. Raises ValueError for other ranks or no floats.
        """
        return self.functions(as_sites(images))

    def gram_from(self, images: Images, per_site: bool = False) -> Grams:
        """Empirical (M, M), or (sites, M, M) with `per_site`; see the function `gram_from`."""
        return gram_from(self, images, per_site)

    def grid_of(self, image_shape: tuple[int, int]) -> tuple[int, int]:
        """(rows, cols) of the sites of such an image: a site is a pixel."""
        rows, cols = image_shape
        return rows, cols

    def to_json(self) -> dict[str, Any]:
        """Plain values, "kind" and the fields, from which `from_json` makes an equal one."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class CosSin(Representation):
    """Spin-coherent states: f_d(x) = sqrt(C(n, d)) cos(pi x/2)^(n-d) sin(pi x/2)^d, n = order.

    M = n + 1, norm 1 at every x; order 1 is [cos(pi x/2), sin(pi x/2)]. Raises ValueError if
    order < 1. Source: Stoudenmire & Schwab 2016 (arXiv 1605.05775).
    """

    order: int = 1
    kind: ClassVar[str] = "cos_sin"

    def __post_init__(self) -> None:
        count("order", self.order)

    @property
    def features(self) -> int:
        """M = order + 1."""
        return self.order + 1

    def functions(self, x: Sites) -> Features:
        """f(x) of every site: (batch, sites) -> (batch, sites, M)."""
        n, cos, sin = self.order, jnp.cos(pi / 2 * x), jnp.sin(pi / 2 * x)
        return jnp.stack(
            [sqrt(comb(n, d)) * cos ** (n - d) * sin**d for d in range(n + 1)], axis=-1
        )

    def gram(self) -> Gram:
        """sqrt(C(n,d) C(n,e)) Gamma(n - s + 1/2) Gamma(s + 1/2) / (pi n!), s = (d + e) / 2."""
        n, d = self.order, np.arange(self.order + 1)
        halves = np.arange(2 * n + 1) / 2
        integral = [exp(lgamma(n - s + 0.5) + lgamma(s + 0.5) - lgamma(n + 1)) / pi for s in halves]
        scale = np.sqrt([float(comb(n, k)) for k in d])
        return scale[:, None] * scale[None, :] * np.array(integral)[d[:, None] + d[None, :]]


@dataclass(frozen=True)
class Fourier(Representation):
    """f = [1, cos(pi x k/2), sin(pi x k/2) for k = 1 .. order], M = 2 order + 1.

    Without the constant M = 2 order. The default, [1, cos(pi x/2), sin(pi x/2)], is tnsim's own.
    Raises ValueError if order < 1. Source: TRAINING, recipe 1.
    """

    order: int = 1
    constant: bool = True
    kind: ClassVar[str] = "fourier"

    def __post_init__(self) -> None:
        count("order", self.order)
        flag("constant", self.constant)

    @property
    def features(self) -> int:
        """M = 2 order + 1, or 2 order without the constant."""
        return 2 * self.order + self.constant

    def functions(self, x: Sites) -> Features:
        """f(x) of every site: (batch, sites) -> (batch, sites, M)."""
        waves = [
            wave(pi / 2 * k * x) for k in range(1, self.order + 1) for wave in (jnp.cos, jnp.sin)
        ]
        return jnp.stack([jnp.ones_like(x), *waves] if self.constant else waves, axis=-1)

    def gram(self) -> Gram:
        """E[f_a f_b]: products of waves are sums of waves of frequency k_a + k_b and k_a - k_b."""
        k = np.repeat(np.arange(1, self.order + 1), 2)
        is_sin = np.tile([False, True], self.order)
        if self.constant:  # the cosine of frequency 0
            k, is_sin = np.append(0, k), np.append(False, is_sin)
        plus, minus = _mean_wave(k[:, None] + k[None, :]), _mean_wave(k[:, None] - k[None, :])
        sin_a, sin_b = is_sin[:, None], is_sin[None, :]
        same = (minus.real + np.where(sin_a, -1, 1) * plus.real) / 2
        mixed = (plus.imag + np.where(sin_a, 1, -1) * minus.imag) / 2
        return np.where(sin_a == sin_b, same, mixed)


def _mean_wave(k: np.ndarray) -> np.ndarray:
    """Mean of exp(i pi x k/2) over [0, 1]; whole quarter turns are taken exactly."""
    end = np.array([1, 1j, -1, -1j])[k % 4]
    return np.where(k == 0, 1, (end - 1) / (0.5j * pi * np.where(k == 0, 1, k)))


@dataclass(frozen=True)
class Polynomial(Representation):
    """f = [1, x, .., x^degree], M = degree + 1. Gram: the Hilbert matrix, 1 / (i + j + 1).

    Its Gram is ill-conditioned (1e7 at degree 5). Raises ValueError if degree < 1.
    """

    degree: int
    kind: ClassVar[str] = "polynomial"

    def __post_init__(self) -> None:
        count("degree", self.degree)

    @property
    def features(self) -> int:
        """M = degree + 1."""
        return self.degree + 1

    @property
    def constant(self) -> bool:
        """True: x^0."""
        return True

    def functions(self, x: Sites) -> Features:
        """f(x) of every site: (batch, sites) -> (batch, sites, M)."""
        return jnp.stack([x**d for d in range(self.degree + 1)], axis=-1)

    def gram(self) -> Gram:
        """E[x^i x^j] = 1 / (i + j + 1)."""
        d = np.arange(self.degree + 1)
        return 1 / (d[:, None] + d[None, :] + 1.0)


@dataclass(frozen=True)
class OneHot(Representation):
    """f_k(x) = 1 for x in [k/levels, (k+1)/levels), else 0; x = 1 is in the last level; M = levels.

    Not differentiable: gradients in x are zero. Raises ValueError if levels < 2.
    """

    levels: int
    kind: ClassVar[str] = "one_hot"

    def __post_init__(self) -> None:
        count("levels", self.levels, least=2)

    @property
    def features(self) -> int:
        """M = levels."""
        return self.levels

    def functions(self, x: Sites) -> Features:
        """f(x) of every site: (batch, sites) -> (batch, sites, M)."""
        # Not floor(x * levels): 1/49 * 49 < 1 in floating point; here k/levels is the edge itself.
        edges = np.arange(1, self.levels).astype(x.dtype) / np.asarray(self.levels, x.dtype)
        level = jnp.searchsorted(jnp.asarray(edges), x, side="right")
        return jax.nn.one_hot(level, self.levels, dtype=x.dtype)

    def gram(self) -> Gram:
        """E[f_j f_k] = delta_jk / levels."""
        return np.eye(self.levels) / self.levels


@dataclass(frozen=True)
class GaussianBins(Representation):
    """f_k(x) = exp(-(x - c_k)^2 / (2 width^2)), c_k = k / (bins - 1); M = bins, or bins + 1.

    With `constant`, a 1 stands in front. The default width is that between centres, 1 / (bins - 1).
    Raises ValueError if bins < 2 or width is not above 0 and finite.
    """

    bins: int
    width: float | None = None
    constant: bool = False
    kind: ClassVar[str] = "gaussian_bins"

    def __post_init__(self) -> None:
        count("bins", self.bins, least=2)
        flag("constant", self.constant)
        if not 0 < self.sigma < float("inf"):
            raise ValueError(f"width: must be above 0 and finite, found {self.width!r}")

    @property
    def sigma(self) -> float:
        """The width in use."""
        return 1 / (self.bins - 1) if self.width is None else float(self.width)

    @property
    def features(self) -> int:
        """M = bins, or bins + 1 with the constant."""
        return self.bins + self.constant

    def functions(self, x: Sites) -> Features:
        """f(x) of every site: (batch, sites) -> (batch, sites, M)."""
        scaled = [(x - k / (self.bins - 1)) / self.sigma for k in range(self.bins)]
        bumps = [jnp.exp(-(z**2) / 2) for z in scaled]
        return jnp.stack([jnp.ones_like(x), *bumps] if self.constant else bumps, axis=-1)

    def gram(self) -> Gram:
        """By error functions: a product of two bumps is a bump of width sigma / sqrt 2 midway."""
        w, centres = self.sigma, np.linspace(0, 1, self.bins)
        a, b = centres[:, None], centres[None, :]
        bumps = np.exp(-(((a - b) / (2 * w)) ** 2)) * _mean_bump((a + b) / 2, w / sqrt(2))
        if not self.constant:
            return bumps
        means = _mean_bump(centres, w)
        return np.block([[np.ones((1, 1)), means[None, :]], [means[:, None], bumps]])


def _mean_bump(centre: np.ndarray, width: float) -> np.ndarray:
    """Mean over [0, 1] of exp(-(x - centre)^2 / (2 width^2))."""
    primitive, scale = np.vectorize(erf, otypes=[np.float64]), sqrt(2) * width
    return scale * sqrt(pi) / 2 * (primitive((1 - centre) / scale) + primitive(centre / scale))


@dataclass(frozen=True)
class Orthonormal(Representation):
    """f' = T f of a fixed base, T = `transform` (M, M); made by `orthonormal`."""

    base: Representation
    transform: Sequence[Sequence[float]]
    kind: ClassVar[str] = "orthonormal"

    def __post_init__(self) -> None:
        if not isinstance(self.base, Representation):
            raise ValueError(
                f"base: must be a fixed representation, found {type(self.base).__name__}"
            )
        rows = tuple(tuple(map(float, row)) for row in self.transform)
        object.__setattr__(self, "transform", rows)  # as tuples: lists would not hash
        m, found = self.base.features, [len(row) for row in rows]
        if found != [m] * m or not np.isfinite(rows).all():
            raise ValueError(
                f"transform: must be {m} rows of {m} finite numbers, found rows of {found}"
            )

    @property
    def features(self) -> int:
        """M of the base."""
        return self.base.features

    @property
    def constant(self) -> bool:
        """Whether the base has a constant feature 0 which the transform leaves as it is."""
        return self.base.constant and self.transform[0] == (1.0,) + (0.0,) * (self.features - 1)

    def functions(self, x: Sites) -> Features:
        """T f(x) of every site: (batch, sites) -> (batch, sites, M)."""
        f = self.base.functions(x)
        t = jnp.asarray(self.transform, dtype=f.dtype)
        return jnp.einsum("bsm,nm->bsn", f, t, precision=lax.Precision.HIGHEST)

    def gram(self) -> Gram:
        """T S T^T, S the base's closed form: the identity, where T was made from it."""
        t = np.array(self.transform)
        return t @ self.base.gram() @ t.T

    def to_json(self) -> dict[str, Any]:
        """Plain values: "kind", the base and the transform."""
        return {
            "kind": self.kind,
            "base": self.base.to_json(),
            "transform": [list(row) for row in self.transform],
        }


def orthonormal(base: Representation, gram: np.ndarray | None = None) -> Orthonormal:
    """The base's functions made orthonormal: f' = L^{-1} f, S = L L^T (Cholesky, or Gram-Schmidt).

    S is `gram` (M, M), say `base.gram_from(images)`; by default the closed form, `base.gram()`. A
    constant feature 0 stays exactly 1. E[f' f'^T] is the identity, up to rounding times cond(S).
    Raises ValueError where S has another shape, is not finite, real and symmetric, or is singular.
    """
    if not isinstance(base, Representation):
        raise ValueError(f"base: must be a fixed representation, found {type(base).__name__}")
    s = _checked_gram(base.gram() if gram is None else np.asarray(gram), base.features)
    lower, inverse = np.linalg.cholesky(s), np.eye(base.features)
    for i in range(base.features):  # forward substitution: exact zeros above the diagonal
        inverse[i] = (inverse[i] - lower[i, :i] @ inverse[:i]) / lower[i, i]
    return Orthonormal(base, inverse.tolist())


def _checked_gram(gram: np.ndarray, m: int) -> Gram:
    if gram.shape != (m, m):
        raise ValueError(f"gram: must have shape {(m, m)} for M={m} functions, found {gram.shape}")
    real = not np.iscomplexobj(gram) and np.isfinite(gram).all()
    if not real or not np.allclose(gram, gram.T, rtol=1e-6, atol=1e-12):
        raise ValueError(f"gram: must be real, finite and symmetric, found {gram.tolist()}")
    low, high = np.linalg.eigvalsh(np.asarray(gram, np.float64))[[0, -1]]
    if low <= m * np.finfo(np.float64).eps * high:
        raise ValueError(
            f"gram: must be positive definite to make {m} functions orthonormal, found smallest "
            f"eigenvalue {low:.3g} beside the largest {high:.3g}: they are linearly dependent"
        )
    return np.asarray(gram, np.float64)


_FIXED = {cls.kind: cls for cls in (CosSin, Fourier, Polynomial, OneHot, GaussianBins)}
_KINDS = (*_FIXED, Orthonormal.kind, Patches.kind)
_PATCHES_FIELDS = ("patch", "stride", "maps", "image_shape", "constant", "padding")


def from_json(spec: Mapping[str, Any], rngs: nnx.Rngs | None = None) -> Representation | Patches:
    """What `to_json` described; `rngs` start the weights of learned patches (by default seed 0).

    Raises ValueError for an unknown kind, and for fields that are missing or unknown.
    """
    given = dict(spec)
    kind = given.pop("kind", None)
    if kind in _FIXED:
        names = [field.name for field in fields(_FIXED[kind])]
        return _FIXED[kind](**_checked_fields(kind, names, given))
    if kind == Orthonormal.kind:
        given = _checked_fields(kind, [field.name for field in fields(Orthonormal)], given)
        return Orthonormal(from_json(given["base"]), given["transform"])  # type: ignore[arg-type]
    if kind == Patches.kind:
        return Patches(**_checked_fields(kind, _PATCHES_FIELDS, given), rngs=rngs or nnx.Rngs(0))
    raise ValueError(f"kind: must be one of {list(_KINDS)}, found {kind!r}")


def _checked_fields(kind: str, wanted: Any, given: dict[str, Any]) -> dict[str, Any]:
    if sorted(given) != sorted(wanted):
        raise ValueError(f"{kind}: must have the fields {sorted(wanted)}, found {sorted(given)}")
    return given
