"""The four workloads of the process benchmark, as plain NumPy arrays that every contender can use."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Workload:
    """One problem: ``kind`` says which gradient, ``arrays`` hold its components.

    Kinds: "quadratic" with A (N, K, K), b (N, K); "logistic" with x (N, K) holding label times features, and ridge;
    "styblinski" with tilt (N, K).
    """

    name: str
    kind: str
    arrays: dict[str, np.ndarray]
    rate: float
    mass: float
    friction: float
    position: np.ndarray
    times: np.ndarray
    num_paths: int

    @property
    def num_components(self) -> int:
        """N."""
        return len(next(iter(self.arrays.values())))

    @property
    def dimension(self) -> int:
        """K."""
        return len(self.position)

    @property
    def horizon(self) -> float:
        """T."""
        return float(self.times[-1])


RIDGE = 0.01


def quadratic(dimension: int, num_paths: int) -> Workload:
    """W1 (dimension 1) and W1x10 (dimension 10, full matrices): N = 50, m = 0.1, alpha = 1, rate 10, T = 20."""
    generator = np.random.default_rng(0)
    frames = np.linalg.qr(generator.normal(size=(50, dimension, dimension)))[0]
    curvature = generator.uniform(0.5, 4.0, size=(50, dimension))
    A = np.einsum("nij,nj,nkj->nik", frames, curvature, frames)
    b = generator.normal(size=(50, dimension))
    return Workload(
        name="W1" if dimension == 1 else f"W1x{dimension}",
        kind="quadratic",
        arrays={"A": A.astype(np.float32), "b": b.astype(np.float32)},
        rate=10.0,
        mass=0.1,
        friction=1.0,
        position=np.full(dimension, 2.0),
        times=np.linspace(0.4, 20.0, 50),
        num_paths=num_paths,
    )


def logistic(rate: float, num_paths: int) -> Workload:
    """W2: logistic regression with ridge on the breast cancer data of scikit-learn, 569 components in 30 dimensions."""
    from sklearn.datasets import load_breast_cancer

    features, labels = load_breast_cancer(return_X_y=True)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    signed = features * (2.0 * labels - 1.0)[:, None]
    return Workload(
        name=f"W2 rate {rate:g}",
        kind="logistic",
        arrays={"x": signed.astype(np.float32)},
        rate=rate,
        mass=0.1,
        friction=1.0,
        position=np.zeros(features.shape[1]),
        times=np.linspace(0.1, 5.0, 50),
        num_paths=num_paths,
    )


def styblinski(num_paths: int) -> Workload:
    """W3: Styblinski-Tang in two dimensions, each of 50 components tilted by a random slope."""
    tilt = 5.0 * np.random.default_rng(1).normal(size=(50, 2))
    return Workload(
        name="W3",
        kind="styblinski",
        arrays={"tilt": (tilt - tilt.mean(axis=0)).astype(np.float32)},
        rate=10.0,
        mass=0.1,
        friction=1.0,
        position=np.array([1.0, -1.0]),
        times=np.linspace(0.1, 5.0, 50),
        num_paths=num_paths,
    )


def modes(workload: Workload) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Curvatures (N, K), eigenvectors (N, K, K) and centres (N, K) of a quadratic workload, in float64."""
    A, b = (workload.arrays[name].astype(np.float64) for name in ("A", "b"))
    curvature, frames = np.linalg.eigh((A + A.swapaxes(1, 2)) / 2)
    return curvature, frames, np.linalg.solve(A, b[..., None])[..., 0]
