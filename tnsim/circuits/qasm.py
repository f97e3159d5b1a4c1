"""OpenQASM 3 files as circuits, by the openqasm3 package's parser (the extra `circuits`). Uses statements; the door.

    OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; h q[0]; cx q[0], q[1];  --> Circuit of 2 gates
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from tnsim.circuits.circuit import Circuit
from tnsim.circuits.program import Program
from tnsim.circuits.values import QasmError
from tnsim.optional import optional

__all__ = ["QasmError", "read_qasm"]


def read_qasm(source: str | os.PathLike[str]) -> Circuit:
    """The circuit of an OpenQASM 3 program: its text (which has a ";"), or the path of a file.

    Read are: qubit registers, gates of stdgates.inc (where it is included), U and gphase, gate definitions, the
    modifiers ctrl, negctrl, inv and pow, broadcast over registers, constants, arithmetic, and loops over ranges and
    sets of constants; of OpenQASM 2 also qreg and qelib1.inc. Qubits are numbered as they are declared. Barriers,
    classical registers and measurements at the end do nothing to the state: they are left out, measurements said in
    the circuit's `notes`.

    Raises QasmError, with the line, for everything else (reset, if, gates after a measurement, input, ..), unknown
    gates (with the nearest names), and what the parser refuses; ImportError where openqasm3 is not installed.
    """
    text = str(source)
    if ";" not in text:
        path = Path(source).expanduser()
        if not path.is_file():
            raise QasmError(f"{path}: wanted an OpenQASM file, found {'a folder' if path.is_dir() else 'none'}")
        text = path.read_text(encoding="utf-8")
    program = Program()
    for statement in _parsed(text).statements:
        program.do(statement)
    if not program.qubits:
        raise QasmError("program: wanted at least one qubit, found none")
    return Circuit(tuple(program.gates), program.qubits, tuple(program.notes))


def _parsed(text: str) -> Any:
    """The syntax tree."""
    parser = optional("openqasm3.parser", "'tnsim[circuits]'")
    try:
        return parser.parse(text)
    except parser.QASM3ParsingError as error:
        raise QasmError(_refused(error)) from error


def _refused(error: Exception) -> str:
    """What the parser says: a text "L3:C12: ..", or the token at which it gave up."""
    said = re.fullmatch(r"L(\d+):C\d+: (.*)", str(error), flags=re.DOTALL)
    if said is not None:
        return f"line {said[1]}: wanted OpenQASM 3, found: {said[2]}"
    token = next((cause.offendingToken for cause in getattr(error.__cause__, "args", ())), None)
    if token is None:
        return f"wanted OpenQASM 3, found what its parser refuses: {error}"
    return f"line {token.line}: wanted OpenQASM 3, found {token.text!r} where the parser expects something else"
