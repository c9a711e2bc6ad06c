r"""Theorem 15: dmSGMP, whose mass is lost on the way, ends on the path of the process that never had one."""

import math

import numpy as np
from jax import Array
from scipy.integrate import quad

from underdamped.process.distances import mean_interval
from underdamped.schedules import ExponentialDecay, PowerDecay
from underdamped.studies.theorems.jump_chain import distances_at_jumps
from underdamped.studies.theorems.problems import Problem
from underdamped.studies.theorems.rows import Row, curve, judged, row, unmet
from underdamped.studies.theorems.settings import Config
from underdamped.studies.theorems.slopes import slope
from underdamped.theory import check_assumptions, mass_gap, mass_gap_limit, quasi_strong_convexity, sgp_gradient_bound

Mass = ExponentialDecay | PowerDecay

RATE = 1.0
"""Redraws of the index in a unit of time."""

FOLDS = 9.0
r"""Most of $\lambda\tau_n$, on average, where the mass falls exponentially: by a factor $e^9$."""

EXPONENTIAL, SLOW = "m₀e^(−λt)", "m₀/(1+λt)"
TOLERANCE = 0.05


def theorem_15(problem: Problem, config: Config, key: Array) -> list[Row]:
    r"""$E|q_{\tau_n} - \theta_{\tau_n}|$ against $n$, at the jump times $\tau_n$ of each path's own index.

    $m(t) = m_0 e^{-\lambda t}$ and $m_0/(1+\lambda t)$ with the theorem's $\lambda = \min(\mu/4, 1/4)$, each
    with $m_0 = 1$ and with half of `theory.mass_gap_limit`, which stands where the theorem has its $m_0$. Theorem 15
    says "to 0"; `theory.mass_gap` says $|q_t - \theta_t| \le K m(t)$. So the distance is held against
    $E\,m(\tau_n)$, where $\tau_n$ is a Gamma variable: its slope there should be 1 once the start is forgotten.

    Args:
        problem: the target.
        config: the sizes of ensembles, and ``decays``, how far to go.
        key: JAX key.

    Returns:
        Distances and mean masses against $n$, slopes beside 1, and the largest $|q-\theta|/(Km)$ where $K$ is finite.
    """
    num_paths = config.num_paths(problem.name)
    mu, L = problem.min_curvature, problem.max_curvature
    convexity = quasi_strong_convexity(mu, weight=2.0)
    limit = mass_gap_limit(mu, L, decay_rate=convexity)
    masses = _masses(convexity, limit)
    rows = [row("", "limit of the initial mass", limit), row("", "decay rate", convexity)]
    for series, mass in masses.items():
        failed = [v for v in check_assumptions(mass, min_curvature=mu, max_curvature=L) if v.holds is False]
        rows += [unmet(verdict.assumption, verdict.words, series) for verdict in failed]
        if mass.initial >= limit:
            words = f"{series} starts above it, where the bound K m(t) is proved only once the mass has fallen below"
            rows.append(unmet(f"m₀ < {limit:.3g}", words, series))
    noise = float(np.linalg.norm(problem.gradients_at_minimizer, axis=1).max())
    G = sgp_gradient_bound(mu, L, noise, problem.distance)
    for kind, decays in ((ExponentialDecay, min(FOLDS, config.decays)), (PowerDecay, config.decays)):
        alike = {series: mass for series, mass in masses.items() if isinstance(mass, kind)}
        times, gaps = distances_at_jumps(
            problem.target,
            problem.num_components,
            list(alike.values()),
            start=problem.start,
            flow=problem.moving_flow,
            rate=RATE,
            num_jumps=math.ceil(decays / convexity * RATE),
            num_paths=num_paths,
            key=key,
        )
        for number, (series, mass) in enumerate(alike.items()):
            K = mass_gap(mass.initial, mu, L, G, decay_rate=convexity)
            rows += _compared(series, mass, times, gaps[:, :, number], K, config.seed)
    return rows


def _compared(series: str, mass: Mass, times: np.ndarray, distance: np.ndarray, K: float, seed: int) -> list[Row]:
    """Rows of one mass, from jump times and distances, (M, n)."""
    num_paths, num_jumps = distance.shape
    jumps = np.arange(1, num_jumps + 1)
    values, lows, highs = (np.array(column) for column in zip(*map(mean_interval, distance.T), strict=True))
    mean_mass = np.array([mean_mass_at_jump(mass, int(n)) for n in jumps])
    rows = curve(series, "distance", jumps, values, lows, highs, num_paths)
    rows += curve(series, "mean mass", jumps, mean_mass)
    late = slice(num_jumps // 3, None)
    measured = slope(mean_mass[late], distance.T[late], paired=True, seed=seed)
    what, accepted = "slope of E|q − θ| in E m(τₙ)", (1 - TOLERANCE, 1 + TOLERANCE)
    rows += judged(series, what, measured, 1.0, accepted, paths=num_paths)
    if math.isfinite(K):
        largest = float((distance / (K * np.asarray(mass(times)))).max())
        what = "largest |q − θ| / (K m) of all paths and jumps"
        rows += judged(series, what, largest, 1.0, (-math.inf, 1.0), paths=num_paths)
    return rows


def mean_mass_at_jump(mass: Mass, jump: int, rate: float = RATE) -> float:
    r"""$E\,m(\tau_n)$, exactly, for the $n$-th tick $\tau_n$ of a Poisson clock: a Gamma variable.

    $E e^{-s\tau_n} = (1 + s/\kappa)^{-n}$; and $1/(1+\lambda\tau) = \int_0^\infty e^{-s(1+\lambda\tau)}\,ds$.

    Args:
        mass: exponential, or $m_0/(1+\lambda t)$.
        jump: $n \ge 1$.
        rate: $\kappa$ of the clock.

    Returns:
        The mean.

    Example:
        >>> round(mean_mass_at_jump(ExponentialDecay(1.0, rate=1.0), jump=3), 12)
        0.125
    """
    if isinstance(mass, ExponentialDecay):
        return mass.initial * (1 + mass.rate / rate) ** -jump
    transform = quad(lambda s: math.exp(-s - jump * math.log1p(s * mass.rate / rate)), 0, math.inf)[0]
    return mass.initial * transform


def masses_of_theorem_15(problem: Problem) -> dict[str, Mass]:
    """What `theorem_15` compares, by name.

    Args:
        problem: sets how fast the mass may fall.

    Returns:
        Schedules of the mass.
    """
    mu, L = problem.min_curvature, problem.max_curvature
    convexity = quasi_strong_convexity(mu, weight=2.0)
    return _masses(convexity, mass_gap_limit(mu, L, decay_rate=convexity))


def _masses(rate: float, limit: float) -> dict[str, Mass]:
    masses: dict[str, Mass] = {}
    for name, initial in (("m₀ = 1", 1.0), ("m₀ half its limit", limit / 2)):
        masses[f"{name}: {EXPONENTIAL}"] = ExponentialDecay(initial, rate)
        masses[f"{name}: {SLOW}"] = PowerDecay(initial, rate)
    return masses
