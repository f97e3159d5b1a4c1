"""Partitions from files: every kind of file gives the masks that were written, whatever is wrong is one clear error."""

import importlib

import numpy as np
import pytest
from PIL import Image

import tnsim
from tnsim.partition_files import is_file, read

PLANE = tnsim.ConvAC(sites=(4, 6), features=2, channels=(2, 2), windows=((2, 2), (2, 3)), classes=1)
LINE = tnsim.ConvAC(sites=8, features=2, channels=(2, 2), windows=(2, 4), classes=1)
MASKS = np.random.default_rng(0).random((5, 4, 6)) < 0.5


def same(found, masks):
    np.testing.assert_array_equal(np.stack(list(found.values())), np.asarray(masks).reshape(-1, 24))


@pytest.mark.parametrize("shape", [(5, 4, 6), (5, 24)])
def test_masks_of_an_array(tmp_path, shape):
    np.save(tmp_path / "many.npy", MASKS.reshape(shape))
    found = read(tmp_path / "many.npy", PLANE)
    assert list(found) == [f"many.npy:{k}" for k in range(5)]
    same(found, MASKS)


@pytest.mark.parametrize("shape", [(4, 6), (24,), (1, 24)])
def test_one_mask_has_the_files_name(tmp_path, shape):
    np.save(tmp_path / "one.npy", MASKS[0].reshape(shape))
    found = read(tmp_path / "one.npy", PLANE)
    assert list(found) == ["one.npy"]
    same(found, MASKS[:1])


def test_rows_of_text_are_masks_or_pictures(tmp_path):
    file = tmp_path / "masks.txt"
    file.write_text("\n".join("".join(map(str, mask.astype(int).ravel())) for mask in MASKS))
    same(read(file, PLANE), MASKS)
    file.write_text("\n\n".join("\n".join(" ".join(map(str, row)) for row in mask.astype(int)) for mask in MASKS))
    same(read(file, PLANE), MASKS)
    file.write_text("11110000\n00111100\n")
    assert [np.flatnonzero(mask).tolist() for mask in read(file, LINE).values()] == [[0, 1, 2, 3], [2, 3, 4, 5]]


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P"])
def test_white_pixels_are_in_a(tmp_path, mode):
    Image.fromarray((MASKS[1] * 255).astype(np.uint8)).convert(mode).save(tmp_path / "picture.png")
    same(read(tmp_path / "picture.png", PLANE), MASKS[1:2])


def test_a_chain_is_a_picture_of_one_row(tmp_path):
    Image.fromarray(np.array([[255, 255, 0, 0, 255, 0, 0, 0]], np.uint8)).save(tmp_path / "row.png")
    (mask,) = read(tmp_path / "row.png", LINE).values()
    assert np.flatnonzero(mask).tolist() == [0, 1, 4]


def test_files_are_told_by_their_ending():
    assert is_file("a/masks.npy")
    assert is_file("A.PNG")
    assert not is_file("chess:4")
    assert not is_file("0,1-3")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((5, 25), bool), r"wanted booleans \(partitions, 24\), .* found shape \(5, 25\) of bool"),
        (np.zeros((5, 6, 4), bool), r"found shape \(5, 6, 4\) of bool"),
        (np.zeros((0, 24), bool), r"found shape \(0, 24\) of bool"),
        (np.ones((2, 24)), r"found shape \(2, 24\) of float64"),
        (np.zeros((2, 24), bool), "A must hold at least one site, found none"),
        (np.ones((2, 24), bool), "A must leave at least one site to B"),
    ],
)
def test_wrong_arrays(tmp_path, array, words):
    np.save(tmp_path / "masks.npy", array)
    with pytest.raises(ValueError, match=words):
        read(tmp_path / "masks.npy", PLANE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0101", "wanted rows of 24 digits, or pictures of 4 rows of 6, found 1 rows of 4"),
        ("010101\n101010", "found 2 rows of 6"),
        ("01x101", "wanted rows of 0 and 1, found 'x'"),
        ("", "wanted rows of 0 and 1, found 'none'"),
    ],
)
def test_wrong_texts(tmp_path, text, words):
    (tmp_path / "masks.txt").write_text(text)
    with pytest.raises(ValueError, match=words):
        read(tmp_path / "masks.txt", PLANE)


def test_wrong_pictures(tmp_path):
    file = tmp_path / "picture.png"
    Image.fromarray(np.zeros((6, 4), np.uint8)).save(file)
    with pytest.raises(ValueError, match="wanted 4 x 6 pixels, found 6 x 4"):
        read(file, PLANE)
    Image.fromarray(np.full((4, 6), 100, np.uint8)).save(file)
    with pytest.raises(ValueError, match="wanted black and white pixels only, found 24 in between"):
        read(file, PLANE)
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"picture\.png: cannot be read"):
        read(file, PLANE)


def test_files_that_are_something_else(tmp_path):
    (tmp_path / "masks.npy").write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"wanted a \.npy file of booleans, found"):
        read(tmp_path / "masks.npy", PLANE)
    for name in ("masks.npy", "masks.txt", "masks.png"):
        with pytest.raises(ValueError, match=f"nowhere/{name}: cannot be read"):
            read(tmp_path / "nowhere" / name, PLANE)


def test_without_pillow_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ValueError, match=r"pictures need pillow: pip install 'tnsim\[data\]'"):
        read(tmp_path / "picture.png", PLANE)
