"""
Minimize a function of your own
===============================

``gdfast.minimize`` is gradient descent on any function. It replaces the fourth loop of the tutorials, which minimises
the square of theta - 5. This example shows its steps and its error for several learning rates, and then the path on a
function of two parameters that is not quadratic.
"""

# %%
# One parameter
# -------------
# The function and its gradient are Python functions. The result has the last point, the path and the costs.
import warnings

import matplotlib.pyplot as plt
import numpy as np

import gdfast

plt.style.use("tableau-colorblind10")


def J(theta):
    """Return the cost."""
    return (theta - 5) ** 2


def gradient(theta):
    """Return the derivative of J."""
    return 2 * (theta - 5)


low = gdfast.minimize(J, 0.0, grad=gradient, learning_rate=0.1, steps=50)
print(f"theta {low.x!r} after {low.steps} steps, J {low.fun:.3e}, stop reason {low.stop_reason!s}")
stopped = gdfast.minimize(J, 0.0, grad=gradient, learning_rate=0.1, steps=1_000, gradient_tol=1e-8)
print(f"with gradient_tol=1e-8: theta {stopped.x!r} after {stopped.steps} steps, stop reason {stopped.stop_reason!s}")

# %%
# Learning rates
# --------------
# Each step multiplies the error by 1 - 2 rate. The rates 0.1 and 0.9 are equally fast, since only the sign of this
# factor differs, and beyond 1 the error grows. Where the cost ends above 1,000 times the first one, or overflows, a
# ``DivergenceWarning`` says so.
rates = [0.02, 0.1, 0.3, 0.9, 1.05]
runs = {rate: gdfast.minimize(J, 0.0, grad=gradient, learning_rate=rate, steps=30) for rate in rates}
for rate, run in runs.items():
    print(f"rate {rate}: error {abs(run.x - 5):.2e}, expected {5 * abs(1 - 2 * rate) ** 30:.2e}")

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for count in (100, 10_000):
        gdfast.minimize(J, 0.0, grad=gradient, learning_rate=1.05, steps=count)
for warning in caught:
    print(warning.category.__name__, "-", warning.message)

# %%
# Two parameters
# --------------
# Without ``grad`` the gradient is made of central differences. This function has a curved valley, along which the
# descent is slow.


def valley(theta):
    """Return the cost of two parameters."""
    return (theta[0] - 1) ** 2 + 4 * (theta[1] - 0.5 * theta[0] ** 2) ** 2


found = gdfast.minimize(valley, [-2.0, -1.0], learning_rate=0.04, steps=2_000, step_tol=1e-9)
print(f"minimum at {found.x.round(6)}, J {found.fun:.1e}, {found.steps} steps, stop reason {found.stop_reason!s}")

fig, (steps, errors, surface) = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
gdfast.plots.descent_steps(J, low.path[:12], grad=gradient, ax=steps)
steps.set(title="The first steps at rate 0.1", xlabel="theta", ylabel="J(theta)")

for (rate, run), style in zip(runs.items(), ["-", "-", "-", "--", ":"], strict=True):
    errors.semilogy(np.arange(31), np.abs(run.path - 5), style, label=f"rate {rate}")
errors.set(title="Error after each step", xlabel="step", ylabel="|theta - 5|", ylim=(1e-14, 1e3))
errors.legend(loc="lower left")

gdfast.plots.loss_contour(lambda a, b: valley([a, b]), w=(-2.5, 2.5), b=(-1.5, 2.5), path=found.path, ax=surface)
surface.set(title="A curved valley", xlabel="theta 0", ylabel="theta 1")
plt.show()
