"""Stochastic optimisation with momentum that can be lost.

The optimisers live in ``underdamped.torch`` and ``underdamped.optax``, the continuous-time process in
``underdamped.process``, the paper's experiments in ``underdamped.studies``. What is here imports no array library.
"""

from underdamped.coefficients import (
    HeavyBall,
    StepAndMass,
    StepCoefficients,
    heavy_ball_to_sgmp,
    mass_from_decay,
    semi_implicit_euler,
    sgmp_to_heavy_ball,
    stability_limit,
)
from underdamped.schedules import (
    Constant,
    CosineDecay,
    Decay,
    ExponentialDecay,
    ExponentialGrowth,
    GeometricDecay,
    LinearDecay,
    PowerDecay,
    PowerGrowth,
    Scaled,
    Schedule,
    never_increases,
)

__version__ = "0.1.0"

__all__ = [
    "Constant",
    "CosineDecay",
    "Decay",
    "ExponentialDecay",
    "ExponentialGrowth",
    "GeometricDecay",
    "HeavyBall",
    "LinearDecay",
    "PowerDecay",
    "PowerGrowth",
    "Scaled",
    "Schedule",
    "StepAndMass",
    "StepCoefficients",
    "heavy_ball_to_sgmp",
    "mass_from_decay",
    "never_increases",
    "semi_implicit_euler",
    "sgmp_to_heavy_ball",
    "stability_limit",
]
