"""What the theorems say for given curvatures, mass, friction and schedules, in numbers that can be held against a run.

Nothing here simulates. Rates and bounds need no array library; the Lyapunov functions take arrays of any; estimating
curvatures imports NumPy and SciPy, and PyTorch or JAX, when called.
"""

from underdamped.theory.assumptions import Verdict, check_assumptions
from underdamped.theory.curvature import EigenvalueEstimate, ExtremeEigenvalues, extreme_eigenvalues, power_iteration
from underdamped.theory.decay import DecayRate, decay_rate
from underdamped.theory.hessians import HessianProduct, hessian_from_jax, hessian_from_torch
from underdamped.theory.lyapunov import ConstantMassLyapunov, DecreasingMassLyapunov, quasi_strong_convexity
from underdamped.theory.momentum_loss import mass_gap, mass_gap_limit, sgp_gradient_bound
from underdamped.theory.oscillator import best_mass, contraction_rate
from underdamped.theory.steps import contraction_factor, step_rule, worst_contraction_factor
from underdamped.theory.switching import CommonNorm, common_norm, ergodicity_threshold

__all__ = [
    "CommonNorm",
    "ConstantMassLyapunov",
    "DecayRate",
    "DecreasingMassLyapunov",
    "EigenvalueEstimate",
    "ExtremeEigenvalues",
    "HessianProduct",
    "Verdict",
    "best_mass",
    "check_assumptions",
    "common_norm",
    "contraction_factor",
    "contraction_rate",
    "decay_rate",
    "ergodicity_threshold",
    "extreme_eigenvalues",
    "hessian_from_jax",
    "hessian_from_torch",
    "mass_gap",
    "mass_gap_limit",
    "power_iteration",
    "quasi_strong_convexity",
    "sgp_gradient_bound",
    "step_rule",
    "worst_contraction_factor",
]
