"""The linear equations of the first two moments of a switched quadratic, and their resolvent without the big matrix."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

_DENSE_UNKNOWNS = 400
"""Up to here a dense factorisation, kept for all steps of one length, is cheaper than the iteration."""

_DENSE_CARRIED = 60
"""The same for the state that uniform redraws carry, 2K + 3K² numbers: one solve of all blocks for each."""


class JumpSystem:
    r"""The moment equations of $z = (q, p)$ under a switched quadratic, as $M \dot y = G y + M S y + f$.

    The unknowns $y$ are, for each component $i$ and with $1_i = 1[i(t) = i]$,

    $$u = \mathbb{E}[q 1_i],\ v = \mathbb{E}[p 1_i],\ Q = \mathbb{E}[qq^\top 1_i],\ C = \mathbb{E}[qp^\top 1_i],
      \ P = \mathbb{E}[pp^\top 1_i]$$

    and with the rows of $v$, $C$ and $P$ multiplied by the mass, $M = \mathrm{diag}(1, m, 1, m, m)$,

    $$u' = v,\quad m v' = -A_i u - \alpha v + b_i \pi_i,\quad Q' = C + C^\top,$$
    $$m C' = m P - Q A_i + u b_i^\top - \alpha C,$$
    $$m P' = -A_i C - (A_i C)^\top + b_i v^\top + v b_i^\top - 2\alpha P,$$

    to which the switches $S$ add $\kappa(\bar y - y)$ or $\sum_j Q_{ji} y_j$. So mass 0 is no special case: its
    rows turn into the algebraic constraint $p = -\nabla\Phi_i(q)/\alpha$. In the eigenbasis of $A_i$ every pair of
    modes is a 4 by 4 system with a closed form, and only the switches couple components.

    States have shape (..., N, 2K + 3K²), each component in its own eigenbasis.

    Args:
        A: symmetric (N, K, K), or diagonals (N, K).
        b: (N, K).
        weights: $\pi$, the stationary law of the index, (N,).
        friction: $\alpha > 0$.
        generator: of the index, (N, N), times the rate; None for uniform redraws at the rate.
    """

    def __init__(
        self, A: np.ndarray, b: np.ndarray, weights: np.ndarray, friction: float, generator: np.ndarray | None = None
    ) -> None:
        self.num_components, self.dimension = b.shape
        self.size = 2 * self.dimension + 3 * self.dimension**2
        self.weights, self.friction, self.generator = weights, friction, generator
        self.curvature, self.basis = (A, None) if A.ndim == 2 else np.linalg.eigh((A + A.swapaxes(1, 2)) / 2)
        self.b = b if self.basis is None else np.einsum("ikj,ik->ij", self.basis, b)
        self.is_velocity = np.zeros(self.size, dtype=bool)
        for part in (1, 3, 4):
            self.is_velocity[self.slices[part]] = True
        self.forcing = np.zeros((self.num_components, self.size))
        """$f$: the constant part, in the rows of the mean velocities."""
        self.forcing[:, self.slices[1]] = self.b * weights[:, None]
        self._average: JumpSystem | None = None
        if self.num_components > 1:
            mean_A, mean_b = np.tensordot(weights, A, 1), weights @ b
            self._average = JumpSystem(mean_A[None], mean_b[None], np.ones(1), friction)
        if generator is not None:
            self._inflow = (generator - np.diag(np.diag(generator))).T
            self._outflow = -np.diag(generator)

    @property
    def slices(self) -> list[slice]:
        """Where u, v, Q, C and P lie in the last axis of a state."""
        K = self.dimension
        edges = [0, K, 2 * K, 2 * K + K * K, 2 * K + 2 * K * K, 2 * K + 3 * K * K]
        return [slice(*pair) for pair in itertools.pairwise(edges)]

    def split(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """u, v (..., N, K) and Q, C, P (..., N, K, K) as views of a state."""
        u, v, Q, C, P = (y[..., part] for part in self.slices)
        square = (*y.shape[:-1], self.dimension, self.dimension)
        return u, v, Q.reshape(square), C.reshape(square), P.reshape(square)

    def join(self, *parts: np.ndarray) -> np.ndarray:
        """The inverse of `split`."""
        lead = parts[0].shape[:-1]
        return np.concatenate([part.reshape(*lead, -1) for part in parts], axis=-1)

    def symmetric(self, y: np.ndarray) -> np.ndarray:
        """``y`` with symmetric Q and P, as every state has them; only then do solves hold what they say."""
        u, v, Q, C, P = self.split(y)
        return self.join(u, v, (Q + Q.swapaxes(-1, -2)) / 2, C, (P + P.swapaxes(-1, -2)) / 2)

    def to_modes(self, y: np.ndarray) -> np.ndarray:
        """From the common basis into the eigenbasis of each component."""
        return y if self.basis is None else self._rotate(y, self.basis)

    def from_modes(self, y: np.ndarray) -> np.ndarray:
        """From the eigenbasis of each component into the common basis."""
        return y if self.basis is None else self._rotate(y, self.basis.swapaxes(1, 2))

    def _rotate(self, y: np.ndarray, basis: np.ndarray) -> np.ndarray:
        transposed = basis.swapaxes(1, 2)
        u, v, Q, C, P = self.split(y)
        vectors = (transposed @ u[..., None], transposed @ v[..., None])
        u, v = (vector[..., 0] for vector in vectors)
        return self.join(*np.broadcast_arrays(u, v), *np.broadcast_arrays(*(transposed @ X @ basis for X in (Q, C, P))))

    def times_mass(self, y: np.ndarray, mass: float) -> np.ndarray:
        """$M y$."""
        return y * np.where(self.is_velocity, mass, 1.0)

    def drift(self, y: np.ndarray, mass: float) -> np.ndarray:
        """$G y$: what happens between switches."""
        u, v, Q, C, P = self.split(y)
        a, b, alpha = self.curvature, self.b, self.friction
        Ct = C.swapaxes(-1, -2)
        work = b[:, :, None] * v[..., None, :] - a[:, :, None] * C  # power of the force: E[(b - A q) p^T]
        return self.join(
            v,
            -a * u - alpha * v,
            C + Ct + (Q.swapaxes(-1, -2) - Q),  # 0 for every state; without it dense matrices would be singular at 0
            mass * P - Q * a[:, None, :] + u[..., :, None] * b[:, None, :] - alpha * C,
            work + work.swapaxes(-1, -2) - 2 * alpha * P,
        )

    def relaxed(self, y: np.ndarray) -> np.ndarray:
        r"""``y`` with the velocity that mass 0 makes of the positions, $p = (b_i - A_i q)/\alpha$."""
        u, _, Q, _, _ = self.split(y)
        a, b, alpha = self.curvature, self.b, self.friction
        v = (b * self.weights[:, None] - a * u) / alpha
        C = (u[..., :, None] * b[:, None, :] - Q * a[:, None, :]) / alpha
        P = (b[:, :, None] * v[..., None, :] - a[:, :, None] * C) / alpha
        return self.join(u, v, Q, C, (P + P.swapaxes(-1, -2)) / 2)

    @property
    def speed(self) -> float:
        """The largest rate of leaving a component, in units of the rate."""
        return 1.0 if self.generator is None else float(self._outflow.max())

    def switches(self, y: np.ndarray, rate: float) -> np.ndarray:
        """$S y$: net flow of probability between components."""
        if self.num_components == 1 or rate == 0:
            return np.zeros_like(y)
        common = self.from_modes(y)
        if self.generator is None:
            return self.to_modes(rate * (common.mean(axis=-2, keepdims=True) - common))
        return self.to_modes(rate * np.einsum("ji,...jn->...in", self.generator, common))

    def solve_blocks(self, shift: Any, mass: float, r: np.ndarray) -> np.ndarray:
        r"""$(s M - G)^{-1} r$, component by component, in closed form: the switches are left out.

        ``shift`` is a number or one a component, (N, 1).
        """
        ru, rv, rQ, rC, rP = self.split(r)
        a, b, alpha = self.curvature, self.b, self.friction
        drag = mass * shift + alpha
        below = drag * shift + a
        u = (rv + drag * ru) / below
        v = (shift * rv - a * ru) / below
        if isinstance(shift, np.ndarray):
            shift, drag = shift[..., None], drag[..., None]
        aj, ak = a[:, :, None], a[:, None, :]
        rC = rC + u[..., :, None] * b[:, None, :]
        rD = rC.swapaxes(-1, -2)
        force = b[:, :, None] * v[..., None, :]
        rP = drag * (rP + force + force.swapaxes(-1, -2)) - aj * rC - ak * rD
        w = (drag + alpha) * drag + mass * (aj + ak)
        Q = (drag * rQ + rC + rD + (2 * mass / w) * rP) / (shift * drag + (aj + ak) - 4 * mass * aj * ak / w)
        P = (rP + 2 * aj * ak * Q) / w
        C = (mass * P - ak * Q + rC) / drag
        return self.join(u, v, Q, C, P)

    def solver(self, shift: complex, mass: float, rate: float) -> Callable[[np.ndarray], np.ndarray]:
        r"""The map $r \mapsto (\sigma M - G - M S)^{-1} r$, prepared once for many $r$.

        What the switches carry between components is the unknown: one state for uniform redraws, whatever N. It is
        found by GMRES, preconditioned with the system whose components all are the average one, whose inverse is known:
        exact for equal components, for slow and for fast switching.
        """
        if self.num_components == 1 or rate == 0:
            return lambda r: self.solve_blocks(shift, mass, r)
        if self.num_components * self.size <= _DENSE_UNKNOWNS:
            return self._dense_solver(shift, mass, rate)
        return (
            self._uniform_solver(shift, mass, rate)
            if self.generator is None
            else self._markov_solver(shift, mass, rate)
        )

    def _dense_solver(self, shift: complex, mass: float, rate: float) -> Callable[[np.ndarray], np.ndarray]:
        shape = (self.num_components, self.size)
        basis = np.eye(self.num_components * self.size).reshape(-1, *shape)
        columns = self.times_mass(shift * basis - self.switches(basis, rate), mass) - self.drift(basis, mass)
        factors = scipy.linalg.lu_factor(columns.reshape(len(basis), -1).T, check_finite=False)
        return lambda r: scipy.linalg.lu_solve(factors, r.ravel(), check_finite=False).reshape(shape)

    def _uniform_solver(self, shift: complex, mass: float, rate: float) -> Callable[[np.ndarray], np.ndarray]:
        average = self._average
        assert average is not None

        def respond(r: np.ndarray) -> np.ndarray:
            return self.from_modes(self.solve_blocks(shift + rate, mass, r)).mean(axis=0)

        def carry(F: np.ndarray) -> np.ndarray:
            return self.to_modes(np.broadcast_to(rate * self.times_mass(F, mass), (self.num_components, self.size)))

        def precondition(F: np.ndarray) -> np.ndarray:
            inner = average.to_modes(average.times_mass(F[None], mass))
            return F + rate * average.from_modes(average.solve_blocks(shift, mass, inner))[0]

        def operate(F: np.ndarray) -> np.ndarray:
            return F - respond(carry(F))

        factors = None
        if self.size <= _DENSE_CARRIED:
            columns = np.stack([operate(unit) for unit in np.eye(self.size)], axis=1)
            factors = scipy.linalg.lu_factor(columns, check_finite=False)

        def solve(r: np.ndarray) -> np.ndarray:
            right = respond(r)
            if factors is None:
                F = _gmres(operate, precondition, right)
            else:
                F = scipy.linalg.lu_solve(factors, right, check_finite=False)
            return self.solve_blocks(shift + rate, mass, r + carry(F))

        return solve

    def _markov_solver(self, shift: complex, mass: float, rate: float) -> Callable[[np.ndarray], np.ndarray]:
        average = self._average
        assert average is not None
        assert self.generator is not None
        shape = (self.num_components, self.size)
        outflow, inflow = rate * self._outflow[:, None], rate * self._inflow
        values, vectors = np.linalg.eig(rate * self.generator.T)
        left = np.linalg.inv(vectors) if np.linalg.cond(vectors) < 1e8 else None

        def respond(r: np.ndarray) -> np.ndarray:
            return inflow @ self.from_modes(self.solve_blocks(shift + outflow, mass, r))

        def carry(F: np.ndarray) -> np.ndarray:
            return self.to_modes(self.times_mass(F, mass))

        def precondition(flat: np.ndarray) -> np.ndarray:
            if left is None:
                return flat
            F = flat.reshape(shape)
            inner = average.to_modes((left @ self.times_mass(F, mass))[:, None])
            outer = average.solve_blocks((shift - values)[:, None, None], mass, inner)
            return (F + inflow @ (vectors @ average.from_modes(outer)[:, 0])).ravel()

        def operate(flat: np.ndarray) -> np.ndarray:
            F = flat.reshape(shape)
            return (F - respond(carry(F))).ravel()

        def solve(r: np.ndarray) -> np.ndarray:
            F = _gmres(operate, precondition, respond(r).ravel()).reshape(shape)
            return self.solve_blocks(shift + outflow, mass, r + carry(F))

        return solve


def _gmres(
    operate: Callable[[np.ndarray], np.ndarray], precondition: Callable[[np.ndarray], np.ndarray], right: np.ndarray
) -> np.ndarray:
    """GMRES to about eight digits. Its callers refine and look at the residual, so more effort here would be wasted."""
    dtype, shape = np.result_type(right, operate(right), precondition(right)), (len(right), len(right))
    if not np.any(right):
        return right
    linalg: Any = scipy.sparse.linalg  # its annotations know nothing of operators made from functions
    solution, _ = linalg.gmres(
        linalg.LinearOperator(shape, matvec=operate, dtype=dtype),
        right.astype(dtype),
        rtol=1e-8,
        restart=100,
        maxiter=3,
        M=linalg.LinearOperator(shape, matvec=precondition, dtype=dtype),
    )
    return solution
