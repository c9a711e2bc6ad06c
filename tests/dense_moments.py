"""The moment equations written out as one matrix, as they stand on paper: the oracle for the matrix-free code.

Nothing of the package is imported here. Each component holds E[zz^T 1] of z = (1, q, p), so that one Lyapunov equation
carries probability, mean and second moment together.
"""

import numpy as np
import scipy.linalg


def uniform_generator(num_components, rate):
    return rate * (np.full((num_components, num_components), 1 / num_components) - np.eye(num_components))


def flow_matrix(A, b, mass, friction):
    """F of d(1, q, p) = F (1, q, p) dt; with mass 0 of (1, q) alone."""
    K = len(b)
    if mass == 0:
        return np.block([[np.zeros((1, 1 + K))], [b[:, None] / friction, -A / friction]])
    F = np.zeros((1 + 2 * K, 1 + 2 * K))
    F[1 : 1 + K, 1 + K :] = np.eye(K)
    F[1 + K :, 0] = b / mass
    F[1 + K :, 1 : 1 + K] = -A / mass
    F[1 + K :, 1 + K :] = -friction / mass * np.eye(K)
    return F


def moment_matrix(A, b, generator, mass, friction):
    A = np.stack([np.diag(a) for a in A]) if A.ndim == 2 else A
    flows = [flow_matrix(*component, mass, friction) for component in zip(A, b, strict=True)]
    one = np.eye(len(flows[0]))
    blocks = scipy.linalg.block_diag(*(np.kron(F, one) + np.kron(one, F) for F in flows))
    return blocks + np.kron(generator.T, np.eye(one.size))


def second_moment_abscissa(A, generator, mass, friction):
    """The same for the linear part alone: its spectral abscissa."""
    A = np.stack([np.diag(a) for a in A]) if A.ndim == 2 else A
    flows = [flow_matrix(a, np.zeros(len(a)), mass, friction)[1:, 1:] for a in A]
    one = np.eye(len(flows[0]))
    blocks = scipy.linalg.block_diag(*(np.kron(F, one) + np.kron(one, F) for F in flows))
    return np.linalg.eigvals(blocks + np.kron(generator.T, np.eye(one.size))).real.max()


def start_vector(weights, state, covariance=None):
    z = np.concatenate([[1.0], state])
    second = np.outer(z, z)
    if covariance is not None:
        second[1:, 1:] += covariance
    return np.concatenate([weight * second.ravel() for weight in weights])


def summarize(y, num_components):
    n = round(np.sqrt(len(y) / num_components))
    second = y.reshape(num_components, n, n).sum(axis=0)
    mean = second[0, 1:]
    return mean, second[1:, 1:] - np.outer(mean, mean)


def dense_moments(A, b, generator, weights, mass, friction, state, times, covariance=None):
    L = moment_matrix(A, b, generator, mass, friction)
    start = start_vector(weights, state, covariance)
    results = [summarize(scipy.linalg.expm(L * t) @ start, len(b)) for t in times]
    return np.stack([mean for mean, _ in results]), np.stack([cov for _, cov in results])
