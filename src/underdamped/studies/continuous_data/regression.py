"""The problem: noisy observations of a sine on an interval, fitted by polynomials."""

from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.polynomial import legendre

NUM_NOISE_TERMS = 200
DEGREE = 8
LOW, HIGH = -1.0, 1.0

_CELLS = 2**15  # 82 to a period of the fastest noise term: linear interpolation errs by about 1e-5 at most
_NODES = 2000


@dataclass(frozen=True)
class Regression:
    r"""Minimise $\int f(\theta, y)\,\pi(dy)$, $\pi$ uniform on $[-1, 1]$, over coefficients of polynomials.

    $f(\theta, y) = \frac12 (g(y) - \sum_{k \le 8} \theta_k \ell_k(y))^2 + \frac\epsilon2 |\theta|^2$ with
    $g = \Theta + \sum_{j \le 200} \frac{10}{1000 + (\pi j)^{3/2}} \sin(2\pi j (y - \frac12))\,\Xi_j$ and
    $\Theta(y) = \sin(\pi y)$.

    Attributes:
        noise: $\Xi$, (200,), or (runs, 200) for data of its own in each run.
        orthonormal: whether $\int_{-1}^1 \ell_k^2 = 1$; else they are the plain Legendre polynomials, $\ell_k(1) = 1$.
        regularization: $\epsilon \ge 0$.

    Example:
        >>> plain = Regression(np.zeros(200), regularization=0.0)
        >>> bool(abs(plain.minimizer[1] - 3 / np.pi) < 1e-12)  # the first coefficient of the sine
        True

    References:
        Jin, Latz, Liu and Schönlieb (JMLR 24(274), 2023), the regression with functional data.
    """

    noise: np.ndarray
    orthonormal: bool = False
    regularization: float = 1e-4

    @property
    def weights(self) -> np.ndarray:
        r"""What each Legendre polynomial is multiplied by, (9,)."""
        return np.sqrt(np.arange(DEGREE + 1) + 0.5) if self.orthonormal else np.ones(DEGREE + 1)

    def observe(self, y: np.ndarray) -> np.ndarray:
        """The data $g$ at the points ``y`` (P,): (P,), or (runs, P)."""
        return np.sin(np.pi * y) + self.noise @ noise_terms(y)

    @cached_property
    def table(self) -> Array:
        """The data at the ends of equal cells of the interval, for `observe_in`: (cells + 1,), or (runs, cells + 1)."""
        return jnp.asarray(self.observe(np.linspace(LOW, HIGH, _CELLS + 1)), float)

    @cached_property
    def minimizer(self) -> np.ndarray:
        r"""$\theta^*$, (9,) or (runs, 9), by Gauss-Legendre quadrature."""
        y, probability = uniform_nodes(_NODES)
        features = legendre.legvander(y, DEGREE) * self.weights
        hessian = features.T @ (probability[:, None] * features) + self.regularization * np.eye(DEGREE + 1)
        return np.linalg.solve(hessian, features.T @ (probability * self.observe(y)).T).T


def draw_noise(seed: int, runs: int | None = None) -> np.ndarray:
    r"""Standard normal $\Xi$, (200,), or (runs, 200)."""
    return np.random.default_rng(seed).standard_normal(NUM_NOISE_TERMS if runs is None else (runs, NUM_NOISE_TERMS))


def noise_terms(y: np.ndarray) -> np.ndarray:
    r"""$\frac{10}{1000 + (\pi j)^{3/2}} \sin(2\pi j (y - \frac12))$ for $j \le 200$, (200, P)."""
    j = np.arange(1, NUM_NOISE_TERMS + 1)[:, None]
    return 10 / (1000 + (np.pi * j) ** 1.5) * np.sin(2 * np.pi * j * (y - 0.5))


def uniform_nodes(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and probabilities of Gauss-Legendre quadrature for the uniform law."""
    y, weights = legendre.leggauss(number)
    return y, weights / (HIGH - LOW)


def features_at(y: Array, weights: Array) -> Array:
    r"""$(\ell_0(y), \dots, \ell_8(y))$ at one point, (9,), by the three-term recurrence."""
    values = [jnp.ones_like(y), y]
    for k in range(2, DEGREE + 1):
        values.append(((2 * k - 1) * y * values[-1] - (k - 1) * values[-2]) / k)
    return jnp.stack(values) * weights


def observe_in(table: Array, y: Array) -> Array:
    """The data at one point, from its table."""
    place = (y - LOW) * (_CELLS / (HIGH - LOW))
    cell = jnp.clip(place.astype(jnp.int32), 0, _CELLS - 1)
    share = place - cell
    return (1 - share) * table[cell] + share * table[cell + 1]
