"""Custom losses: right ones are accepted at any scale and with kinks; errors say what is wrong with the others."""

import copy
import math
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import gdfast
from gdfast.formulas.losses import LOSSES, curvature_of_kinks
from gdfast.formulas.losses import LossFormulas as Formulas
from gdfast.formulas.vocabulary import absolute, exp, log1p, maximum, minimum, sqrt, where
from gdfast.options.custom_loss import Loss

SCALES = [1e-6, 1.0, 1e6]
FACTORS = [1.01, 0.99, 1.005, -1.0, 2.0, 0.5]


def pseudo_huber_value(y, z):
    return sqrt(1.0 + (z - y) * (z - y)) - 1.0


def pseudo_huber_gradient(y, z):
    return (z - y) / sqrt(1.0 + (z - y) * (z - y))


def two_argument(name):
    loss = LOSSES[name]
    c = loss.parameter.default if loss.parameter else 0.0
    return (lambda y, z: loss.value(y, z, c)), (lambda y, z: loss.gradient(y, z, c))


def wide_pseudo_huber(delta):
    """Terms of delta^2 cancel in it, and leave few digits."""
    return (
        lambda y, z: delta * delta * (sqrt(1.0 + (z - y) * (z - y) / (delta * delta)) - 1.0),
        lambda y, z: (z - y) / sqrt(1.0 + (z - y) * (z - y) / (delta * delta)),
    )


RIGHT = {
    **{name: two_argument(name) for name, loss in LOSSES.items() if not loss.coupled},
    "steep square": (lambda y, z: 100.0 * (z - y) * (z - y), lambda y, z: 200.0 * (z - y)),
    "expanded square": (lambda y, z: z * z - 2.0 * z * y + y * y, lambda y, z: 2.0 * (z - y)),
    "square on a plinth": (lambda y, z: 1e6 + 0.5 * (z - y) * (z - y), lambda y, z: z - y),
    "fourth power": (lambda y, z: (z - y) ** 4, lambda y, z: 4.0 * (z - y) ** 3),
    "product of powers": (lambda y, z: z**4 * y * y + z**3 * y, lambda y, z: 4.0 * z**3 * y * y + 3.0 * z * z * y),
    "exp(3 z)": (lambda y, z: exp(3.0 * z) - y * z, lambda y, z: 3.0 * exp(3.0 * z) - y),
    "exp(10 z)": (lambda y, z: exp(10.0 * z) - y * z, lambda y, z: 10.0 * exp(10.0 * z) - y),
    "overflows": (lambda y, z: exp(300.0 * z), lambda y, z: 300.0 * exp(300.0 * z)),
    "exponential": (lambda y, z: exp(-y * z), lambda y, z: -y * exp(-y * z)),
    "log-cosh": (
        lambda y, z: absolute(z - y) + log1p(exp(-2.0 * absolute(z - y))),
        lambda y, z: 1.0 - 2.0 / (1.0 + exp(2.0 * (z - y))),
    ),
    "pseudo-Huber": (pseudo_huber_value, pseudo_huber_gradient),
    "nearly absolute": (
        lambda y, z: sqrt(1e-6 + (z - y) * (z - y)),
        lambda y, z: (z - y) / sqrt(1e-6 + (z - y) * (z - y)),
    ),
    "wide pseudo-Huber, 1e4": wide_pseudo_huber(1e4),
    "wide pseudo-Huber, 1e6": wide_pseudo_huber(1e6),
    "sharp log loss": (
        lambda y, z: log1p(exp(-1e3 * y * z)) / 1e3,
        lambda y, z: -y / (1.0 + exp(1e3 * y * z)),
    ),
    "flat but for rounding": (
        lambda y, z: 0.5 * (absolute(z - y) + z - y),
        lambda y, z: where(z > y, 1.0, 0.0),
    ),
    "capped square": (
        lambda y, z: minimum((z - y) * (z - y), 1.0),
        lambda y, z: where(absolute(z - y) < 1.0, 2.0 * (z - y), 0.0),
    ),
    "Cauchy": (lambda y, z: log1p((z - y) * (z - y)), lambda y, z: 2.0 * (z - y) / (1.0 + (z - y) * (z - y))),
    "constant slope": (lambda y, z: z, lambda y, z: 1.0),
    "z above 0 only": (lambda y, z: z - y * np.log(z), lambda y, z: 1.0 - y / z),
    "y above 0 only": (lambda y, z: sqrt(y) * z * z, lambda y, z: 2.0 * sqrt(y) * z),
}


