"""Every experiment by name. Over the experiments; used by the executors and the command."""

from __future__ import annotations

from tnsim.experiments.accuracy import ACCURACY
from tnsim.experiments.base_or_tip import BASE_OR_TIP
from tnsim.experiments.compression import COMPRESSION
from tnsim.experiments.convnets_and_theory import CONVNETS_AND_THEORY
from tnsim.experiments.depth import DEPTH
from tnsim.experiments.designed_widths import DESIGNED_WIDTHS
from tnsim.experiments.entropy_and_generalisation import ENTROPY_AND_GENERALISATION
from tnsim.experiments.experiment import Experiment
from tnsim.experiments.missing_pixels import MISSING_PIXELS
from tnsim.experiments.mps_classifiers import MPS_CLASSIFIERS
from tnsim.experiments.rearranged_pixels import REARRANGED_PIXELS
from tnsim.experiments.regularise_entanglement import REGULARISE_ENTANGLEMENT
from tnsim.experiments.settings import SETTINGS
from tnsim.experiments.square_or_mirror import SQUARE_OR_MIRROR
from tnsim.experiments.use_of_bound import USE_OF_BOUND

__all__ = ["EXPERIMENTS", "named"]

EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        ACCURACY,
        SETTINGS,
        BASE_OR_TIP,
        SQUARE_OR_MIRROR,
        USE_OF_BOUND,
        ENTROPY_AND_GENERALISATION,
        DEPTH,
        COMPRESSION,
        REGULARISE_ENTANGLEMENT,
        CONVNETS_AND_THEORY,
        DESIGNED_WIDTHS,
        REARRANGED_PIXELS,
        MISSING_PIXELS,
        MPS_CLASSIFIERS,
    )
}


def named(name: str) -> Experiment:
    """The experiment of this name. Raises ValueError for another."""
    if name not in EXPERIMENTS:
        raise ValueError(f"experiment: wanted one of {', '.join(EXPERIMENTS)}, found {name!r}")
    return EXPERIMENTS[name]
