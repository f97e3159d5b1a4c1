"""The report's section on all classes as one state: fidelities of every pair, and what each side knows of the class."""

from __future__ import annotations

from typing import Any

from tnsim.report.fields import wrong
from tnsim.report.measurements import Report, is_number
from tnsim.report.rows import bracketed
from tnsim.report.tables import STEPS
from tnsim.report.text import NONE, escape, number, shortened


def section(report: Report) -> str:
    """Empty where the whole model was not measured. Raises ValueError for a table that is not square."""
    found = report.source.get("whole_model") or []
    heads = [part for part in found if "fidelities" in part]
    known = [part for part in found if "partition" in part]
    return "".join(_fidelities(part) for part in heads) + (_information(known) if known else "")


def _fidelities(part: dict[str, Any]) -> str:
    names, table = [escape(name) for name in part["classes"]], part["fidelities"]
    if len(table) != len(names) or any(len(row) != len(names) for row in table):
        raise wrong("whole_model.fidelities", f"{len(names)} x {len(names)} numbers", table)
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = (f'<th scope="row">{name}</th>{"".join(map(_cell, row))}' for name, row in zip(names, table, strict=True))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    said = f"Entropy of the class leg: {bracketed(part['class_entropy'])} nats. "
    said += "Fidelities of the classes' states: 1 for classes that the model does not tell apart."
    return (
        f'<div class="block"><h3>How alike the classes are</h3><p class="note">{said}</p>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Fidelities of classes"><table class="heat">'
        f'<thead><tr><th scope="col">class</th>{head}</tr></thead><tbody>{body}</tbody></table></div></div>'
    )


def _cell(value: float) -> str:
    if not is_number(value):
        return f'<td class="none">{NONE}</td>'
    return f'<td class="s{min(max(int(value * STEPS), 0), STEPS - 1)}">{number(value)}</td>'


def _information(known: list[dict[str, Any]]) -> str:
    rows = "".join(
        f'<tr><th scope="row" title="{escape(part["partition"])}">{escape(shortened(part["partition"]))}</th>'
        f"<td>{bracketed(part['information'])}</td></tr>"
        for part in known
    )
    said = "I(class : A) in nats: what the sites of A alone know of the class, at most twice the entropy of its leg."
    return (
        f'<div class="block"><h3>What a side knows of the class</h3><p class="note">{said}</p>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Mutual information of class and side">'
        '<table class="figures"><thead><tr><th scope="col">partition</th><th scope="col">I(class : A)</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div></div>"
    )
