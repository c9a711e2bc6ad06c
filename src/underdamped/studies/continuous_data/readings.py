"""What the published text leaves open, each as an alternative to the reading that the study takes."""

from dataclasses import dataclass, replace

import numpy as np

from underdamped.studies.continuous_data.regression import Regression, draw_noise


@dataclass(frozen=True)
class Reading:
    """One way to read the experiment.

    Attributes:
        name: What it says, in a few words.
        index_steps: Time of the index between two steps of the scheme, in step sizes.
        orthonormal: Whether the Legendre polynomials are orthonormal; else 1 at the right end.
        implicit: Whether the gradient is taken at the new parameter.
        projected_substeps: Euler steps of the diffusion a step of the scheme, projected; 0 reflects exactly.
        own_noise: Whether every run has data of its own.
        noise_offset: Added to the seed of the noise: another realisation.
        halved_at: Number of steps after which the step size is half; it falls like 1/(1 + n/halved_at). None keeps it.
    """

    name: str
    index_steps: float = 1.0
    orthonormal: bool = False
    implicit: bool = False
    projected_substeps: int = 0
    own_noise: bool = False
    noise_offset: int = 0
    halved_at: int | None = None

    def regression(self, noise_seed: int, runs: int) -> Regression:
        """The regression as read."""
        noise = draw_noise(noise_seed + self.noise_offset, runs if self.own_noise else None)
        return Regression(noise, orthonormal=self.orthonormal)

    def step_sizes(self, step_size: float, num_steps: int) -> np.ndarray:
        """The step sizes as read."""
        n = np.arange(num_steps)
        return np.full(num_steps, step_size) if self.halved_at is None else step_size / (1 + n / self.halved_at)


TAKEN = Reading("as taken here")
"""Explicit steps of 0.1, in each of which 0.1 passes for the index; plain Legendre polynomials; one realisation."""

ALTERNATIVES = (
    replace(TAKEN, name="0.01 passes for the index in a step", index_steps=0.1),
    replace(TAKEN, name="another realisation of the noise", noise_offset=1),
    replace(TAKEN, name="a third realisation of the noise", noise_offset=2),
    replace(TAKEN, name="each run its own noise", own_noise=True),
    replace(TAKEN, name="Euler steps of 0.01, projected, for the diffusion", projected_substeps=10),
    replace(TAKEN, name="implicit steps", implicit=True),
    replace(TAKEN, name="orthonormal polynomials, explicit steps", orthonormal=True),
    replace(TAKEN, name="orthonormal polynomials, implicit steps", orthonormal=True, implicit=True),
    replace(TAKEN, name="step size 0.1/(1 + n/1000)", halved_at=1000),
)
"""Each differs from ``TAKEN`` in what its name says."""
