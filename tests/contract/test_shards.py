"""Scores and slices over many devices; eight_devices.py has the laws, and needs a process with eight devices."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tnsim
from tnsim.contract.schedule import whole
from tnsim.contract.sharding.deal import deal

EIGHT = "--xla_force_host_platform_device_count=8"
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"  # to compile, not to run


@pytest.mark.slow
def test_many_devices_give_what_one_gives():
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**outer, "XLA_FLAGS": f"{EIGHT} {QUICK}", "JAX_PLATFORMS": "cpu"}
    laws = str(Path(__file__).with_name("eight_devices.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", laws]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_cut_is_where_the_fewest_numbers_cross():
    arch = tnsim.ConvAC(sites=(8, 8), features=2, channels=(3, 2, 4), windows=(2, 2, 2), classes=3)
    for devices, crossing in ((1, 1), (2, 4), (4, 4), (8, 16), (16, 16)):
        found = deal(arch.network, devices)
        assert len(found.above.leaves) == crossing
        nodes = [wave.nodes * devices for wave in found.below.waves] + [wave.nodes for wave in found.above.waves]
        assert nodes == [wave.nodes for wave in whole(arch.network).waves]
