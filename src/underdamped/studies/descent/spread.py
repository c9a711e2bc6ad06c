"""Where constant steps settle: the stationary spread on quadratics, exactly, to leading order, and measured."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped import _checks, semi_implicit_euler
from underdamped.process import Quadratic


class Noise(NamedTuple):
    r"""What batches without replacement do to the gradient of quadratic components.

    Attributes:
        matrices: $A_i$, (N, K, K).
        mean: $\bar A$, (K, K).
        residuals: $r_i = \nabla\Phi_i(\theta^*)$, (N, K), of mean zero.
        thinning: $f = \frac{N-\ell}{\ell (N-1)}$: the covariance of a batch mean is f times that of one component.
    """

    matrices: np.ndarray
    mean: np.ndarray
    residuals: np.ndarray
    thinning: float

    @property
    def covariance(self) -> np.ndarray:
        r"""$\Sigma$, of the batch's gradient at the minimiser."""
        return self.thinning * self.residuals.T @ self.residuals / len(self.residuals)


def batch_noise(target: Quadratic, minimizer: np.ndarray, batch_size: int) -> Noise:
    r"""The noise of batches of a given size.

    Args:
        target: quadratic components.
        minimizer: $\theta^*$, (K,).
        batch_size: $\ell$, from 1 to N.

    Returns:
        The noise.
    """
    N = target.num_components
    _checks.count(batch_size, "batch_size", "it is drawn without replacement", most=N)
    matrices, b = np.asarray(target.A, np.float64), np.asarray(target.b, np.float64)
    residuals = matrices @ minimizer - b
    thinning = (N - batch_size) / (batch_size * (N - 1)) if N > 1 else 0.0
    return Noise(matrices, matrices.mean(axis=0), residuals, thinning)


def exact_spread(noise: Noise, step_size: float, mass: float, friction: float = 1.0) -> float:
    r"""$\mathbb{E}|q - \theta^*|^2$ in the stationary law of the scheme with constant coefficients.

    With $e = q - \theta^*$ a step is linear, $p' = d\,p - g\,(\hat A e + \hat r)$, $e' = e + h p'$, with a fresh batch
    every time. So the second moments $X$ of $(e, p)$ obey a linear equation,

    $$X = \bar M X \bar M^\top + f\,U \Bigl( \tfrac1N \sum_i (A_i - \bar A) X_{ee} (A_i - \bar A) + r_i r_i^\top \Bigr)
      U^\top, \qquad U = -g \begin{pmatrix} h I \\ I \end{pmatrix},$$

    which is solved as it stands: no small step, no diffusion limit.

    Args:
        noise: of the batches.
        step_size: $h > 0$.
        mass: $m \ge 0$.
        friction: $\alpha > 0$.

    Returns:
        The spread; infinity if second moments grow without bound.

    Example:
        >>> noise = Noise(np.ones((2, 1, 1)), np.ones((1, 1)), np.array([[1.0], [-1.0]]), thinning=1.0)
        >>> round(exact_spread(noise, step_size=0.5, mass=0.0), 12)  # h / (2 - h)
        0.333333333333

    References:
        Derived here; the scheme is (36) and (40) in Jin, Latz, Liu and Scagliotti (JMLR 2025).
    """
    K = len(noise.mean)
    decay, gain = semi_implicit_euler(step_size, mass, friction)
    eye = np.eye(K)
    entry = -gain * np.vstack([step_size * eye, eye])
    mean = np.block([[eye, step_size * decay * eye], [np.zeros((K, K)), decay * eye]])
    mean[:, :K] += entry @ noise.mean
    deviations = (noise.matrices - noise.mean).reshape(len(noise.matrices), K * K)
    # kron(D, D) averaged over components, from the second moments of the entries of D: (K², K²) either way.
    entries = (deviations.T @ deviations / len(deviations)).reshape(K, K, K, K)
    pairs = entries.transpose(0, 2, 1, 3).reshape(K * K, K * K)
    look = np.hstack([eye, np.zeros((K, K))])
    move = np.kron(mean, mean) + noise.thinning * np.kron(entry, entry) @ pairs @ np.kron(look, look)
    source = entry @ noise.covariance @ entry.T
    try:
        solved = np.linalg.solve(np.eye(4 * K * K) - move, np.column_stack([source.ravel(), np.eye(2 * K).ravel()]))
    except np.linalg.LinAlgError:
        return float("inf")
    moments, witness = (column.reshape(2 * K, 2 * K) for column in solved.T)
    # The map X -> E[M X Mᵀ] keeps definite matrices definite, so it is a contraction exactly if the solution with the
    # identity as source is positive definite (Stein); a spectral radius would cost forty times the solve.
    if np.linalg.eigvalsh((witness + witness.T) / 2)[0] <= 0:
        return float("inf")
    return float(np.trace(moments[:K, :K]))


