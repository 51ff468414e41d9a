"""Functions that formulas are written in."""

import math

import pytest

from gdfast.formulas import vocabulary


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_vocabulary_lets_nan_through_on_either_side(name):
    function = getattr(vocabulary, name)
    assert math.isnan(function(math.nan, 1.0))
    assert math.isnan(function(1.0, math.nan))
