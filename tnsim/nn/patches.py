"""Images as sites: what every representation does with images, and the learned patch layer.

    image (H, W)  --[ patch x patch kernels, stride ]--  ReLU  --  features (rows * cols, M)

Reads images as rows of sites, streams the Gram matrix of any features over them, and has `Patches`,
the representation with learned functions. Imports nothing of tnsim; `representation` stands on it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Inexact, Num

Images = Num[Array | np.ndarray, "batch *grid"]  # (batch, H, W) or (batch, sites), floats in [0, 1]
Features = Inexact[Array, "batch sites M"]
Grams = Inexact[np.ndarray, "*sites M M"]  # one for all sites, or one for each

_PIXELS_AT_ONCE = 2**18  # of a streamed Gram: 35 MB of float64 features at M = 17
_PADDINGS = ("SAME", "VALID")


def count(name: str, value: Any, least: int = 1) -> int:
    """`value` as an int >= `least`; raises ValueError naming argument, wanted and found."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name}: must be an integer >= {least}, found {value!r}")
    return int(value)


def flag(name: str, value: Any) -> bool:
    """`value` where it is a bool; raises ValueError naming argument, wanted and found."""
    if not isinstance(value, bool):
        raise ValueError(f"{name}: must be True or False, found {value!r}")
    return value


def as_sites(images: Images) -> Float[Array, "batch sites"]:
    """Images (batch, H, W), row-major, or (batch, sites) as rows of sites, in their own dtype.

    Raises ValueError where the values are not floats or the rank is neither 2 nor 3. The values
    themselves are not looked at: this runs under jit.
    """
    x = jnp.asarray(images)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            "images: must be floats in [0, 1] (divide uint8 pixels by 255), found dtype "
            f"{getattr(images, 'dtype', x.dtype)}"
        )
    if x.ndim not in (2, 3):
        raise ValueError(
            f"images: must have shape (batch, height, width) or (batch, sites), found {x.shape}"
        )
    return x.reshape(x.shape[0], prod(x.shape[1:]))


def gram_from(features: Callable[[Any], Features], images: Images, per_site: bool = False) -> Grams:
    """Empirical Gram matrix E[f f^H] over the images, not centred, summed in float64 or complex128.

    (M, M) pooled over the sites, or (sites, M, M) with `per_site`. `features` maps images to
    (batch, sites, M) and may be complex. Images are streamed, and their features computed in the
    images' own dtype: what the network sees. Raises ValueError for images that are empty, not
    finite or outside [0, 1], and for features of another rank.
    Source: THEORY section 2, measure "function".
    """
    checked = _checked(images)
    total, rows = np.zeros(()), 0
    with jax.enable_x64(True):  # keeps float64 images float64; float32 ones stay float32
        for chunk in _chunks(checked):
            f = np.asarray(features(jnp.asarray(chunk)))
            if f.ndim != 3:
                raise ValueError(f"features: must give (batch, sites, M), found shape {f.shape}")
            f = f.astype(np.result_type(f.dtype, np.float64))
            total = total + _gram_sum(f, per_site)
            rows += f.shape[0] * (1 if per_site else f.shape[1])
    return np.asarray(total / rows)


def _checked(images: Images) -> np.ndarray:
    x = np.asarray(images)
    as_sites(x[:0] if x.ndim else x)  # the dtype and the rank, at no cost
    if x.size == 0:
        raise ValueError(f"images: must hold at least one image of one site, found shape {x.shape}")
    low, high = x.min(), x.max()  # nan if there is one anywhere
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"images: must be finite floats in [0, 1], found values from {low} to {high}"
        )
    return x


