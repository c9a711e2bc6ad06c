"""Simulate your own target and plot its law against time."""

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from underdamped import ExponentialDecay
from underdamped.process import ExponentialHeun, FiniteSum, Quantiles, UniformSwitching, simulate_ensemble

target = FiniteSum(lambda q, y: jnp.sum((q**2 - 1) ** 2 - y * q), data=jnp.linspace(-2.0, 3.0, 20))
ensemble = simulate_ensemble(target, UniformSwitching(20, rate=5.0), mass=ExponentialDecay(0.5, rate=0.2),
                             position=[-1.0], times=np.linspace(0, 10, 101), key=jax.random.key(0),
                             flow=ExponentialHeun(step=0.05), num_paths=10_000,
                             statistics=(Quantiles([0.05, 0.25, 0.5, 0.75, 0.95]),))  # fmt: skip
plt.plot(ensemble.times, ensemble.quantiles[:, :, 0].T)
plt.savefig("law.svg")
