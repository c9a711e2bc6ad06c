"""The continuous-time process: simulate SGMP, SGP and the flows, exactly where it can be exact."""

try:
    import diffrax  # noqa: F401
    import equinox  # noqa: F401
except ImportError as error:
    message = f"underdamped.process needs {error.name}: pip install 'underdamped[jax]'"
    raise ImportError(message, name=error.name) from error

from underdamped.process.clocks import Bounded
from underdamped.process.continuous import PureJump, ReflectedBrownianMotion
from underdamped.process.ensembles import Ensemble, simulate_coupled_ensemble, simulate_ensemble
from underdamped.process.euler import ExponentialEuler, ExponentialHeun, SemiImplicitEuler
from underdamped.process.exact import Exact
from underdamped.process.flows import Flow, System
from underdamped.process.moments import exact_moments
from underdamped.process.problem import Dynamics
from underdamped.process.reshuffling import Reshuffling
from underdamped.process.runge_kutta import Diffrax, RungeKutta4
from underdamped.process.simulate import Path, simulate, simulate_coupled
from underdamped.process.splitting import Splitting
from underdamped.process.stability import mean_square_abscissa, mean_square_stable, stationary_moments
from underdamped.process.statistics import Estimate, Probability, Quantiles
from underdamped.process.switching import IndexProcess, MarkovSwitching, UniformSwitching
from underdamped.process.targets import ContinuousData, FiniteSum, Quadratic, Target
from underdamped.process.ticks import switch_times

__all__ = [
    "Bounded",
    "ContinuousData",
    "Diffrax",
    "Dynamics",
    "Ensemble",
    "Estimate",
    "Exact",
    "ExponentialEuler",
    "ExponentialHeun",
    "FiniteSum",
    "Flow",
    "IndexProcess",
    "MarkovSwitching",
    "Path",
    "Probability",
    "PureJump",
    "Quadratic",
    "Quantiles",
    "ReflectedBrownianMotion",
    "Reshuffling",
    "RungeKutta4",
    "SemiImplicitEuler",
    "Splitting",
    "System",
    "Target",
    "UniformSwitching",
    "exact_moments",
    "mean_square_abscissa",
    "mean_square_stable",
    "simulate",
    "simulate_coupled",
    "simulate_coupled_ensemble",
    "simulate_ensemble",
    "stationary_moments",
    "switch_times",
]