def _chunks(images: np.ndarray) -> Iterator[np.ndarray]:
    step = max(1, _PIXELS_AT_ONCE // prod(images.shape[1:]))
    for start in range(0, len(images), step):
        yield images[start : start + step]


def _gram_sum(f: Inexact[np.ndarray, "batch sites M"], per_site: bool) -> Grams:
    if per_site:
        return f.transpose(1, 2, 0) @ f.conj().transpose(1, 0, 2)
    flat = f.reshape(-1, f.shape[-1])
    return flat.T @ flat.conj()


class Patches(nnx.Module):
    """Learned features of patches: f(patch) = [1, ReLU(conv patch x patch, stride, maps)].

    A site is a patch; patches are disjoint (stride = patch) or overlap (stride < patch). Padding
    "SAME" surrounds the image with zeros: sites form a row-major grid of ceil(H / stride) rows
    and ceil(W / stride) columns; with "VALID" a patch lies wholly inside: (H - patch) // stride + 1
    rows, columns likewise. M = maps + 1, or maps without the constant. `kernel`
    (patch, patch, 1, maps) starts as N(0, 2 / patch^2), `bias` (maps,) as zero, both float32; the
    features have the images' dtype.

    Raises ValueError for a count below 1, stride > patch (pixels would be lost), or with "VALID" a
    patch larger than the image. Source: TRAINING, recipe 1; He et al. 2015 (arXiv 1502.01852).
    """

    kind = "patches"

    def __init__(
        self,
        patch: int,
        stride: int,
        maps: int,
        image_shape: Sequence[int],
        rngs: nnx.Rngs,
        constant: bool = True,
        padding: str = "SAME",
    ) -> None:
        self.patch, self.maps = count("patch", patch), count("maps", maps)
        self.stride = _checked_stride(stride, self.patch)
        self.image_shape = _checked_shape(image_shape)
        self.padding = _checked_padding(padding, self.patch, self.image_shape)
        self.constant = flag("constant", constant)
        scale = np.sqrt(2 / self.patch**2).astype(np.float32)
        shape = (self.patch, self.patch, 1, self.maps)
        self.kernel = nnx.Param(scale * jax.random.normal(rngs.params(), shape, jnp.float32))
        self.bias = nnx.Param(jnp.zeros((self.maps,), jnp.float32))

    @property
    def features(self) -> int:
        """M, the number of features of a site."""
        return self.maps + self.constant

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, cols) of the sites."""
        if self.padding == "SAME":
            rows, cols = (-(-extent // self.stride) for extent in self.image_shape)
        else:
            rows, cols = ((extent - self.patch) // self.stride + 1 for extent in self.image_shape)
        return rows, cols

    def grid_of(self, image_shape: tuple[int, int]) -> tuple[int, int]:
        """`grid`; raises ValueError unless images have the shape that this layer was made for."""
        if tuple(image_shape) != self.image_shape:
            raise ValueError(f"image_shape: must be {self.image_shape}, found {tuple(image_shape)}")
        return self.grid

    def __call__(self, images: Images) -> Features:
        """Features (batch, sites, M) of images (batch, H, W) or (batch, H * W), dtype kept.

        Pure: for jit, vmap, grad. Raises ValueError for other shapes, and for no floats.
        """
        x = as_sites(images)
        if np.shape(images)[1:] not in (self.image_shape, (prod(self.image_shape),)):
            raise ValueError(
                f"images: must have shape {('batch', *self.image_shape)}, found {np.shape(images)}"
            )
        maps = self._convolved(x.reshape(-1, *self.image_shape)).reshape(prod(self.grid), self.maps, len(x))
        maps = maps.transpose(2, 0, 1)
        lit = jax.nn.relu(maps + self.bias[...].astype(x.dtype)[None, None, :])
        return (
            jnp.concatenate([jnp.ones_like(lit[..., :1]), lit], axis=-1) if self.constant else lit
        )

    def _convolved(self, x: Float[Array, "batch H W"]) -> Float[Array, "rows cols maps batch"]:
        """The convolution as a product with shifted images: XLA's own is four times slower inside a loop on CPUs."""
        margins = [self._margin(axis) for axis in (0, 1)]
        wide = jnp.pad(x.transpose(1, 2, 0), (*margins, (0, 0)))
        rows, cols = self.grid
        ends = (self.stride * (rows - 1) + 1, self.stride * (cols - 1) + 1)
        corners = product(range(self.patch), repeat=2)
        shifted = jnp.stack(
            [wide[i : i + ends[0] : self.stride, j : j + ends[1] : self.stride] for i, j in corners], axis=2
        )
        kernel = self.kernel[...].astype(x.dtype).reshape(self.patch**2, self.maps)
        return jnp.matmul(kernel.T, shifted)

    def _margin(self, axis: int) -> tuple[int, int]:
        """Zeros before and after an axis; the larger half of an odd number behind."""
        if self.padding == "VALID":
            return 0, 0
        lacking = max(0, (self.grid[axis] - 1) * self.stride + self.patch - self.image_shape[axis])
        return lacking // 2, lacking - lacking // 2

    def gram(self) -> np.ndarray:
        """Raises ValueError: learned features have no closed form."""
        raise ValueError("gram: learned patch features have no closed form; use gram_from(images)")

    def gram_from(self, images: Images, per_site: bool = False) -> Grams:
        """Empirical (M, M), or (sites, M, M) with `per_site`; see the function `gram_from`."""
        return gram_from(self, images, per_site)

    def to_json(self) -> dict[str, Any]:
        """The hyper-parameters with their "kind"; the weights are saved elsewhere."""
        return {
            "kind": self.kind,
            "patch": self.patch,
            "stride": self.stride,
            "maps": self.maps,
            "image_shape": list(self.image_shape),
            "constant": self.constant,
            "padding": self.padding,
        }


def _checked_stride(stride: int, patch: int) -> int:
    if count("stride", stride) > patch:
        raise ValueError(
            f"stride: must be at most patch={patch}, so that no pixel is lost, found {stride}"
        )
    return int(stride)


def _checked_shape(image_shape: Any) -> tuple[int, int]:
    if not isinstance(image_shape, tuple | list) or len(image_shape) != 2:
        raise ValueError(f"image_shape: must be (height, width), found {image_shape!r}")
    height, width = (count("image_shape", extent) for extent in image_shape)
    return height, width


def _checked_padding(padding: str, patch: int, image_shape: tuple[int, int]) -> str:
    if padding not in _PADDINGS:
        raise ValueError(f"padding: must be one of {_PADDINGS}, found {padding!r}")
    if padding == "VALID" and patch > min(image_shape):
        raise ValueError(
            f"patch: must fit into the image {image_shape} with padding 'VALID', found {patch}"
        )
    return padding
