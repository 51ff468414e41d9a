"""The costs of a closed-form path."""

import numpy as np
from numpy.typing import NDArray

def power_costs(
    *,
    sizes: NDArray[np.float64],
    firsts: NDArray[np.float64],
    powers: NDArray[np.float64],
    base: float,
    costs: NDArray[np.float64],
) -> None: ...
