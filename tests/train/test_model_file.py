"""Model files: the same model bitwise, or a clear no."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors import safe_open
from safetensors.numpy import save_file

import tnsim
from tnsim import tensor_file
from tnsim.nn import Categoricals, ConvAC, CosSin, Fourier, Gaussians, GenerativeConvAC, Patches, orthonormal
from tnsim.train.model_file import FORMAT, ModelFileError, load, save

ARCH = tnsim.ConvAC(sites=(4, 4), features=3, channels=(3, 4), windows=(2, 2), classes=2, sharing=("none", "window"))
GROUPS = ([[3, 1, 0, 2]],)
OTHERS = {
    "plain": ARCH,
    "mirror": tnsim.ConvAC(sites=(4, 4), features=3, channels=(3, 4), windows=(2, 2), classes=2, geometry="mirror"),
    "groups": tnsim.ConvAC(sites=4, features=3, channels=(3,), windows=(4,), classes=2, geometry=GROUPS),
}
REPRESENTATIONS = {
    "none": lambda: None,
    "fourier": Fourier,
    "orthonormal": lambda: orthonormal(CosSin(2)),
    "patches": lambda: Patches(2, 2, 2, (8, 8), rngs=nnx.Rngs(7)),
}
EXTRA = {"classes": ["a", "ü"], "accuracy": 1 / 3, "seed": 0}


def made(arch=ARCH, representation=None, start=None):
    return ConvAC(arch, representation, rngs=nnx.Rngs(0), start=start)


def same_bits(a, b):
    return a.dtype == b.dtype and np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("arch", list(OTHERS))
@pytest.mark.parametrize("start", ["residual", "random"])
def test_a_model_comes_back_bitwise(tmp_path, arch, start):
    model = made(OTHERS[arch], start=start)
    save(tmp_path / "m.safetensors", model, EXTRA)
    found, extra = load(tmp_path / "m.safetensors")
    assert extra == EXTRA
    assert (found.arch, found.pinned) == (model.arch, model.pinned)
    assert list(found.params()) == list(model.params())
    assert all(same_bits(found.params()[name], bank) for name, bank in model.params().items())
    assert type(found.arch) is tnsim.ConvAC


@pytest.mark.parametrize("kind", list(REPRESENTATIONS))
def test_the_representation_comes_back_too(tmp_path, kind):
    model = made(representation=REPRESENTATIONS[kind]())
    save(tmp_path / "m.safetensors", model)
    found, _ = load(tmp_path / "m.safetensors", ARCH)
    shape = {"none": (5, 16, 3), "patches": (5, 8, 8)}.get(kind, (5, 4, 4))
    x = jnp.asarray(np.random.default_rng(0).random(shape), jnp.float32)
    assert same_bits(found(x), model(x))


@pytest.mark.parametrize("kind", ["gaussians", "categoricals"])
def test_a_generative_model_comes_back_with_its_densities_and_prior(tmp_path, kind):
    densities = Gaussians(3, 0.02) if kind == "gaussians" else Categoricals(3, 5, rngs=nnx.Rngs(3))
    model = GenerativeConvAC(ARCH, densities, rngs=nnx.Rngs(4))
    for name in nnx.state(densities):
        getattr(densities, name)[...] = getattr(densities, name)[...] + 0.1
    model.prior[...] = jnp.array([0.25, -1.0])
    save(tmp_path / "m.safetensors", model, EXTRA)
    found, extra = load(tmp_path / "m.safetensors", ARCH)
    assert extra == EXTRA
    assert type(found) is GenerativeConvAC
    assert found.representation.to_json() == model.representation.to_json()
    images = np.random.default_rng(0).random((5, 4, 4), np.float32)
    assert same_bits(found(images), model(images))
    assert same_bits(found.sample(jax.random.key(0), 3), model.sample(jax.random.key(0), 3))


def test_float64_and_complex_banks_keep_every_digit(tmp_path):
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        for dtype in (np.float64, np.complex128):
            shapes = ARCH.network.bank_shapes
            banks = {name: rng.standard_normal((*shape, 2)).view(complex)[..., 0] for name, shape in shapes.items()}
            banks = {name: (bank if dtype is np.complex128 else bank.real.copy()) for name, bank in banks.items()}
            save(tmp_path / "m.safetensors", ConvAC.from_params(ARCH, banks))
            found, _ = load(tmp_path / "m.safetensors")
            assert all(same_bits(found.params()[name], bank) for name, bank in banks.items())
    with pytest.raises(ModelFileError, match=r"complex128 banks, which need jax.enable_x64\(True\)"):
        load(tmp_path / "m.safetensors")


def test_a_loaded_model_trains_on_with_its_row_pinned(tmp_path):
    save(tmp_path / "m.safetensors", made(representation=Fourier()))
    found, _ = load(tmp_path / "m.safetensors")
    assert found.banks["conv_0"].shape == (16, 2, 3)


# Refusals.


def written(tmp_path):
    save(tmp_path / "m.safetensors", made(representation=Fourier()), EXTRA)
    return tmp_path / "m.safetensors"


def test_a_model_of_another_architecture_is_refused_by_what_differs(tmp_path):
    other = tnsim.ConvAC(sites=(4, 4), features=3, channels=(3, 5), windows=(2, 2), classes=2)
    message = r"made for another architecture: channels: wanted \(3, 5\), found \(3, 4\); sharing: wanted .*, found .*"
    with pytest.raises(ModelFileError, match=message):
        load(written(tmp_path), other)


@pytest.mark.parametrize("kept", [0, 4, 100, 0.5, 0.999])
def test_a_truncated_model_is_refused(tmp_path, kept):
    path = written(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(ModelFileError, match="wanted a whole tnsim-model/1 file, found one truncated or foreign"):
        load(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("hello"), "found one truncated or foreign"),
        (lambda path: save_file({"x": np.zeros(3)}, path), "found a safetensors file of another program"),
        (lambda path: tensor_file.write(path, "tnsim-checkpoint/1", {}, {}), "found tnsim-checkpoint/1"),
        (lambda path: tensor_file.write(path, FORMAT, {}, {}), "found in it: 'architecture'"),
        (lambda path: path.mkdir(), "found a folder"),
        (lambda path: None, "found none"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, make, message):
    path = tmp_path / "m.safetensors"
    make(path)
    with pytest.raises(ModelFileError, match=rf"wanted a (whole )?tnsim-model/1 file, {message}"):
        load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, m: t.pop("conv_1"), r"params: wanted the banks \['conv_0', 'conv_1', 'output'\]"),
        (lambda t, m: t.update(conv_1=t["conv_0"]), r"params\['conv_1'\]: wanted shape \(4, 4, 3\), found"),
        (lambda t, m: t.update(conv_0=t["conv_0"] + 1), r"params\['conv_0'\]: wanted the constant row"),
        (lambda t, m: m["architecture"].pop("sites"), "architecture: wanted the fields"),
        (lambda t, m: m["representation"].update(kind="magic"), "kind: must be one of"),
        (lambda t, m: m.update(kind="GenerativeConvAC"), "'prior'"),
    ],
)
def test_a_model_that_does_not_fit_itself_is_refused(tmp_path, change, message):
    path = written(tmp_path)
    tensors, metadata = tensor_file.read(path, FORMAT)
    change(tensors, metadata)
    tensor_file.write(path, FORMAT, tensors, metadata)
    with pytest.raises(ModelFileError, match=rf"m\.safetensors: wanted a whole {FORMAT} file, found in it: {message}"):
        load(path)


def test_extra_that_is_no_json_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ModelFileError, match=r"extra: wanted JSON values, found: .*ndarray"):
        save(tmp_path / "m.safetensors", made(), {"gram": np.eye(2)})
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named_and_left_clean(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "taken.safetensors").mkdir()
    for place in ("file/m.safetensors", "taken.safetensors"):
        with pytest.raises(ModelFileError, match=f"{place}: wanted a place that can be written, found"):
            save(tmp_path / place, made())
    assert sorted(f.name for f in tmp_path.iterdir()) == ["file", "taken.safetensors"]


def test_the_file_is_plain_safetensors_with_json(tmp_path):
    with safe_open(written(tmp_path), framework="numpy") as file:
        texts = file.metadata()
    assert texts["format"] == "tnsim-model/1"
    assert json.loads(texts["architecture"])["channels"] == [3, 4]
