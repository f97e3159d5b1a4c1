"""A network in a file comes back as it was: the same wiring, banks of every type bitwise; anything else is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from interop.networks import bitwise, drawn, seeds
from safetensors.numpy import save_file
from strategies import POOL

import tnsim
from tnsim import tensor_file
from tnsim.interop.network_file import FORMAT, NetworkFileError, load_network, save_network
from tnsim.network import Stack, Table, build

ARCH = tnsim.ConvAC(sites=4, features=2, channels=(3, 2), windows=(2, 2), classes=5, sharing=("window", "none"))


def banks_of(network, dtype="float64"):
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in network.bank_shapes.items()}


@given(seeds())
@settings(max_examples=40)
def test_wiring_and_banks_come_back_bitwise(tmp_path_factory, seed):
    network, banks = drawn(*seed)
    path = tmp_path_factory.mktemp("files") / "n.safetensors"
    save_network(path, network, banks)
    found, read = load_network(path)
    assert found is network
    assert list(read) == list(network.bank_shapes)
    assert all(bitwise(read[name], banks[name]) for name in banks)


@pytest.mark.parametrize("arch", POOL[::9], ids=repr)
def test_an_architectures_network_is_the_very_object(arch, tmp_path):
    save_network(tmp_path / "new" / "n.safetensors", arch.network, banks_of(arch.network))
    assert load_network(str(tmp_path / "new" / "n.safetensors"))[0] is arch.network


@pytest.mark.parametrize("special", [np.nan, -0.0, np.inf, 5e-324])
def test_special_numbers_stay(tmp_path, special):
    network = build([("a", 1, 2)], [Stack("v", 0, (2,), Table([0]), Table([[0]]))], [], (0,))
    numbers = np.array([special, 1.0])
    save_network(tmp_path / "n", network, {"v": numbers})
    assert bitwise(load_network(tmp_path / "n")[1]["v"], numbers)


def test_banks_that_do_not_fit_are_refused_before_anything_is_written(tmp_path):
    banks = banks_of(ARCH.network)
    with pytest.raises(ValueError, match=r"params\['conv_0'\]: wanted shape \(2, 3, 2\), found \(2, 3, 3\)"):
        save_network(tmp_path / "n", ARCH.network, {**banks, "conv_0": np.ones((2, 3, 3))})
    assert not list(tmp_path.iterdir())
    (tmp_path / "n").mkdir()
    with pytest.raises(NetworkFileError, match="n: wanted a place that can be written, found"):
        save_network(tmp_path / "n", ARCH.network, banks)


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_a_truncated_file_is_refused(tmp_path, keep):
    path = tmp_path / "n.safetensors"
    save_network(path, ARCH.network, banks_of(ARCH.network))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(NetworkFileError, match=rf"n\.safetensors: wanted a whole {FORMAT} file, found one truncated"):
        load_network(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("hello"), "found one truncated or foreign"),
        (lambda path: save_file({"x": np.zeros(3)}, path), "found a safetensors file of another program"),
        (lambda path: tensor_file.write(path, "tnsim-network/2", {}, {}), "found tnsim-network/2"),
        (lambda path: tensor_file.write(path, FORMAT, {}, {}), "found in it: 'network'"),
        (lambda path: None, "found none"),
    ],
)
def test_what_is_no_network_is_refused(tmp_path, make, words):
    make(tmp_path / "n")
    with pytest.raises(NetworkFileError, match=rf"wanted a (whole )?{FORMAT} file, {words}"):
        load_network(tmp_path / "n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, w: t.pop("output"), r"params: wanted the banks \['conv_0', 'conv_1', 'output'\]"),
        (lambda t, w: t.update(output=np.ones((5, 3))), r"params\['output'\]: wanted shape \(5, 2\), found \(5, 3\)"),
        (lambda t, w: t.update(output=np.ones((5, 2), int)), r"params\['output'\]: wanted floating or complex"),
        (lambda t, w: w.pop("sites"), "'sites'"),
        (lambda t, w: w["stacks"][0].update(legs=[[0, 1]]), r"legs of bank 'conv_0': wanted 4 times 2 indices, found"),
        (lambda t, w: w["stacks"][0]["legs"][0].__setitem__(0, 99), r"legs of bank 'conv_0': wanted indices in 0.."),
        (lambda t, w: w["stacks"][0]["slots"].__setitem__(0, 2), r"slots of bank 'conv_0': wanted rows in 0"),
        (lambda t, w: w["stacks"][0].update(shape=[3, 3]), r"legs of bank 'conv_0': wanted dimension 3 on axis 1"),
        (lambda t, w: w.update(outputs=[2**40]), "outputs|out of bounds"),
        (lambda t, w: w.update(indices=[["site", 4]]), "not enough values"),
    ],
)
def test_a_network_that_does_not_fit_itself_is_refused(tmp_path, change, words):
    path = tmp_path / "n.safetensors"
    save_network(path, ARCH.network, banks_of(ARCH.network))
    tensors, metadata = tensor_file.read(path, FORMAT)
    change(tensors, metadata["network"])
    tensor_file.write(path, FORMAT, tensors, metadata)
    with pytest.raises(NetworkFileError, match=rf"n\.safetensors: wanted a whole {FORMAT} file, found in .*{words}"):
        load_network(path)
