"""A proposal refined: what it weighed, trained for a short while on part of the images. Uses train, distributed.

    chosen and alternatives --[ a short fit each, a tenth of the training images kept apart ]--> the most accurate one
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tnsim.architectures.layered import Layered
from tnsim.design.proposal import Alternative, Proposal
from tnsim.distributed import sweep
from tnsim.distributed.parts import read
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset
from tnsim.train.loop import fit

__all__ = ["refined"]

APART = 0.1  # of the training images, which are not trained on and say who is the most accurate


def refined(
    proposal: Proposal, dataset: Dataset, make: Callable[[Layered], Any], config: TrainConfig, folder: str | Path
) -> Proposal:
    """The proposal whose widths are the most accurate on a tenth of the training images; ties go to the least loss.

    make: from an architecture to the module that is trained. config: of each training, short. folder: keeps what was
    trained, so that the same call goes on where it was stopped. The test images choose nothing. Raises as
    `tnsim.train.fit`, and PartsError for a folder of another job.
    """
    weighed = (proposal.chosen, *proposal.alternatives)
    config = replace(config, validation_fraction=config.validation_fraction or APART)

    def compute(item: int) -> Mapping[str, Any]:
        result = fit(make(_with(proposal.arch, weighed[item])), dataset, config, progress=False)
        assert result.validation is not None  # a part is kept apart
        return {"accuracy": np.asarray(result.validation.accuracy)}

    facts = {"data": dataset.describe(), "config": repr(config), "weighed": repr(weighed)}
    paths = sweep(len(weighed), compute, folder, facts).paths
    tried = [replace(one, accuracy=float(read(path)["accuracy"])) for one, path in zip(weighed, paths, strict=True)]
    best = min(tried, key=lambda one: (-(one.accuracy or 0.0), one.loss))
    others = tuple(one for one in tried if one is not best)
    return replace(proposal, arch=_with(proposal.arch, best), chosen=best, alternatives=others)


def _with(arch: Layered, one: Alternative) -> Layered:
    """The architecture with these widths and windows."""
    return replace(arch, channels=one.channels, geometry=None if one.geometry == "square" else one.geometry)
