"""What two processes do in test_processes.py: a sweep in which one of them is killed; where
that has been, scores over both before it.

Arguments: folder of the parts, file that says whether the kill has been.
"""

import os
import signal
import sys
from pathlib import Path

import jax
import numpy as np

import tnsim
from tnsim.contract.sharding.mesh import mesh
from tnsim.contract.sharding.placed import place
from tnsim.contract.shards import sharded_scores
from tnsim.distributed import digest, fetched, start, summed, sweep

folder, killed = map(Path, sys.argv[1:])
here = start(heartbeat=3)
arch = tnsim.ConvAC(sites=(4, 4), features=2, channels=(3, 2), windows=(2, 2), classes=3)
banks = {name: np.asarray(bank) for name, bank in arch.init(jax.random.key(0)).items()}
features = np.random.default_rng(1).normal(size=(6, 16, 2)).astype("f4")
for axes in ({"data": 2}, {"sites": 2}) if killed.exists() else ():
    devices = mesh(**axes)
    found = fetched(sharded_scores(arch.network, place(arch.network, banks, devices), features, devices))
    np.savez(folder.parent / f"scores-{'-'.join(axes)}-{here.index}.npz", *found)


def compute(item):
    if item == 5 and not killed.exists():  # of process 1
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    value, log_scale = arch.apply(banks, features[item % 6][None])
    return {"h": np.asarray(value * np.exp(log_scale)[:, None])}


parts = sweep(8, compute, folder, {"network": digest(arch.network), "banks": digest(banks)}, here)
said = f"computed {here.index} {parts.computed} {summed(parts)['h'].tolist()}\n"
os.write(1, said.encode())  # in one piece
