"""The phi functions of exponential integrators, for decay, without cancellation from 0 to infinity."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array


class Phi(NamedTuple):
    r"""At $x \ge 0$: $e^{-x}$, $\varphi_1$, and the bounded $x\varphi_1$, $x\varphi_2$, $x\varphi_3$, all at $-x$.

    $\varphi_0(-x) = e^{-x}$ and $\varphi_k(-x) = 1/k! - x\varphi_{k+1}(-x)$. The products are what an integrator of
    decay $x = \alpha h/m$ needs; at mass 0, $x = \infty$, they are 1, 1 and 1/2.
    """

    decay: Array
    phi1: Array
    x_phi1: Array
    x_phi2: Array
    x_phi3: Array


def phi(x: Array) -> Phi:
    r"""Phi functions at $-x$: below 1 by Taylor's series and the recursion downward, above 1 upward from $e^{-x}$."""
    small = jnp.minimum(x, 1)
    terms = 16 if x.dtype == jnp.float64 else 8
    phi3 = jnp.zeros_like(x)
    for k in reversed(range(terms)):  # Horner of sum_k (-x)^k / (k+3)!
        phi3 = 1 / math.factorial(k + 3) - small * phi3
    phi2 = 0.5 - small * phi3
    phi1 = 1 - small * phi2
    below = Phi(1 - small * phi1, phi1, small * phi1, small * phi2, small * phi3)
    large = jnp.maximum(x, 1)
    decay = jnp.exp(-large)
    phi1 = (1 - decay) / large
    above = Phi(decay, phi1, 1 - decay, 1 - phi1, 0.5 - (1 - phi1) / large)
    return Phi(*(jnp.where(x < 1, low, high) for low, high in zip(below, above, strict=True)))
