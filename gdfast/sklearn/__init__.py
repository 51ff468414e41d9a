"""Estimators for scikit-learn: drop-ins for its SGD estimators and its GridSearchCV, and gdfast's own."""

from gdfast.sklearn.gd import GDClassifier, GDRegressor
from gdfast.sklearn.search import GridSearchCV
from gdfast.sklearn.sgd import SGDClassifier, SGDOneClassSVM, SGDRegressor

__all__ = ["GDClassifier", "GDRegressor", "GridSearchCV", "SGDClassifier", "SGDOneClassSVM", "SGDRegressor"]