def leading_spread(noise: Noise, step_size: float, friction: float = 1.0) -> float:
    r"""The spread to first order in the step, $\frac{h}{2\alpha} \operatorname{tr}(\bar A^{-1} \Sigma)$.

    The mass does not occur: it changes how fast the noise is forgotten and how fast it enters alike. (For any mass if
    $\bar A$ and $\Sigma$ commute, for mass 0 always.)

    Args:
        noise: of the batches.
        step_size: $h > 0$.
        friction: $\alpha > 0$.

    Returns:
        The spread.

    Example:
        >>> noise = Noise(np.ones((2, 1, 1)), np.ones((1, 1)), np.array([[1.0], [-1.0]]), thinning=1.0)
        >>> leading_spread(noise, step_size=0.5)
        0.25

    References:
        Derived here. For SGD: Mandt, Hoffman and Blei, *Stochastic gradient descent as approximate Bayesian inference*
        (JMLR 2017).
    """
    return step_size / (2 * friction) * float(np.trace(np.linalg.solve(noise.mean, noise.covariance)))


def measured_spread(
    target: Quadratic,
    minimizer: np.ndarray,
    step_sizes: Sequence[float],
    masses: Sequence[float],
    batches: np.ndarray,
    burn_in: int,
) -> np.ndarray:
    r"""Time averages of $|q_n - \theta^*|^2$ after ``burn_in`` steps, of the scheme with friction 1.

    Args:
        target: quadratic components.
        minimizer: $\theta^*$, where all runs start.
        step_sizes: $h$ of each setting.
        masses: $m$ of each setting.
        batches: component numbers (T, S, batch size): each of S chains sees its own, the same in all settings.
        burn_in: steps that are not counted, < T.

    Returns:
        One average for each setting and chain, (G, S).
    """
    h, m = jnp.asarray(step_sizes, float)[:, None, None], jnp.asarray(masses, float)[:, None, None]
    found = _time_average(target, jnp.asarray(minimizer), h, m, jnp.asarray(batches, jnp.int32), burn_in)
    return np.asarray(found)


@jax.jit
def _time_average(target: Quadratic, minimizer: Array, h: Array, m: Array, batches: Array, burn_in: int) -> Array:
    decay, gain = semi_implicit_euler(h, m, 1.0)
    slope = jax.vmap(jax.vmap(target.gradient), in_axes=(0, None))  # settings (outer), chains with their own batches

    def step(count: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        position, velocity, total = state
        velocity = decay * velocity - gain * slope(position, batches[count])
        position = position + h * velocity
        counted = jnp.where(count >= burn_in, 1.0, 0.0)
        return position, velocity, total + counted * jnp.sum((position - minimizer) ** 2, axis=-1)

    shape = (h.shape[0], batches.shape[1], minimizer.shape[0])
    start = jnp.broadcast_to(minimizer, shape), jnp.zeros(shape), jnp.zeros(shape[:2])
    _, _, total = jax.lax.fori_loop(0, batches.shape[0], step, start)
    return total / (batches.shape[0] - burn_in)
