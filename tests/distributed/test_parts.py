"""Parts are whole or refused, and a digest feels content alone."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tnsim
from tnsim.distributed.parts import Parts, PartsError, check, digest, joined, path_of, read, summed, write

FACTS = {"network": "a1", "items": 3}
PLAIN = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


def rebuilt(value):
    """An equal value whose dictionaries were filled in the other order."""
    if isinstance(value, dict):
        return {name: rebuilt(value[name]) for name in reversed(value)}
    return [rebuilt(item) for item in value] if isinstance(value, list) else value


@given(PLAIN, PLAIN)
def test_a_digest_is_of_the_content(one, other):
    assert digest(one) == digest(rebuilt(one))
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (digest(one) == digest(other)) == same
    assert digest([one, other]) != digest([[one, other]])


def test_digests_of_networks_and_banks_tell_them_apart():
    arch = tnsim.ConvAC(sites=4, features=2, channels=(2, 2), windows=(2, 2), classes=2)
    shared = tnsim.ConvAC(sites=4, features=2, channels=(2, 2), windows=(2, 2), classes=2, sharing="full")
    assert digest(arch.network) == "74ada922b15d2fe1b479b0db3f4e37f2"  # in every process, today and tomorrow
    assert digest(arch.network) != digest(shared.network)
    bank = np.arange(6.0)
    different = [bank, bank.reshape(2, 3), bank.astype("f4"), bank + 1, list(bank)]
    assert len({digest({"conv_0": value}) for value in different}) == 5
    with pytest.raises(TypeError, match="wanted numbers, texts, arrays and containers of them, found object"):
        digest({"a": object()})


def test_parts_are_read_as_they_were_written(tmp_path):
    for item in range(3):
        write(path_of(tmp_path, item), {"h": np.full((2, 2), float(item)), "n": [item + 1j]}, FACTS)
    parts = Parts(tuple(path_of(tmp_path, item) for item in range(3)), 3)
    check(parts.paths[0], FACTS)
    assert read(parts.paths[2])["n"] == 2 + 1j
    assert set(read(parts.paths[2])) == {"h", "n"}
    np.testing.assert_array_equal(summed(parts)["h"], np.full((2, 2), 3.0))
    np.testing.assert_array_equal(joined(Parts(parts.paths[:2], 0))["h"], [[0, 0], [0, 0], [1, 1], [1, 1]])


def test_a_part_of_another_job_or_of_none_is_refused(tmp_path):
    path = path_of(tmp_path, 0)
    write(path, {"h": np.ones(100)}, FACTS)
    with pytest.raises(PartsError, match=r"another job: items: 3 there, 4 asked for; plan: None there, 'x' asked for"):
        check(path, {**FACTS, "items": 4, "plan": "x"})
    whole = path.read_bytes()
    for broken in (whole[:200], b"", b"nothing"):
        path.write_bytes(broken)
        with pytest.raises(PartsError, match="wanted a part of a sweep"):
            check(path, FACTS)
    np.savez(path, h=np.ones(3))
    with pytest.raises(PartsError, match="wanted a part of a sweep"):
        check(path, FACTS)
