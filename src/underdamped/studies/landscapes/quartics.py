r"""Fig. 6: a sum of quartics with many minima, minimised by SGD and SGMP that are fed the same batches.

Printed is $\Phi_i(x) = -\frac N2 x^\top A_i x + N b_i^\top x + \frac14 \sum_j x_j^4$. Divided by $N$ and written in
$q = x/\sqrt N$, its gradient flow is, term by term and for every mass and friction, that of

$$\phi_i(q) = -\tfrac12 q^\top A_i q + N^{-1/2} b_i^\top q + \tfrac14 \sum_j q_j^4 ,$$

which is what is minimised here: the minima lie near $q_j = \pm\sqrt{7.5}$, whatever $N$, and $\phi = \Phi/N^2$. (By
Remark 21, another factor in front is another step and another mass.)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from underdamped import GeometricDecay, Schedule, semi_implicit_euler
from underdamped.studies.landscapes.rows import Row, average

FRICTION = 0.2
MASSES = (1.0, 0.5, 0.25)
RATIO = 0.995  # of the masses of two steps, where they fall
BATCH = 5
EIGENVALUES = (0.05, 15.0)
CURVATURES = (15.0, 45.0)
r"""$L$ for rule (38), twice. The mean of the $A_i$ is close to $a = 7.5$ times the identity, so the minima lie near
$q_j^2 = a$, with curvature $3a - a = 15$ there: the $L$ of Fig. 5 too. Further out it is steeper: without friction a
particle at rest near 0 comes to rest again at $q_j^2 = 2a$, and $3 q_j^2 = 45$ bounds the curvature up to there.
The step is not printed; one of these two is meant by "the rule", and the outcome depends on which."""


@dataclass(frozen=True)
class Quartics:
    """One random problem.

    Attributes:
        A: symmetric, (N, K, K).
        b: with its factor N^(-1/2), (N, K).
    """

    A: np.ndarray
    b: np.ndarray

    def gradient(self, positions: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """Mean gradient over the components ``batch`` at positions (K, S), one column a series."""
        pull = sum(self.A[i] @ positions for i in batch) / len(batch)
        return positions**3 - pull + self.b[batch].mean(0)[:, None]


@dataclass(frozen=True)
class Series:
    r"""One method: SGMP with a step, a mass and a friction; SGD is SGMP at mass 0.

    Attributes:
        name: in legends.
        mass: a schedule of the step count.
        step_size: $h$.
        friction: $\alpha$.
    """

    name: str
    mass: Schedule
    step_size: float
    friction: float


def random_quartics(rng: np.random.Generator, dimension: int, num_components: int) -> Quartics:
    """Uniform eigenvalues, uniformly distributed orthogonal eigenvectors, normal tilts, as for Fig. 5.

    Example:
        >>> problem = random_quartics(np.random.default_rng(0), dimension=4, num_components=2)
        >>> problem.A.shape, problem.b.shape
        ((2, 4, 4), (2, 4))
    """
    A = np.empty((num_components, dimension, dimension), np.float32)
    for i in range(num_components):
        normal = rng.standard_normal((dimension, dimension), dtype=np.float32)
        Q, R = np.linalg.qr(normal)
        Q *= np.sign(np.diag(R))  # without the signs the law of Q would depend on the library's convention
        scaled = Q * rng.uniform(*EIGENVALUES, dimension).astype(np.float32)
        A[i] = scaled @ Q.T
    b = rng.normal(0.0, 2.0, (num_components, dimension)) / num_components**0.5
    return Quartics(A, b.astype(np.float32))


def figure_6_series(smoothness: float) -> list[Series]:
    r"""SGD with the step of SGMP, SGD with its effective learning rate, and SGMP with each mass, constant and falling.

    Args:
        smoothness: $L$ of rule (38), $h = \alpha/L$.

    Returns:
        The methods.

    Example:
        >>> [series.name for series in figure_6_series(15.0)][:3]
        ['SGD η=h/α', 'SGD η=h', 'SGMP m=1']
    """
    h = FRICTION / smoothness
    none = GeometricDecay(0.0, 1.0)
    return [
        Series("SGD η=h/α", none, h / FRICTION, 1.0),
        Series("SGD η=h", none, h, 1.0),
        *(Series(f"SGMP m={mass:g}", GeometricDecay(mass, 1.0), h, FRICTION) for mass in MASSES),
        *(Series(f"SGMP m={mass:g}·{RATIO}ᵏ", GeometricDecay(mass, RATIO), h, FRICTION) for mass in MASSES),
    ]


def descend(
    problem: Quartics, series: Sequence[Series], rng: np.random.Generator, iterations: int, observe_every: int
) -> tuple[np.ndarray, np.ndarray]:
    """All series on one problem from one standard normal start, fed the same batches, so each is read but once.

    Args:
        problem: the problem.
        series: S methods.
        rng: for the start and the batches.
        iterations: steps.
        observe_every: steps between two observations, the first before any step.

    Returns:
        Objective at the observations, (T, S), and the largest coordinate that each series has visited, (S,).
    """
    N, K = problem.b.shape
    position = np.repeat(rng.standard_normal((K, 1), dtype=np.float32), len(series), axis=1)
    velocity, reach = np.zeros_like(position), np.zeros(len(series))
    mean_A, mean_b = problem.A.mean(0), problem.b.mean(0)
    h = np.array([one.step_size for one in series], np.float32)
    friction = np.array([one.friction for one in series], np.float32)

    def objective() -> np.ndarray:
        potential = 0.25 * (position**4).sum(0) - 0.5 * (position * (mean_A @ position)).sum(0) + mean_b @ position
        return potential / K

    observed = [objective()]
    for k in range(iterations):
        mass = np.array([one.mass(k) for one in series], np.float32)
        decay, gain = semi_implicit_euler(h, mass, friction)
        batch = rng.choice(N, BATCH, replace=False)
        velocity = decay * velocity - gain * problem.gradient(position, batch)
        position = position + h * velocity
        reach = np.maximum(reach, np.abs(position).max(0))
        if (k + 1) % observe_every == 0:
            observed.append(objective())
    return np.array(observed), reach


def figure_6(
    *,
    runs: int,
    dimension: int,
    num_components: int,
    iterations: int,
    seed: int,
    progress: Callable[[int], None],
    num_observations: int = 100,
) -> list[Row]:
    """Fig. 6: the mean objective per coordinate over independent problems, each with its own start and batches.

    Args:
        runs: random problems, one run of every series on each.
        dimension: K.
        num_components: N.
        iterations: steps.
        seed: of all randomness.
        progress: is told after each run how many are done.
        num_observations: of the objective along a run.

    Returns:
        Rows, for each of ``CURVATURES``: the objective of each series against the iteration; early and late the mean
        of its differences to the other series on the same problem; the largest coordinate visited.
    """
    groups = [(f"Fig. 6, h=α/{smoothness:g}", figure_6_series(smoothness)) for smoothness in CURVATURES]
    every = max(1, iterations // num_observations)
    observed, reached = [], []
    for number, child in enumerate(np.random.SeedSequence(seed).spawn(runs)):
        rng = np.random.default_rng(child)
        problem = random_quartics(rng, dimension, num_components)
        objective, reach = descend(problem, [one for _, group in groups for one in group], rng, iterations, every)
        observed.append(objective)
        reached.append(reach)
        progress(number + 1)
    values, reaches = np.array(observed), np.array(reached)
    steps = every * np.arange(values.shape[1])
    rows: list[Row] = []
    first = 0
    for experiment, group in groups:
        columns = range(first, first := first + len(group))
        for one, s in zip(group, columns, strict=True):
            rows += [
                average(experiment, one.name, "objective", values[:, t, s], x=float(step))
                for t, step in enumerate(steps)
            ]
            rows.append(average(experiment, one.name, "largest coordinate", reaches[:, s]))
            rows += [
                average(experiment, one.name, "difference", values[:, t, s] - values[:, t, o], x=float(steps[t]),
                        note=other.name)
                for t in _early_and_late(steps) for other, o in zip(group, columns, strict=True) if o != s
            ]  # fmt: skip
    return rows


def _early_and_late(steps: np.ndarray) -> list[int]:
    """Observations next to iterations 25 and 500, as far as the runs go: where masses and noise decide."""
    return sorted({int(np.abs(steps - wanted).argmin()) for wanted in (25, 500)})
