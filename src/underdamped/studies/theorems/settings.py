"""What can be asked of the limits study: which theorems, on which problems, with ensembles of which size."""

from dataclasses import dataclass

PROBLEM_NAMES = ("quadratic", "logistic")


@dataclass(frozen=True)
class Config:
    """Measure the theorems, each on a quadratic and on logistic regression with real data."""

    experiments: tuple[str, ...] = ()
    """Which to measure; all if none is given: theorem5 theorem6 theorem15 lyapunov longrun spread
    instability corollary19."""
    problems: tuple[str, ...] = PROBLEM_NAMES
    """On what: quadratic (the truth is known exactly), logistic (breast cancer data)."""
    seed: int = 0
    """Of all randomness."""
    paths: int = 2000
    """Index paths on the quadratic."""
    logistic_paths: int = 500
    """Index paths on the logistic regression."""
    long_paths: int = 4000
    """Index paths of Corollary 19 on the quadratic."""
    logistic_long_paths: int = 2000
    """Index paths of Corollary 19 on the logistic regression."""
    coupled_paths: int = 500
    """Index paths of Theorem 18, each with two processes on it."""
    map_paths: int = 250
    """Index paths at each point of the map of random switching."""
    starts: int = 300
    """Starts for the Lyapunov functions on the quadratic."""
    logistic_starts: int = 60
    """Starts for the Lyapunov functions on the logistic regression."""
    grid: int = 11
    """Masses and rates, each, on maps."""
    choices: int = 6
    """How many choices of mass and rate Corollary 19 compares, from 1 (the paper's) to 6."""
    horizon: float = 100.0
    """End of the paths of Corollary 19; their number of switches grows like its square."""
    decays: float = 30.0
    """How far Theorem 15 goes: the mean of λτ at the last jump."""
    nu: tuple[float, ...] = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
    """Time scales of subsampling of Theorem 5, each in (0, 1]: the index is redrawn at the rate 1/nu."""
    masses: tuple[float, ...] = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5, 1e-6)
    """Masses of Theorem 6, each in (0, 1]."""

    def num_paths(self, problem: str) -> int:
        """Size of the ensembles on the problem of that name."""
        return self.paths if problem == "quadratic" else self.logistic_paths

    def num_long_paths(self, problem: str) -> int:
        """Size of the ensembles of Corollary 19 on the problem of that name."""
        return self.long_paths if problem == "quadratic" else self.logistic_long_paths


QUICK = Config(
    paths=200,
    logistic_paths=50,
    long_paths=200,
    logistic_long_paths=50,
    coupled_paths=50,
    map_paths=30,
    choices=3,
    starts=50,
    logistic_starts=30,
    decays=6.0,
    grid=5,
    horizon=40.0,
    nu=(1e-1, 1e-2, 1e-3),
    masses=(1e-1, 1e-2, 1e-3, 1e-5),
)
"""The defaults with ``--quick``: everything once; most intervals are too wide for a verdict then."""