def make(value, gradient, scale=1.0, factor=1.0, **more):
    return Loss(lambda y, z: scale * value(y, z), lambda y, z: factor * scale * gradient(y, z), **more)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_loss_is_taken(name, scale):
    make(*RIGHT[name], scale)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", [name for name in RIGHT if "wide" not in name])
def test_a_wrong_factor_is_refused(name, scale, factor):
    with pytest.raises(ValueError, match="derivative of value in z is"):
        make(*RIGHT[name], scale, factor)


@pytest.mark.parametrize("factor", [1.1, -1.0, 2.0])
@pytest.mark.parametrize("delta", [1e4, 1e6])
def test_a_wrong_factor_shows_through_much_rounding(delta, factor):
    with pytest.raises(ValueError, match="derivative of value in z is"):
        make(*wide_pseudo_huber(delta), factor=factor)


def test_the_error_about_a_wrong_gradient_says_what_it_is_and_what_it_should_be():
    with pytest.raises(ValueError, match=r"gradient\(y, z\) gave (\S+) at y=(\S+), z=(\S+), where") as caught:
        Loss(lambda y, z: (z - y) * (z - y), lambda y, z: z - y)
    words = str(caught.value).replace(",", " ").replace(";", " ").split()
    y, z = (float(word[2:]) for word in words if word[:2] in ("y=", "z="))
    numbers = [float(word) for word in words if word[-1].isdigit() and "=" not in word]
    assert numbers == pytest.approx([z - y, 2.0 * (z - y)], rel=1e-6)


@pytest.mark.parametrize(
    ("value", "gradient"),
    [
        (lambda y, z: maximum(1.0 - y * z, 0.0), lambda y, z: where(y * z > 0.5, 0.0, -y)),  # the kink elsewhere
        (lambda y, z: 0.5 * (z - y) * (z - y), lambda y, z: z - y + 1e-3),
        (lambda y, z: 0.5 * (z - y) * (z - y), lambda y, z: where(y > 5.0, y - z, z - y)),  # far targets alone
        (lambda y, z: exp(z) - y * z, lambda y, z: exp(z)),
        (lambda y, z: 0.5 * (z - y) * (z - y), lambda y, z: y - z),
        (lambda y, z: 0.5 * (z - y) * (z - y), lambda y, z: 0.0),
    ],
)
def test_a_wrong_gradient_is_refused(value, gradient):
    with pytest.raises(ValueError, match="derivative of value in z is"):
        Loss(value, gradient)


@pytest.mark.parametrize("at_kink", [-1.0, -0.3, 0.0, 1.0])
def test_at_a_kink_any_number_between_the_slopes_will_do(at_kink):
    kink = 0.708  # one of the points that are tried
    Loss(lambda y, z: absolute(z - kink), lambda y, z: where(z > kink, 1.0, where(z < kink, -1.0, at_kink)))


@pytest.mark.parametrize("at_kink", [-1.01, 1.01])
def test_at_a_kink_nothing_else_will_do(at_kink):
    kink = 0.708
    with pytest.raises(ValueError, match=f"gave {at_kink:g} at .* z=0.708"):
        Loss(lambda y, z: absolute(z - kink), lambda y, z: where(z > kink, 1.0, where(z < kink, -1.0, at_kink)))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.curvature and not loss.coupled])
def test_curvature_is_held_against_the_second_derivative(name, scale):
    bound = scale * LOSSES[name].curvature
    assert make(*RIGHT[name], scale, curvature=bound).curvature == bound
    make(*RIGHT[name], scale, curvature=10.0 * bound)
    with pytest.raises(ValueError, match=r"curvature=.* about \S+ at y=\S+, z=\S+; give a larger one, or leave it out"):
        make(*RIGHT[name], scale, curvature=0.95 * bound)


def test_a_kink_does_not_exceed_curvature():
    make(*RIGHT["hinge"], curvature=1e-3)
    make(*RIGHT["quantile"], curvature=1e-3)


