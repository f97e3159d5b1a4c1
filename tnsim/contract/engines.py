"""By which engine a network is contracted for a batch of features. Uses scores and interop; used by the models."""

from __future__ import annotations

from tnsim import banks as bank_checks
from tnsim.contract.scores import Scores, scores
from tnsim.network import Network

ENGINES = ("tnsim", "tensornetwork")


def run(engine: str, network: Network, banks, features, memory=None) -> Scores:
    """Scores of a batch of features (batch, sites, M). Raises ValueError for what does not fit the network."""
    if engine not in ENGINES:
        raise ValueError(f"engine: wanted one of {ENGINES}, found {engine!r}")
    bank_checks.check(network, banks)
    bank_checks.check_features(network, features)
    return scores(network, dict(banks), features)
