"""One row of figures: a partition and a class, as plain JSON values. Above entanglement; used by survey.

entropy_estimate    {value, lower, upper, method, precision, seconds, note}, nats: exact, or an interval that holds S
entropy             its value; entropy_error: half its width; both None where neither was asked for nor in reach
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
from jaxtyping import Bool

from tnsim.entanglement.dataset import DataSpectrum
from tnsim.entanglement.entropy import exact
from tnsim.entanglement.estimate import Estimate
from tnsim.entanglement.exact_rank import ExactRank
from tnsim.entanglement.leading import LeadingValues
from tnsim.entanglement.spectrum import Spectrum
from tnsim.memory import MemoryLimitError

Row = dict[str, Any]
SPECTRUM_SHOWN = 64  # probabilities kept for the pictures
KEYS = (
    "entropy", "entropy_error", "renyi2", "rank", "rank_tolerance", "effective_rank", "geometric", "probabilities",
)  # fmt: skip


def estimate_json(found: Estimate) -> Row:
    """An estimate of one number."""
    return {
        "value": float(found.value), "lower": float(found.lower), "upper": float(found.upper), "method": found.method,
        "precision": found.precision, "seconds": found.seconds, "note": found.note,
    }  # fmt: skip


def spectrum_row(spectrum: Spectrum, atol: float | None, seconds: float, note: str = "") -> Row:
    """What follows from an exact spectrum. Raises ValueError where its rounding is above atol."""
    entropy = exact(spectrum, atol)
    return {
        "entropy": spectrum.entropy(),
        "entropy_error": spectrum.entropy_error,
        "entropy_estimate": estimate_json(entropy) | {"seconds": seconds, "note": note},
        "renyi2": spectrum.renyi(2),
        "rank": spectrum.rank(),
        "rank_tolerance": spectrum.tolerance,
        "effective_rank": spectrum.effective_rank,
        "geometric": spectrum.geometric,
        "probabilities": spectrum.probabilities[:SPECTRUM_SHOWN].tolist(),
    }


def data_row(found: DataSpectrum, atol: float | None, seconds: float) -> Row:
    """The same of a spectrum on images."""
    row = spectrum_row(found.spectrum, atol, seconds, found.note)
    row["entropy_estimate"]["method"] = f"exact spectrum of {found.method}"
    return row


def bounded_row(entropy: Estimate | None, renyi2: Estimate | None) -> Row:
    """What is known of a partition whose spectrum is out of reach: an interval of S, and Renyi-2, either None."""
    row: Row = dict.fromkeys(KEYS)
    if entropy is not None:
        half = float(entropy.upper - entropy.lower) / 2
        row |= {"entropy": float(entropy.value), "entropy_error": half, "entropy_estimate": estimate_json(entropy)}
    if renyi2 is not None:
        row |= {"renyi2": float(renyi2.value), "renyi2_error": float(renyi2.upper - renyi2.value)}
    return row


def rank_json(found: ExactRank) -> Row:
    """An exact rank; its bound as digits, for it may have hundreds."""
    return {
        "value": found.value, "upper": str(found.upper), "certain": found.certain,
        "error_probability": found.error_probability, "primes": list(found.primes), "method": found.method,
        "seconds": found.seconds, "note": "",
    }  # fmt: skip


def ranked(row: Row, state: Any, mask: Bool[np.ndarray, "sites"], memory: str | float | None = None) -> Row:
    """The row with the exact rank of a state, or why it is out of reach: the other figures stand."""
    try:
        found = rank_json(state.exact_rank(mask, memory=memory))
    except MemoryLimitError as error:
        found = {"value": None, "note": str(error)}
    return row | {"exact_rank": found}


def leading_json(found: LeadingValues) -> Row:
    """Largest Schmidt values from below: p_k is at most the square of its value plus what is missing."""
    return {
        "values": found.values.tolist(), "missing": found.missing, "chi": found.chi, "method": found.method,
        "seconds": found.seconds,
    }  # fmt: skip


def leading_of(spectrum: Spectrum, k: int) -> Row:
    """The same of an exact spectrum."""
    missing = float(max(0.0, spectrum.probabilities[k:].sum()))
    return {"values": spectrum.values[:k].tolist(), "missing": missing, "chi": None, "method": "exact spectrum"}


def figure(row: Row, bits: bool = False) -> str:
    """The entropy of a row in words: "1.0493", "1.6136 [1.6060, 1.6212]" for an interval, or "-"."""
    found = row.get("entropy_estimate")
    return "-" if found is None else bracketed(found, log(2) if bits else 1.0)


def bracketed(found: Row, unit: float = 1.0) -> str:
    """An estimate in words, with its interval where it is one that can be seen."""
    value = f"{found['value'] / unit:.4f}"
    exactly = found["method"].startswith("exact")
    return value if exactly else f"{value} [{_down(found['lower'] / unit)}, {_up(found['upper'] / unit)}]"


def _down(value: float) -> str:
    """Four decimals, never above the value: an interval that is printed holds as well."""
    return f"{np.floor(value * 1e4) / 1e4:.4f}"


def _up(value: float) -> str:
    return f"{np.ceil(value * 1e4) / 1e4:.4f}"
