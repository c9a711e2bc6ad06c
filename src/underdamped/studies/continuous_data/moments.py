"""The mean square in the long run, exactly, where the index is redrawn with a fixed probability at each step."""

import math

import numpy as np
from numpy.polynomial import legendre

from underdamped import _checks
from underdamped.coefficients import semi_implicit_euler
from underdamped.studies.continuous_data.regression import DEGREE, Regression, uniform_nodes


def mean_square_growth(
    regression: Regression, *, step_size: float, mass: float, keep: float, nodes: int = 100
) -> float:
    r"""Factor of the mean square from one redraw of the index to the next, in the long run and without noise.

    Below 1 the scheme is mean-square stable. Each data point alone may be harmless, and switching between them not:
    what a heavy particle carries from one redraw meets another curvature after the next.

    The index stays with probability $\kappa$ = ``keep`` at each step and is redrawn otherwise; with the step
    $z' = F_y z$ of $z = (\theta - \theta^*, p)$ it is the spectral radius of
    $X \mapsto (1 - \kappa) \int \sum_{n \ge 0} \kappa^n F_y^{n+1} X (F_y^{n+1})^\top \pi(dy)$.

    Args:
        regression: its noise does not matter.
        step_size: $h > 0$.
        mass: $m \ge 0$.
        keep: $\kappa \in [0, 1)$; 0 is a fresh point each step, $e^{-\lambda h}$ a pure jump process of rate $\lambda$.
        nodes: of the Gauss-Legendre quadrature in $y$; everything is smooth.

    Returns:
        The factor; infinite if a data point alone would already be unstable until the redraw.

    Example:
        >>> plain = Regression(np.zeros(200))
        >>> mean_square_growth(plain, step_size=0.1, mass=0.0, keep=0.0) < 1
        True
    """
    F, _, probability = _steps(regression, step_size, mass, nodes)
    if keep * float(np.abs(np.linalg.eigvals(F)).max()) ** 2 >= 1:
        return math.inf
    both = _on_symmetric(F)
    return float(np.abs(np.linalg.eigvals(_renewal(both, _stay(both, keep), probability, keep))).max())


def stationary_error(
    regression: Regression, *, step_size: float, mass: float = 0.0, keep: float, nodes: int = 1000
) -> float:
    r"""Root mean square of $|\theta_n - \theta^*|/|\theta^*|$ in stationarity, for the explicit scheme.

    With $z' = F_y z + c_y$ the moments $m_y = E[z; y]$ and $X_y = E[z z^\top; y]$ are those after a step, mixed:

    $$m_y = \kappa\,(F_y m_y + c_y \pi_y) + (1-\kappa)\,\pi_y m, \qquad m = \int (F_y m_y + c_y \pi_y),$$
    $$X_y = \kappa\,(F_y X_y F_y^\top + Q_y) + (1-\kappa)\,\pi_y X, \qquad X = \int (F_y X_y F_y^\top + Q_y),$$

    $Q_y = F_y m_y c_y^\top + c_y m_y^\top F_y^\top + c_y c_y^\top \pi_y$: both linear at each $y$, and a linear system
    in $m$ or $X$ after integration.

    Args:
        regression: with one realisation of the noise.
        step_size: $h > 0$.
        mass: $m \ge 0$.
        keep: $\kappa \in [0, 1)$, as in `mean_square_growth`.
        nodes: of the Gauss-Legendre quadrature in $y$; a thousand resolve the noise.

    Returns:
        The error; infinite if the scheme is mean-square unstable.

    Example:
        >>> plain = Regression(np.zeros(200))
        >>> stationary_error(plain, step_size=0.1, keep=0.0, nodes=100) < 1e-2  # what is left is the misfit of degree 8
        True
    """
    _checks.fraction(keep, "keep", "an index that is never redrawn is not stationary")
    if mean_square_growth(regression, step_size=step_size, mass=mass, keep=keep) >= 1:
        return math.inf
    F, c, probability = _steps(regression, step_size, mass, nodes)
    pi = probability[:, None]
    means = _moments(F, pi * c, probability, keep)
    moved = (F @ means[:, :, None])[:, :, 0]
    i, j = np.triu_indices(F.shape[-1])
    source = moved[:, i] * c[:, j] + c[:, i] * moved[:, j] + pi * c[:, i] * c[:, j]
    squares = _moments(_on_symmetric(F), source, probability, keep).sum(0)
    return math.sqrt(squares[(i == j) & (i <= DEGREE)].sum()) / float(np.linalg.norm(regression.minimizer))


def _on_symmetric(F: np.ndarray) -> np.ndarray:
    """X -> F X F' on symmetric matrices, as vectors of their upper halves."""
    i, j = np.triu_indices(F.shape[-1])
    both = F[:, i[:, None], i] * F[:, j[:, None], j]
    return both + np.where(i == j, 0.0, F[:, i[:, None], j] * F[:, j[:, None], i])


def _stay(moves: np.ndarray, keep: float) -> np.ndarray:
    """Sum of (keep M_y)^n: the steps until the redraw."""
    return np.linalg.inv(np.eye(moves.shape[-1]) - keep * moves)


def _renewal(moves: np.ndarray, stay: np.ndarray, probability: np.ndarray, keep: float) -> np.ndarray:
    """From one redraw to the next, in the mean over what is drawn."""
    return (1 - keep) * np.einsum("y,yij->ij", probability, moves @ stay)


def _moments(moves: np.ndarray, source: np.ndarray, probability: np.ndarray, keep: float) -> np.ndarray:
    """The x_y with x_y = keep (M_y x_y + s_y) + (1 - keep) pi_y x, where x is the integral of M_y x_y + s_y."""
    stay = _stay(moves, keep)
    renewal = _renewal(moves, stay, probability, keep)
    whole = np.linalg.solve(np.eye(moves.shape[-1]) - renewal, np.einsum("yij,yj->i", stay, source))
    return np.einsum("yij,yj->yi", stay, keep * source + (1 - keep) * probability[:, None] * whole)


def _steps(
    regression: Regression, step_size: float, mass: float, nodes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """F_y and c_y at the nodes of the quadrature, and their probabilities; without velocity if there is no mass."""
    y, probability = uniform_nodes(nodes)
    features = legendre.legvander(y, DEGREE) * regression.weights
    hessian = features[:, :, None] * features[:, None, :] + regression.regularization * np.eye(DEGREE + 1)
    at_minimizer = hessian @ regression.minimizer - regression.observe(y)[:, None] * features
    at_minimizer -= probability @ at_minimizer  # the quadrature's own mean, which is 0 up to its error
    decay, gain = semi_implicit_euler(step_size, mass, 1.0)
    identity = np.broadcast_to(np.eye(DEGREE + 1), hessian.shape)
    if mass == 0:
        return identity - step_size * hessian, -step_size * at_minimizer, probability
    F = np.block([[identity - step_size * gain * hessian, step_size * decay * identity],
                  [-gain * hessian, decay * identity]])  # fmt: skip
    return F, -np.concatenate([step_size * gain * at_minimizer, gain * at_minimizer], axis=1), probability
