"""The scheme as a float64 NumPy loop, slow and plain: what every fast implementation is held against.

Nothing of the package is imported here, so that a mistake there cannot hide here.
"""

import numpy as np


def sgmp_steps(gradient, position, step_sizes, masses, friction, velocity=None):
    """Positions after each step of equation (36), explicit in the position and implicit in the velocity.

    Args:
        gradient: function of (position, step count).
        position: start, shape (K,).
        step_sizes: h_n, shape (T,).
        masses: m_n, shape (T,).
        friction: alpha.
        velocity: start, shape (K,); zero when left out.

    Returns:
        Positions (T, K) and velocities (T, K) after each step.
    """
    q = np.array(position, dtype=np.float64)
    p = np.zeros_like(q) if velocity is None else np.array(velocity, dtype=np.float64)
    positions, velocities = [], []
    for n, (h, m) in enumerate(zip(step_sizes, masses, strict=True)):
        p = ((m / h) * p - gradient(q, n)) / (m / h + friction)
        q = q + h * p
        positions.append(q)
        velocities.append(p)
    return np.array(positions), np.array(velocities)