def test_curvature_is_about_a_second_derivative_that_never_ends():
    with pytest.raises(ValueError, match="curvature=1 must be an upper bound"):
        make(*RIGHT["poisson"], curvature=1)


def branching(y, z):
    return z - y if z > y else y - z


def fine(y, z):
    return z - y


@pytest.mark.parametrize(
    ("value", "gradient", "which", "found"),
    [
        (branching, fine, "value", r"raised ValueError on arrays \(The truth value .* ambiguous"),
        (fine, branching, "gradient", r"raised ValueError on arrays \(The truth value .* ambiguous"),
        (lambda y, z: math.exp(z), fine, "value", "raised TypeError on arrays"),
        (lambda y, z, c: z, fine, "value", "raised TypeError on arrays .*'c'"),
        (fine, lambda z: z, "gradient", "raised TypeError on arrays"),
        (
            lambda y, z: np.array([a - b for a, b in zip(z, y, strict=True)]),
            fine,
            "value",
            "raised TypeError on floats",
        ),
        (lambda y, z: np.subtract(z, y, out=z), fine, "value", "raised ValueError on arrays .*read-only"),
        (lambda y, z: None, fine, "value", "gave None .* one real number for each sample"),
        (lambda y, z: "1", fine, "value", "gave '1'"),
        (lambda y, z: z * 1j, fine, "value", "gave an array of complex128"),
        (lambda y, z: (z, y), fine, "value", r"gave an array of float64 and shape \(2, 369\)"),
        (fine, lambda y, z: z[1:], "gradient", r"gave an array of float64 and shape \(368,\)"),
    ],
)
def test_what_does_not_take_arrays_is_named(value, gradient, which, found):
    with pytest.raises(ValueError, match=rf"^{which}\(y, z\) {found}.*; write it with gdfast.formulas.vocabulary"):
        Loss(value, gradient)


def test_the_cause_is_kept():
    with pytest.raises(ValueError, match="where instead of if") as caught:
        Loss(branching, fine)
    assert "ambiguous" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("value", "gradient", "which"),
    [
        (lambda y, z: np.mean((z - y) * (z - y)), lambda y, z: 2.0 * (z - y), "value"),
        (lambda y, z: (z - y) * (z - y), lambda y, z: 2.0 * (z - y) / np.size(z), "gradient"),
    ],
)
def test_every_sample_has_its_own_loss(value, gradient, which):
    with pytest.raises(ValueError, match=rf"^{which}\(y, z\) gave .* alone and .*leave out means"):
        Loss(value, gradient)


@pytest.mark.parametrize(
    ("value", "gradient"),
    [
        (lambda y, z: z * math.nan, fine),
        (fine, lambda y, z: z * math.nan),
        (lambda y, z: np.log(z - 100.0), lambda y, z: 1.0 / (z - 100.0)),
        (lambda y, z: where(z > 0.0, z, math.nan), lambda y, z: where(z > 0.0, math.nan, 1.0)),
    ],
)
def test_a_loss_that_is_finite_nowhere_is_refused(value, gradient):
    with pytest.raises(ValueError, match="value and gradient are finite together at none of 369 points"):
        Loss(value, gradient)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"value": 1.0}, TypeError, "value=1.0 must be a function of y and z"),
        ({"gradient": "z - y"}, TypeError, "gradient='z - y' must be a function of y and z"),
        ({"name": 3}, TypeError, "name=3 must be a string"),
        ({"name": ""}, ValueError, "name='' is empty; choose another name, such as 'my_loss'"),
        ({"name": "huber"}, ValueError, "name='huber' is one of gdfast's own losses; .* 'my_huber'"),
        ({"curvature": 0.0}, ValueError, "curvature=0.0 must be a finite number above 0; leave it out"),
        ({"curvature": -1}, ValueError, "curvature=-1 must be .* above 0"),
        ({"curvature": math.inf}, ValueError, "curvature=inf must be a finite number"),
        ({"curvature": math.nan}, ValueError, "curvature=nan must be a finite number"),
        ({"curvature": "1"}, TypeError, "curvature='1' is a str"),
        ({"curvature": True}, TypeError, "curvature=True is a bool"),
    ],
)
def test_bad_arguments_are_named(change, kind, message):
    with pytest.raises(kind, match=message):
        Loss(**({"value": pseudo_huber_value, "gradient": pseudo_huber_gradient} | change))


