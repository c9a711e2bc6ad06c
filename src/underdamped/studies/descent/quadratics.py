"""The random quadratic problems of Fig. 5, and all its methods run on one of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, get_lapack_funcs

from underdamped import semi_implicit_euler, stability_limit
from underdamped.schedules import Schedule
from underdamped.studies.descent.batches import draw_batches
from underdamped.theory import step_rule


@dataclass(frozen=True)
class Shape:
    r"""Law of the random problems, $\nabla\Phi_i(x) = A_i x + b_i$.

    Attributes:
        dimension: K.
        num_components: N.
        lowest: least possible eigenvalue of $A_i$, $> 0$.
        highest: greatest possible eigenvalue of $A_i$; the $L$ of the step rule.
        offset: standard deviation of an entry of $b_i$.
        start: standard deviation of an entry of $x_0$.
    """

    dimension: int = 500
    num_components: int = 100
    lowest: float = 0.05
    highest: float = 15.0
    offset: float = 2.0
    start: float = 10.0


@dataclass(frozen=True)
class Scheme:
    r"""One method of the figure.

    Attributes:
        name: in the paper's words.
        mass: $m_n$, a schedule of the step count; 0 is SGD.
        friction: $\alpha$.
    """

    name: str
    mass: Schedule
    friction: float


@dataclass(frozen=True)
class Problem:
    r"""One random problem.

    The matrices are stored in single precision, which halves the memory traffic that every step consists of. They
    *are* the problem: the minimiser is that of the stored matrices, found in double precision.

    Attributes:
        matrices: $A_i$, (N, K, K), float32.
        offsets: $b_i$, (N, K).
        start: $x_0$, (K,).
        minimizer: $\theta^*$, (K,).
    """

    matrices: np.ndarray
    offsets: np.ndarray
    start: np.ndarray
    minimizer: np.ndarray


def random_problem(shape: Shape, generator: np.random.Generator) -> Problem:
    r"""Draw a problem: eigenvalues uniform, eigenvectors uniform on the orthogonal group, $b_i$ and $x_0$ normal.

    Args:
        shape: the law.
        generator: where randomness comes from.

    Returns:
        The problem.
    """
    N, K = shape.num_components, shape.dimension
    matrices = np.empty((N, K, K), np.float32)
    for matrix in matrices:
        eigenvectors = random_orthogonal(generator, K)
        scaled = eigenvectors * generator.uniform(shape.lowest, shape.highest, K).astype(np.float32)
        np.matmul(scaled, eigenvectors.T, out=matrix)
    offsets = shape.offset * generator.standard_normal((N, K))
    start = shape.start * generator.standard_normal(K)
    total = matrices.sum(axis=0, dtype=np.float64)
    minimizer = cho_solve(cho_factor((total + total.T) / 2), -offsets.sum(axis=0))
    return Problem(matrices, offsets, start, minimizer)


def random_orthogonal(generator: np.random.Generator, dimension: int) -> np.ndarray:
    r"""An orthogonal matrix, Haar-distributed up to the signs of its columns, which $H \Lambda H^\top$ does not see.

    The factor Q of a Gaussian matrix, in single precision.

    Args:
        generator: where randomness comes from.
        dimension: K.

    Returns:
        H, (K, K), float32.

    Example:
        >>> H = random_orthogonal(np.random.default_rng(0), dimension=3)
        >>> bool(np.allclose(H @ H.T, np.eye(3), atol=1e-6))
        True

    References:
        Mezzadri, *How to generate random matrices from the classical compact groups* (Notices AMS 2007).
    """
    gaussian = np.asfortranarray(generator.standard_normal((dimension, dimension), dtype=np.float32))
    # As scipy.linalg.qr does it, but in place and without asking for workspace each time: a third of the time.
    factorize, form = get_lapack_funcs(("geqrf", "orgqr"), dtype=np.float32)
    reflections, factors, _, _ = factorize(gaussian, lwork=64 * dimension, overwrite_a=True)
    orthogonal, _, _ = form(reflections, factors, lwork=64 * dimension, overwrite_a=True)
    return orthogonal


def step_sizes(friction: float, highest: float, num_steps: int, factor: float = 1.0) -> np.ndarray:
    r"""Steps $h_n = \text{factor} \cdot \frac{\alpha/L}{n+1}$ from the plotted index n to n + 1, n = 0, 1, …."""
    return factor * step_rule(highest, friction) / (1.0 + np.arange(num_steps))


def unstable_steps(scheme: Scheme, highest: float, num_steps: int, factor: float = 1.0) -> int:
    """How many of the steps are beyond the stability limit of the stiffest possible component."""
    steps = step_sizes(scheme.friction, highest, num_steps, factor)
    limits = [stability_limit(highest, float(scheme.mass(n)), scheme.friction) for n in range(num_steps)]
    return int((steps >= limits).sum())


def distances(
    problem: Problem,
    schemes: Sequence[Scheme],
    generator: np.random.Generator,
    *,
    num_steps: int,
    batch_size: int,
    highest: float,
    factor: float = 1.0,
) -> np.ndarray:
    r"""Run all schemes on the same batches: $|q_n - \theta^*|$ for n = 0, …, ``num_steps``.

    Every matrix of a batch is read once a step, for all schemes together: the cost is that of memory, not of methods.
    States are double, the products with the matrices single precision.

    Args:
        problem: the problem.
        schemes: the methods.
        generator: draws the batches.
        num_steps: steps.
        batch_size: $\ell$.
        highest: $L$ of the step rule.
        factor: multiplies the step rule; from 2 on first steps of SGD are unstable.

    Returns:
        (num_steps + 1, number of schemes); infinite or NaN from where a scheme left the range of numbers.
    """
    batches = draw_batches(generator, len(problem.matrices), batch_size, (num_steps,))
    steps = np.stack([step_sizes(s.friction, highest, num_steps, factor) for s in schemes], axis=1)
    masses = np.array([[float(scheme.mass(n)) for scheme in schemes] for n in range(num_steps)])
    frictions = np.array([scheme.friction for scheme in schemes])
    decays, gains = semi_implicit_euler(steps, masses, frictions)
    position = np.tile(problem.start, (len(schemes), 1))
    velocity = np.zeros_like(position)
    found = np.empty((num_steps + 1, len(schemes)))
    found[0] = np.linalg.norm(position - problem.minimizer, axis=1)
    with np.errstate(over="ignore", invalid="ignore"):  # what diverges is to be seen, not to stop the others
        for n, batch in enumerate(batches):
            single = position.astype(np.float32)
            gradient = np.tile(problem.offsets[batch].mean(axis=0), (len(schemes), 1))
            for i in batch:
                gradient += (single @ problem.matrices[i]) / np.float32(batch_size)  # symmetric: rows are products
            velocity = decays[n, :, None] * velocity - gains[n, :, None] * gradient
            position += steps[n, :, None] * velocity
            found[n + 1] = np.linalg.norm(position - problem.minimizer, axis=1)
    return found
