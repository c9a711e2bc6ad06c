"""Regularised regressions on real data that comes with scikit-learn, with their true minimisers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn import datasets

from underdamped import _checks
from underdamped.process import Quadratic, Target
from underdamped.process.landscapes import logistic_regression, softmax_regression
from underdamped.studies.descent.newton import Minimum, minimize


@dataclass(frozen=True)
class Regression:
    r"""A strongly convex finite sum over the rows of a data set.

    Attributes:
        name: what it is, in words.
        target: $\Phi = \frac1N\sum_i\Phi_i$, each with its own share of the regularisation.
        num_components: N.
        dimension: K.
        smoothness: $L$, a Lipschitz constant of every component's gradient, and so of every batch's.
        minimum: $\theta^*$ and what belongs to it.
    """

    name: str
    target: Target
    num_components: int
    dimension: int
    smoothness: float
    minimum: Minimum


def load_regression(name: str, l2: float) -> Regression:
    r"""One of ``REGRESSIONS``, in JAX's current precision.

    Features are centred and scaled to variance 1 (pixels: to [0, 1]), an intercept is one more feature and regularised
    like the others, so that *every component* is $\lambda$-strongly convex and has one minimiser.

    Args:
        name: of the problem.
        l2: $\lambda > 0$, weight of $\frac\lambda2|q|^2$.

    Returns:
        The problem.

    Raises:
        ValueError: If the name is not known, or ``l2`` is not positive.

    Example:
        >>> import jax
        >>> with jax.enable_x64(True):
        ...     ridge = load_regression("diabetes", l2=0.01)
        >>> ridge.num_components, ridge.dimension, ridge.minimum.gradient_norm < 1e-12
        (442, 10, True)
    """
    check_regression(name, l2)
    target, dimension, smoothness = REGRESSIONS[name](l2)
    title, size = TITLES[name]
    return Regression(title, target, size, dimension, smoothness, minimize(target, dimension))


def check_regression(name: str, l2: float) -> None:
    """Refuse a problem that does not exist, or whose components have no unique minimiser."""
    if name not in REGRESSIONS:
        raise _checks.fail("problems", "known", name, _checks.suggestion(name, REGRESSIONS))
    way_out = (
        "without it single components have many minimisers, the logistic ones none, and no distance to a minimiser can "
        "be measured; take 0.01, say"
    )
    _checks.positive(l2, "l2", way_out)


def _diabetes(l2: float) -> tuple[Target, int, float]:
    features, response = datasets.load_diabetes(return_X_y=True)
    x, y = _standardized(np.asarray(features)), _standardized(np.asarray(response))  # centred: no intercept is needed
    target = Quadratic(A=x[:, :, None] * x[:, None, :] + l2 * np.eye(x.shape[1]), b=x * y[:, None])
    return target, x.shape[1], float((x**2).sum(axis=1).max()) + l2


def _breast_cancer(l2: float) -> tuple[Target, int, float]:
    features, labels = datasets.load_breast_cancer(return_X_y=True)
    x = _with_intercept(_standardized(np.asarray(features)))
    target = logistic_regression(x, labels, regularization=l2)
    return target, x.shape[1], target.smoothness


def _digits(l2: float) -> tuple[Target, int, float]:
    pixels, labels = datasets.load_digits(return_X_y=True)
    x = _with_intercept(np.asarray(pixels) / 16)
    target = softmax_regression(x, labels, num_classes=10, regularization=l2)
    return target, 10 * x.shape[1], target.smoothness


REGRESSIONS: dict[str, Callable[[float], tuple[Target, int, float]]] = {
    "diabetes": _diabetes,
    "breast-cancer": _breast_cancer,
    "digits": _digits,
}
"""The problems by name: from l2 to target, K and L."""

TITLES: dict[str, tuple[str, int]] = {
    "diabetes": ("ridge regression on the diabetes data", 442),
    "breast-cancer": ("logistic regression on the breast-cancer data", 569),
    "digits": ("multinomial logistic regression on the digits", 1797),
}
"""What each problem is in words, and its number N of components."""


def _standardized(columns: np.ndarray) -> np.ndarray:
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


def _with_intercept(features: np.ndarray) -> np.ndarray:
    return np.column_stack([features, np.ones(len(features))])
