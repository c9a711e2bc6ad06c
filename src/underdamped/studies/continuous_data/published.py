"""The published table: final relative errors, mean and standard deviation over 100 runs of 50,000 steps."""

PUBLISHED: dict[str, tuple[float, float]] = {
    "SGD": (1.849e-2, 5.1e-3),
    "reflected diffusion σ=5": (1.502e-2, 3.3e-3),
    "reflected diffusion σ=0.5": (1.627e-2, 3.7e-3),
    "reflected diffusion σ=0.05": (5.933e-2, 1.2e-1),
    "pure jump λ=10": (2.127e-2, 5.5e-3),
    "pure jump λ=1": (3.542e-2, 1.1e-2),
    "pure jump λ=0.1": (4.193e-2, 1.4e-2),
}
"""Row of the table, mean, standard deviation.

References:
    Jin, Latz, Liu and Schönlieb (JMLR 24(274), 2023), table of the regression with functional data.
"""
