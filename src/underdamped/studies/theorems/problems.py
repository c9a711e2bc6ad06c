"""The two problems on which every theorem is measured: one solved exactly, one with real data."""

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from sklearn.datasets import load_breast_cancer

from underdamped.process import Exact, ExponentialHeun, Flow, Quadratic, Target
from underdamped.process.landscapes import logistic_regression

_NEWTON_STEPS = 50


@dataclass(frozen=True)
class Problem:
    r"""A strongly convex target with what theory has to know about it. Make it in double precision.

    Attributes:
        name: "quadratic" or "logistic".
        target: the mean of N components.
        num_components: N.
        min_curvature: $\mu > 0$ of *every* component.
        max_curvature: $L$ of *every* component.
        minimizer: $\theta^*$, (K,).
        start: $q_0$ of all experiments, (K,).
        flow: for constant masses: exact, or with a step well below its error's share of what is measured.
        moving_flow: for masses that change.
    """

    name: str
    target: Target
    num_components: int
    min_curvature: float
    max_curvature: float
    minimizer: Array
    start: Array
    flow: Flow
    moving_flow: Flow

    @property
    def distance(self) -> float:
        r"""$|q_0 - \theta^*|$."""
        return float(jnp.linalg.norm(self.start - self.minimizer))

    @cached_property
    def gradients_at_minimizer(self) -> np.ndarray:
        r"""$\nabla\Phi_i(\theta^*)$ of every component, (N, K): what subsampling adds, zero only on average."""
        one = jax.vmap(lambda i: self.target.gradient(self.minimizer, i[None]))
        return np.asarray(one(jnp.arange(self.num_components)))


def quadratic(step: float = 0.02) -> Problem:
    r"""Three quadratics in the plane with curvatures 1 and 3 along axes turned by 0°, 40° and 100°: no two commute.

    Their minimisers stand at the corners of an equilateral triangle. So subsampling changes both the pull and its
    shape, and the exact flow and moments give the truth.

    Args:
        step: of the flow for masses that change; constant ones need none.

    Returns:
        The problem: K = 2, N = 3, $\mu = 1$, $L = 3$.
    """
    angles = np.deg2rad([0.0, 40.0, 100.0])
    axes = np.stack([np.stack([np.cos(angles), np.sin(angles)]), np.stack([-np.sin(angles), np.cos(angles)])])
    A = np.einsum("a,adn,aen->nde", [1.0, 3.0], axes, axes)
    around = np.arange(3) * 2 * np.pi / 3
    corners = np.stack([np.cos(around), np.sin(around)], axis=1) + np.array([1.0, 0.5])
    target = Quadratic(A, np.einsum("nde,ne->nd", A, corners))
    return Problem(
        name="quadratic",
        target=target,
        num_components=3,
        min_curvature=1.0,
        max_curvature=3.0,
        minimizer=target.minimizer,
        start=target.minimizer + jnp.array([2.0, -1.0]),
        flow=Exact(),
        moving_flow=ExponentialHeun(step),
    )


def logistic(step: float = 0.02, regularization: float = 0.25) -> Problem:
    r"""Logistic regression on the breast cancer data of scikit-learn: 569 tumours, benign or malignant.

    The ten mean features, standardised and divided by $\sqrt{10}$ (so that the mean of $|x|^2$ is 1), and an
    intercept. The penalty $\lambda$ is $\mu$, exactly; it is heavy for a classifier (about 90 % of the
    tumours on the right side), so that the long run is short.

    Args:
        step: of the flows.
        regularization: $\lambda = \mu > 0$.

    Returns:
        The problem: K = 11, N = 569; the start is 0, $\theta^*$ found by Newton's method.
    """
    data = load_breast_cancer()
    raw = np.asarray(data.data)[:, :10]  # pyright: ignore[reportAttributeAccessIssue]  (a Bunch)
    labels = np.asarray(data.target)  # pyright: ignore[reportAttributeAccessIssue]
    scaled = (raw - raw.mean(0)) / raw.std(0) / np.sqrt(raw.shape[1])
    features = np.column_stack([scaled, np.ones(len(scaled))])
    target = logistic_regression(features, labels, regularization)
    flow = ExponentialHeun(step)
    return Problem(
        name="logistic",
        target=target,
        num_components=len(features),
        min_curvature=regularization,
        max_curvature=target.smoothness,
        minimizer=jnp.asarray(logistic_minimizer(features, 2.0 * labels - 1.0, regularization)),
        start=jnp.zeros(features.shape[1]),
        flow=flow,
        moving_flow=flow,
    )


PROBLEMS = {"quadratic": quadratic, "logistic": logistic}
"""Makers of the problems, by name."""


def logistic_minimizer(features: np.ndarray, signs: np.ndarray, weight: float) -> np.ndarray:
    """The minimiser of regularised logistic loss, to rounding: from 0 Newton's method needs a handful of steps.

    Args:
        features: x, (N, K).
        signs: of the classes, -1 or 1, (N,).
        weight: of half the squared norm, positive.

    Returns:
        The minimiser, (K,).
    """
    q = np.zeros(features.shape[1])
    for _ in range(_NEWTON_STEPS):
        wrong = 1 / (1 + np.exp(signs * (features @ q)))
        gradient = weight * q - features.T @ (signs * wrong) / len(signs)
        hessian = weight * np.eye(len(q)) + (features.T * (wrong * (1 - wrong))) @ features / len(signs)
        step = np.linalg.solve(hessian, gradient)
        q = q - step
        if np.linalg.norm(step) <= 1e-14 * max(1.0, float(np.linalg.norm(q))):
            return q
    raise ArithmeticError(f"Newton's method has not converged in {_NEWTON_STEPS} steps.")
