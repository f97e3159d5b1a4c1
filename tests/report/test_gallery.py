"""Images that a model draws: those of the model, whole in the file, and the page's pictures hold their pixels."""

import base64
import importlib.util
import io
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx

import tnsim
from tnsim import cli
from tnsim.nn import Gaussians, GenerativeConvAC
from tnsim.report import gallery, generated
from tnsim.report.generated_values import generated as typed
from tnsim.report.html import render
from tnsim.train.data import Dataset
from tnsim.train.model_file import save

HERE = Path(__file__).parent


def beside(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pages, sample = beside("pages"), beside("sample")
SITES = sample.SIDE**2
ARCH = tnsim.ConvAC((8, 8), 3, (4, 4, 4), (2, 2, 2), 3)


def images(side=8):
    rng = np.random.default_rng(0)
    labels = np.array([0, 1, 2, 0], np.int32)
    shown = rng.random((4, side, side)).astype(np.float32)
    return Dataset("noise", shown, labels, shown, labels, ("a<", "b", "c"))


@pytest.fixture(scope="module")
def model():
    return GenerativeConvAC(ARCH, Gaussians(3), rngs=nnx.Rngs(0))


@pytest.fixture(scope="module")
def source(model):
    return json.loads(json.dumps(generated.drawn(model, images(), images().classes, seed=3)))


@pytest.fixture(scope="module")
def page(source):
    return pages.Page(render({**sample.sample(), "generated": source}))


def test_samples_are_the_models_and_completions_keep_what_is_given(model, source):
    assert [row["class"] for row in source["samples"]] == ["a<", "b", "c"]
    key = jax.random.fold_in(jax.random.split(jax.random.key(3))[0], 1)
    wanted = np.clip(model.sample(key, generated.SAMPLES, 1), 0, 1).reshape(generated.SAMPLES, -1)
    np.testing.assert_allclose(source["samples"][1]["images"], wanted, atol=6e-4)
    for row, image in zip(source["completed"], images().test_images, strict=False):
        np.testing.assert_allclose(row["whole"], image.ravel(), atol=6e-4)
        missing = np.array([value is None for value in row["given"]])
        assert 0.25 < missing.mean() < 0.75
        for drawn in row["images"]:
            np.testing.assert_array_equal(np.array(drawn)[~missing], np.array(row["whole"])[~missing])
        assert np.std([np.array(drawn)[missing] for drawn in row["images"]], axis=0).min() > 0
    assert [value is None for value in source["completed"][0]["given"]] == [site >= 32 for site in range(64)]


def test_one_seed_gives_the_same_images(model, source):
    assert json.loads(json.dumps(generated.drawn(model, images(), images().classes, seed=3))) == source
    assert generated.drawn(model, seed=4)["samples"] != source["samples"]


def test_the_page_holds_every_image_with_its_pixels_and_nothing_from_elsewhere(source, page):
    pillow = pytest.importorskip("PIL.Image")
    shown = page.all("img", class_="pixels")
    assert len(shown) == 3 * generated.SAMPLES + 3 * (generated.COMPLETIONS + 2)
    assert shown[0][0]["alt"] == "sample 1 of class a<"
    first = 3 * generated.SAMPLES
    for (attributes, _), pixels in (
        (shown[1], source["samples"][0]["images"][1]),
        (shown[first], source["completed"][0]["given"]),
        (shown[first + 1], source["completed"][0]["images"][0]),
    ):
        head, content = attributes["src"].split(",")
        assert head == "data:image/png;base64"
        picture = np.asarray(pillow.open(io.BytesIO(base64.b64decode(content))))
        assert picture.shape == (8, 8, 2)
        grey, opacity = picture.reshape(-1, 2).T
        assert (opacity == [0 if value is None else 255 for value in pixels]).all()
        assert grey.tolist() == [0 if value is None else round(255 * value) for value in pixels]


def test_without_images_there_is_no_section_and_without_a_data_set_it_is_said(model):
    assert "Images that the model draws" not in render(sample.sample())
    said = generated.named(model, {"classes": ["x", "y", "z"]})
    assert said["note"] == "No image is completed: no data set is known."
    assert [row["class"] for row in said["samples"]] == ["x", "y", "z"]
    assert "no data set is known" in render({**sample.sample(), "generated": said})
    assert "digits-that-are-none" in generated.named(model, {"dataset": "digits-that-are-none"})["note"]
    other = GenerativeConvAC(tnsim.ConvAC(4, 2, (2,), (4,), 1), Gaussians(2), rngs=nnx.Rngs(0))
    assert "those of digits have other sites" in generated.named(other, {"dataset": "digits"})["note"]
    assert generated.drawn(other)["shape"] == [1, 4]


def test_digits_are_completed_by_name(model):
    found = generated.named(model, {"dataset": "digits"})
    assert [row["class"] for row in found["completed"]] == ["0", "1", "2"]
    assert typed({"generated": found}, 64).note == ""


def test_the_report_of_a_generative_model_shows_what_it_draws(model, tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    save(path, model, {"dataset": "digits", "classes": ["0", "1", "2"]})
    asked = ["--measure", "coefficient", "--partition", "left-right", "--label", "0", "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["tnsim", "measure", str(path), *asked])
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main()
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("sample 1 of class") == page.count("completion 1 of class") == 3
    told = json.loads((tmp_path / "out" / "measurements.json").read_text(encoding="utf-8"))
    assert len(told["measurements"]) == 1


WRONG = {
    r"generated: wanted an object": lambda m: 3,
    r"generated\.shape: wanted height and width of 64 sites": lambda m: m | {"shape": [8, 9]},
    r"generated\.samples: wanted a list": lambda m: m | {"samples": None},
    r"generated\.samples\[0\]\.label: wanted an integer": lambda m: m | {"samples": [{"images": []}]},
    r"generated\.samples\[0\]\.images\[0\]: wanted 64 numbers from 0 to 1, found": lambda m: (
        m | {"samples": [{"label": 0, "images": [[2.0] * 64]}]}
    ),
    r"generated\.completed\[0\]\.given: wanted 64 numbers from 0 to 1, or null": lambda m: (
        m | {"completed": [m["completed"][0] | {"given": [None] * 63}]}
    ),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_named(source, message):
    with pytest.raises(ValueError, match=message):
        typed({"generated": WRONG[message](source)}, 64)


def test_every_pixel_can_be_missing():
    assert gallery.png((1, 2), (None, None)).startswith(b"\x89PNG")
