"""The continuous-time process: simulate SGMP, SGP and the flows, exactly where it can be exact."""

try:
    import diffrax  # noqa: F401
    import equinox  # noqa: F401
except ImportError as error:
    message = f"underdamped.process needs {error.name}: pip install 'underdamped[jax]'"
    raise ImportError(message, name=error.name) from error

from underdamped.process.clocks import Bounded
from underdamped.process.switching import IndexProcess, MarkovSwitching, UniformSwitching
from underdamped.process.targets import ContinuousData, FiniteSum, Quadratic, Target

__all__ = [
    "Bounded",
    "ContinuousData",
    "FiniteSum",
    "IndexProcess",
    "MarkovSwitching",
    "Quadratic",
    "Target",
    "UniformSwitching",
]
