"""Every file gives what was written; every fault is one error naming file, wanted, found."""

import gzip
import sys
from collections import Counter

import jaxtyping
import numpy as np
import pytest
from PIL import Image

from tnsim.train.data import (
    DataError,
    load,
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


@pytest.fixture
def untyped(monkeypatch):
    """As users run it: without the type checks of the tests, which would speak up first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


# Round trips of files.


@pytest.mark.parametrize("parts", [(TRAIN, TEST), (TRAIN, "test"), ("emnist-train", "emnist-test")])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_folder_round_trip(tmp_path, parts, suffix):
    written = idx_folder(tmp_path / "mine", parts, suffix)
    found = load(tmp_path / "mine")
    assert found.name == "mine"
    assert found.classes == ("0", "1", "2")
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
    assert found.name == "mine"
    assert len(found.test_labels) == 6
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
    assert found.test_labels.tolist() == v.tolist()
    assert found.train_images.dtype == np.float32


def test_image_folder_round_trip(tmp_path):
    written = image_folder(tmp_path / "pets")
    (tmp_path / "pets" / ".hidden").mkdir()
    (tmp_path / "pets" / "cat" / "notes.txt").write_text("not an image")
    found = load(tmp_path / "pets")
    labels = [("cat", "dog").index(name) for name, _ in written]
    assert_holds(found, np.stack(list(written.values())), np.array(labels))
    assert found.classes == ("cat", "dog")
    assert found.name == "pets"


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
    with pytest.raises(DataError, match=r"PIL: must be installed .*pip install pillow"):
        load(tmp_path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_fashion_mnist_from_the_folder_of_the_environment(tmp_path, monkeypatch, suffix):
    written = idx_folder(tmp_path / "fashion", suffix=suffix)
    monkeypatch.setenv("TNSIM_FASHION_MNIST", str(tmp_path / "fashion"))
    found = load("fashion-mnist")
    np.testing.assert_array_equal(found.train_images, written[TRAIN][0] / np.float32(255))
    np.testing.assert_array_equal(found.test_labels, written[TEST][1])
    assert found.classes[0] == "T-shirt/top"
    assert len(found.classes) == 10


def test_fashion_mnist_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TNSIM_FASHION_MNIST", str(tmp_path / "none"))
    with pytest.raises(DataError, match=r"apt install dataset-fashion-mnist.*TNSIM_FASHION_MNIST"):
        load("fashion-mnist")


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
def test_a_broken_npz_is_named(tmp_path, fault, untyped):
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
    with pytest.raises(DataError, match=r"a.npz: must be an .npz of plain arrays, found"):
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
        with pytest.raises(DataError, match=r"3.png: must be a whole png or jpg image, found"):
            load(tmp_path)
    (tmp_path / "emu").mkdir()
    with pytest.raises(DataError, match=r"emu: must hold images \(.png, .jpg, .jpeg\), found none"):
        load(tmp_path)


def test_another_file_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(DataError, match=r"a.csv: must be an .npz file, .*found another file"):
        load(tmp_path / "a.csv")