def test_name_and_curvature_are_given_by_name():
    with pytest.raises(TypeError, match="positional"):
        Loss(pseudo_huber_value, pseudo_huber_gradient, "mine")


def test_a_loss_is_one_fixed_thing():
    loss, same = (Loss(pseudo_huber_value, pseudo_huber_gradient, curvature=1) for _ in range(2))
    assert (loss.value, loss.gradient) == (pseudo_huber_value, pseudo_huber_gradient)
    assert (loss.name, loss.curvature, type(loss.curvature)) == ("custom", 1.0, float)
    assert repr(loss) == "Loss('custom')"
    assert repr(Loss(pseudo_huber_value, pseudo_huber_gradient, name="mine")) == "Loss('mine')"
    assert loss == loss != same
    assert len({loss, same}) == 2
    with pytest.raises(FrozenInstanceError):
        loss.curvature = 2.0


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda loss: pickle.loads(pickle.dumps(loss))])
def test_copies_work(copied):
    loss = Loss(pseudo_huber_value, pseudo_huber_gradient, name="mine")
    assert loss.formulas is not None
    other = copied(loss)
    assert (other.name, other.curvature, other.value) == ("mine", None, pseudo_huber_value)
    assert float(other.formulas.gradient(0.0, 0.75, 0.0)) == pytest.approx(0.6)


def test_formulas_are_a_record_like_those_of_the_registry(rng):
    loss = Loss(pseudo_huber_value, pseudo_huber_gradient, curvature=1.0)
    assert isinstance(loss.formulas, Formulas)
    assert loss.formulas is loss.formulas
    assert loss.formulas[2:] == Formulas(None, None, 1.0)[2:]
    y, z = rng.normal(0, 2, (2, 20, 1))
    for c in (0.0, 5.0):
        np.testing.assert_array_equal(loss.formulas.value(y, z, c), pseudo_huber_value(y, z))
        np.testing.assert_array_equal(loss.formulas.gradient(y, z, c), pseudo_huber_gradient(y, z))


def test_without_curvature_there_is_an_assumed_curvature():
    record = Loss(pseudo_huber_value, pseudo_huber_gradient).formulas
    assert record.curvature is None
    assert record.assumed_curvature is curvature_of_kinks


def test_a_scalar_comes_in_the_shape_of_z():
    record = Loss(lambda y, z: z, lambda y, z: 1.0).formulas
    np.testing.assert_array_equal(record.gradient(np.zeros((3, 1)), np.zeros((3, 1)), 0.0), np.ones((3, 1)))
    assert float(record.gradient(0.0, 0.0, 0.0)) == 1.0


def test_the_functions_are_called_in_silence():
    with np.errstate(all="raise"):
        Loss(*RIGHT["z above 0 only"])
        Loss(*RIGHT["overflows"])


def test_custom_losses_train_as_those_of_the_registry(backend, X, Y):
    half_square = gdfast.Loss(lambda y, z: 0.5 * (z - y) * (z - y), lambda y, z: z - y, name="mine", curvature=1.0)
    clipped = gdfast.Loss(
        lambda y, z: 0.5 * minimum(abs(z - y), 1.0) ** 2 + abs(z - y) - minimum(abs(z - y), 1.0),
        lambda y, z: maximum(minimum(z - y, 1.0), -1.0),
        curvature=1.0,
    )
    if backend == "cython":
        with pytest.raises(ValueError, match="backend='cython' cannot run"):
            gdfast.fit(X, Y, loss=half_square, backend=backend)
        return
    for loss, name, c in ((half_square, "squared_error", None), (clipped, "huber", 1.0)):
        for batch_size in (None, 1, 7):
            options = {"epochs": 5, "batch_size": batch_size, "seed": 1, "backend": backend, "solver": "loop"}
            mine, theirs = (
                gdfast.fit(X, Y, loss=loss, **options),
                gdfast.fit(X, Y, loss=name, loss_parameter=c, **options),
            )
            np.testing.assert_allclose(mine.coef, theirs.coef, rtol=1e-12)
            np.testing.assert_allclose(mine.costs, theirs.costs, rtol=1e-12)
            assert mine.loss == loss.name
            assert mine.predict(X).shape == (40,)
