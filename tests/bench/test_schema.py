"""A results file is read whole or refused in words; half a last line is nothing."""

import copy
import json

import pytest
from bench.samples import ENVIRONMENT, failed, measured
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.bench import results
from tnsim.bench.schema import MAY_BE_NULL, STATUSES, SchemaError, check

ROWS = [ENVIRONMENT, measured(), measured("torch", 0.02), measured(sites=(8, 8)), failed("quimb", "time")]


def written(path, rows, end=""):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + end)
    return path


def places(row, above=()):
    """Every field, also inside parts."""
    for name, value in row.items():
        yield (*above, name)
        if isinstance(value, dict) and name in ("run", "memory", "floor", "checked"):
            yield from places(value, (*above, name))


def test_rows_are_read_as_they_were_written(tmp_path):
    found = results.read(written(tmp_path / "r.jsonl", ROWS))
    assert found.environments == {"f1": ENVIRONMENT}
    assert found.measurements == ROWS[1:]


@given(st.sampled_from([(row, place) for row in ROWS for place in places(row)]), st.sampled_from(["drop", "odd"]))
def test_a_field_that_is_wrong_or_missing_is_named_with_its_place(chosen, how):
    row, place = chosen
    spoiled = copy.deepcopy(row)
    inside = spoiled
    for name in place[:-1]:
        inside = inside[name]
    if how == "drop":
        del inside[place[-1]]
    else:
        inside[place[-1]] = [None]
    with pytest.raises(SchemaError) as told:
        check(spoiled, "r.jsonl, line 7")
    assert str(told.value).startswith("r.jsonl, line 7: ")
    assert "wanted" in str(told.value)
    assert "found" in str(told.value)
    assert place[-1] in str(told.value)


@pytest.mark.parametrize("status", STATUSES)
def test_a_time_stands_exactly_where_the_status_is_ok(status):
    row = {**measured(), "status": status}
    if status == "ok":
        assert check(row, "x") is row
    else:
        with pytest.raises(SchemaError, match="run: wanted figures exactly where status is ok"):
            check(row, "x")
        assert check({**row, **dict.fromkeys(MAY_BE_NULL)}, "x")


def test_another_schema_and_other_files_are_refused(tmp_path):
    path = tmp_path / "r.jsonl"
    for rows, words in (
        ([{**ENVIRONMENT, "schema": 2}], "line 1: schema: wanted 1, found 2: a file of another version"),
        ([ENVIRONMENT, {**measured(), "colour": "red"}], "line 2: colour: wanted the fields of schema 1"),
        ([ENVIRONMENT, {"kind": "spectrum"}], "line 2: wanted a row of kind environment or measurement"),
        ([[1, 2]], "line 1: wanted a row of kind"),
        ([measured()], "line 1: environment: wanted one of a line before"),
        ([], "wanted JSON lines of benchmark results, found none"),
    ):
        with pytest.raises(SchemaError, match="jsonl") as told:
            results.read(written(path, rows))
        assert words in str(told.value)
    path.write_text("not JSON\n")
    with pytest.raises(SchemaError, match=r"line 1: wanted JSON, found 'not JSON'"):
        results.read(path)
    with pytest.raises(OSError, match="nothing"):
        results.read(tmp_path / "nothing")


@settings(max_examples=20)  # each is flushed to the disk
@given(cut=st.integers(1, 400))
def test_half_a_last_line_is_cut_and_the_run_goes_on(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("half") / "r.jsonl"
    whole = written(path, ROWS).read_bytes()
    path.write_bytes(whole[:-cut])  # within the last row
    assert results.read(path).measurements == ROWS[1:-1]
    assert results.begin(path).measurements == ROWS[1:-1]
    with results.Writer(path) as writer:
        writer.write(ROWS[-1])
    assert path.read_bytes() == whole


def test_a_later_row_replaces_and_ratios_keep_their_turn(tmp_path):
    rows = [ENVIRONMENT, measured(median=1.0), measured("torch", 2.0), measured(median=3.0, turn="t2"),
            measured("quimb", 6.0, turn="t2"), measured("lone", 5.0, turn="t3")]  # fmt: skip
    found = results.read(written(tmp_path / "r.jsonl", rows))
    assert {row["peer"]: found.partner(row)["run"]["median"] for row in found.measurements} == {
        "tnsim": 3.0, "torch": 1.0, "quimb": 3.0, "lone": 3.0,
    }  # fmt: skip
    other = failed("tnsim", "error")
    assert results.read(written(tmp_path / "s.jsonl", [ENVIRONMENT, other])).partner(other) is None


def test_starting_anew_leaves_other_files_alone(tmp_path):
    path = tmp_path / "r.jsonl"
    written(path, [{**ENVIRONMENT, "schema": 2}])
    assert results.begin(path, fresh=True).measurements == []
    assert not path.exists()
    path.write_text("my notes\n")
    with pytest.raises(SchemaError, match="left alone"):
        results.begin(path, fresh=True)
    assert path.read_text() == "my notes\n"


def test_no_row_is_written_that_could_not_be_read(tmp_path):
    with results.Writer(tmp_path / "r.jsonl") as writer:
        writer.write(ENVIRONMENT)
        with pytest.raises(SchemaError, match=r"run\.median"):
            writer.write({**measured(), "run": {**measured()["run"], "median": float("nan")}})
    assert len(results.read(tmp_path / "r.jsonl").environments) == 1
