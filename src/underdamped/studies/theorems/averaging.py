r"""What fast switching leaves: noise that is nearly white, and a spread inversely proportional to the rate."""

import jax
import numpy as np
import scipy.linalg

from underdamped.studies.theorems.problems import Problem


def averaged_spread(problem: Problem) -> float:
    r"""The limit of $\kappa\, E|q - \theta^*|^2$ as the rate $\kappa \to \infty$, at any mass and friction 1.

    The gradient at $\theta^*$ is noise of covariance $\Sigma = \frac1N \sum_i \nabla\Phi_i \nabla\Phi_i^\top$ and
    autocorrelation $e^{-\kappa|t|}$: white in the limit, of intensity $2\Sigma/\kappa$. Linearised there, with $H$ the
    Hessian of $\Phi$, the overdamped and the underdamped flow have the same covariance of positions $C$,

    $$H C + C H = 2\Sigma/\kappa .$$

    It is an approximation of first order in $1/\kappa$, derived here and not in the paper.

    Args:
        problem: with its minimiser.

    Returns:
        $\kappa \operatorname{tr} C$.

    Example:
        >>> from underdamped.studies.theorems.problems import quadratic
        >>> with jax.enable_x64(True):
        ...     round(averaged_spread(quadratic()), 6) > 0
        True
    """
    gradients = problem.gradients_at_minimizer
    sigma = gradients.T @ gradients / len(gradients)
    hessian = np.asarray(jax.jacfwd(problem.target.gradient)(problem.minimizer))
    return float(np.trace(scipy.linalg.solve_continuous_lyapunov(hessian, 2 * sigma)))
