"""The landscapes whose global minimisers are known, made stochastic, each with its box of starts and its curvature."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import optimize

from underdamped import _checks
from underdamped.process.landscapes import Landscape, himmelblau, random_tilts, rastrigin, styblinski_tang

NUM_COMPONENTS = 20
HIMMELBLAU_TILT = (12.0, 8.0)  # makes the minimum near (-3.9, -3.4) the only global one, some 60 below the next


@dataclass(frozen=True)
class Problem:
    r"""A landscape and what an experiment on it needs to know.

    Attributes:
        name: for people.
        target: the mean of its components is the landscape; ``target.minimizers`` are the global ones.
        box: starts are uniform on $[-\text{box}, \text{box}]^K$.
        curvature: $L$, the largest eigenvalue of the mean's Hessian at 2000 points sampled from the box, by which steps
            are measured. Elsewhere in the box it may be larger.
        mean: the landscape itself, without the cost of a sum over the components.
    """

    name: str
    target: Landscape
    box: float
    curvature: float
    mean: Callable[[Array], Array]

    @property
    def dimension(self) -> int:
        """K."""
        return self.minimizers.shape[1]

    @property
    def minimizers(self) -> Array:
        """The global minimisers, (n, K)."""
        if self.target.minimizers is None:
            raise _checks.fail("target", "one with known minimisers", self.name, "a basin needs a bottom")
        return self.target.minimizers

    def starts(self, key: Array, runs: int) -> Array:
        """Starts of ``runs`` runs, (runs, K)."""
        return jax.random.uniform(key, (runs, self.dimension), minval=-self.box, maxval=self.box)


def tilted_himmelblau(noise: float = 200.0, num_components: int = NUM_COMPONENTS, seed: int = 0) -> Problem:
    """Himmelblau's function plus a slope, so that one of its four minima is the lowest, in two variables.

    Args:
        noise: standard deviation of the components' slopes.
        num_components: N.
        seed: of the slopes.

    Returns:
        The problem.

    Example:
        >>> tilted_himmelblau().minimizers.round(2).tolist()
        [[-3.9099998474121094, -3.4099998474121094]]
    """
    level = himmelblau(random_tilts(jax.random.key(seed), num_components, 2, noise))
    tilt = jnp.array(HIMMELBLAU_TILT)
    target = Landscape(level.component, level.data + tilt)
    assert level.minimizers is not None
    minima = [_polished(target, np.asarray(guess)) for guess in level.minimizers]
    lowest = min(minima, key=lambda q: float(target.potential(jnp.asarray(q))))
    return _problem("tilted Himmelblau", Landscape(target.component, target.data, [lowest]), 5.0, _mean_tilt(target))


def styblinski(dimension: int, noise: float = 60.0, num_components: int = NUM_COMPONENTS, seed: int = 0) -> Problem:
    """Styblinski and Tang's function in ``dimension`` variables: each has a deep and a shallow well.

    Example:
        >>> styblinski(2).name, round(styblinski(2).curvature)
        ('Styblinski–Tang, K=2', 134)
    """
    target = styblinski_tang(random_tilts(jax.random.key(seed), num_components, dimension, noise))
    return _problem(f"Styblinski–Tang, K={dimension}", target, 5.0, _mean_tilt(target))


def rastrigin_problem(
    dimension: int = 2, noise: float = 100.0, num_components: int = NUM_COMPONENTS, seed: int = 0
) -> Problem:
    """Rastrigin's function: a bowl with a minimum near every integer point.

    Example:
        >>> rastrigin_problem().minimizers.tolist()
        [[0.0, 0.0]]
    """
    target = rastrigin(random_tilts(jax.random.key(seed), num_components, dimension, noise))
    return _problem(f"Rastrigin, K={dimension}", target, 5.12, _mean_tilt(target))


def phase_retrieval(dimension: int = 6, num_components: int = 18, seed: int = 0) -> Problem:
    r"""A signal from the squares of its projections: $\phi_i(q) = \frac14\big((a_i^\top q)^2 - (a_i^\top s)^2\big)^2$.

    The $a_i$ are standard normal, the signal $s$ is the vector of ones. Both $s$ and $-s$ are global minimisers; with
    few measurements a coordinate there are others that are not. No tilt is added: the components disagree by
    themselves, except at $\pm s$, where the noise vanishes.

    Args:
        dimension: K.
        num_components: N, the measurements.
        seed: of the measurements.

    Returns:
        The problem.

    Example:
        >>> float(phase_retrieval().target.potential(jnp.ones(6)))
        0.0

    References:
        Sun, Qu and Wright, *A geometric analysis of phase retrieval* (Foundations of Computational Mathematics 2018).
    """
    rows = jax.random.normal(jax.random.key(seed), (num_components, dimension))
    signal = jnp.ones(dimension)

    def component(q: Array, datum: tuple[Array, Array]) -> Array:
        return 0.25 * ((datum[0] @ q) ** 2 - datum[1]) ** 2

    target = Landscape(component, (rows, (rows @ signal) ** 2), jnp.stack([signal, -signal]))
    return _problem(f"phase retrieval, K={dimension}, N={num_components}", target, 2.0, target.potential)


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "himmelblau": tilted_himmelblau,
    "styblinski-tang-2": lambda: styblinski(2),
    "styblinski-tang-5": lambda: styblinski(5),
    "styblinski-tang-10": lambda: styblinski(10),
    "rastrigin": rastrigin_problem,
    "phase-retrieval": phase_retrieval,
}
"""The problems by the names that configurations use."""


def _problem(name: str, target: Landscape, box: float, mean: Callable[[Array], Array]) -> Problem:
    assert target.minimizers is not None
    points = jax.random.uniform(jax.random.key(1), (2000, target.minimizers.shape[1]), minval=-box, maxval=box)
    hessian = jax.vmap(jax.hessian(mean))(points)
    return Problem(name, target, box, float(jnp.linalg.eigvalsh(hessian).max()), mean)


def _mean_tilt(target: Landscape) -> Callable[[Array], Array]:
    """The mean of components that differ by a slope alone."""
    tilt = target.data.mean(0)
    return lambda q: target.component(q, tilt)


def _polished(target: Landscape, guess: np.ndarray) -> np.ndarray:
    """The minimum next to ``guess``, in double precision."""
    with jax.enable_x64(True):
        found = optimize.minimize(
            lambda q: float(target.potential(jnp.asarray(q))),
            guess.astype(np.float64),
            jac=lambda q: np.asarray(target.gradient(jnp.asarray(q))),
            method="BFGS",
            options={"gtol": 1e-9},
        )
    return found.x
