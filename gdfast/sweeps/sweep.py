"""Sweep: fit a grid of configurations, with passes over the data that they share."""

from typing import Any

from gdfast.data.summarised import named_or_summarised
from gdfast.options.declarations import checked_option
from gdfast.solvers.monitoring.progress import ProgressBar
from gdfast.sweeps.configurations import make_configurations
from gdfast.sweeps.fits import fit_together
from gdfast.sweeps.grid import Grid
from gdfast.sweeps.result import Sweep

__all__ = ["fit_together", "sweep"]


def sweep(
    X: Any,
    y: Any = None,
    *,
    configurations: Any = None,
    folds: Any = None,
    sample_weight: Any = None,
    store: Any = None,
    progress: bool = False,
    **options: Any,
) -> Sweep:
    """Fit each configuration of a grid; runs that can do so share the passes over the data.

    Each run equals the run that `fit` alone gives, to rounding. The configurations are the product of the lists among
    the options, in the order of the keywords, the last one fastest, folds innermost.

    Parameters
    ----------
    X : array-like, frame or sparse matrix of shape (n, n_features), or Summary or Blocks
        The features, as `fit` takes them.
    y : array-like of shape (n,) or (n, n_outputs), or str, optional
        The targets, or the name of X's column that holds them.
    configurations : list of dict, optional
        The configurations themselves, dicts of arguments of `fit`, in place of lists among the options.
    folds : int or list of (train, test), optional
        Fit each configuration without a part of the rows: k parts one after another (scikit-learn's KFold(k) without
        shuffling), or pairs of row numbers. A run is ``fit(X[train], y[train])``; its validation cost is the mean
        loss on the rows left out.
    sample_weight : array-like of shape (n,) or str, optional
        The weights of the rows, or the name of X's column that holds them.
    store : path-like, optional
        An SQLite file that keeps finished runs. The same call again reads them from there and fits the others.
    progress : bool, default False
        Show a progress bar over the runs (needs tqdm).
    **options : dict
        Arguments of `fit`. A list is an axis of the grid; everything else (a tuple, an array of rates) is one value.
        ``seed=None`` is one draw for all runs.

    Returns
    -------
    Sweep
        The runs in order, `table`, `costs`, `best()`.

    Raises
    ------
    ValueError, TypeError
        If an argument is no argument of `fit`, an axis is empty, or two configurations are the same. What is wrong
        with one configuration alone is kept as its error.

    See Also
    --------
    gdfast.fit : One fit.

    Examples
    --------
    >>> import gdfast
    >>> X, y = [[-1.0], [0.0], [2.0], [3.0]], [1.0, 2.0, 4.5, 5.0]
    >>> result = gdfast.sweep(X, y, learning_rate=[0.01, 0.1], alpha=[0.0, 0.1], penalty="l2", epochs=200)
    >>> len(result)
    4
    >>> best = result.best()
    >>> best.settings["learning_rate"], best.settings["alpha"]
    (0.1, 0.0)
    """
    wanted = checked_option("progress", progress)
    swept = make_configurations(options, configurations)
    grid = Grid(named_or_summarised(X, y, sample_weight), swept, folds, store)
    with ProgressBar(len(grid.runs), wanted, unit="run") as bar:
        grid.run(bar)
    grid.warn_of_divergence()
    return grid.result()
