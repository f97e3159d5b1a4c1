"""Several trees from different seeds, trained one after the other and summed into one ConvAC. Uses the loop and nn.

    seeds trees * seed + 0, 1, ..  --[ make | fit | fold ]-->  trees  --[ summed ]-->  one ConvAC, measured as any other
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tnsim.nn.convac import ConvAC
from tnsim.nn.normalised import NormalisedConvAC
from tnsim.nn.sums import summed
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset
from tnsim.train.loop import TrainResult, fit

__all__ = ["fit_trees"]


def fit_trees(
    make: Callable[[int], NormalisedConvAC],
    dataset: Dataset,
    config: TrainConfig,
    trees: int = 1,
    *,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> tuple[ConvAC, list[TrainResult]]:
    """The mean of so many trees as one ConvAC, exactly, and what each reached alone.

    make: a module from a seed. Tree k is made, ordered and shifted by the seed trees * config.seed + k, so one tree is
    `fit` with the seed of the config. checkpoint: a folder, with one folder a tree where there are several.

    Raises ValueError for less than one tree, and as `fit`.
    """
    if trees < 1:
        raise ValueError(f"trees: wanted at least one, found {trees}")
    folded, results = [], []
    for tree in range(trees):
        seed = trees * config.seed + tree
        module = make(seed)
        place = Path(checkpoint) / f"tree-{tree}" if checkpoint is not None and trees > 1 else checkpoint
        results.append(fit(module, dataset, replace(config, seed=seed), checkpoint=place, progress=progress))
        folded.append(module.folded())
    return folded[0] if trees == 1 else summed(folded), results
