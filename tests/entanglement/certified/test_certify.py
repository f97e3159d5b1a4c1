"""placeholder"""
import time
import numpy as np
import certified_cases as cc
from hypothesis import given, settings, strategies as st
@settings(max_examples=500, derandomize=True)
@given(cc.cases(), cc.cuts())
def test_true(case, how):
    found = cc.one_pass(case, how)
    assert not cc.violations(case, found, cc.upper_bounds(case, found))
