"""What one would write without this package, as fast as we could make it: diffrax, numba and NumPy.

Every peer takes a workload, a number of paths, a seed and a step, and returns positions and velocities at the saved
times, (M, T, 2K). All draw their switching times exactly and none lets a step cross one, so the step alone decides the
error; equal seeds give equal index paths whatever the step.
"""

import functools
import math
import os
from concurrent.futures import ThreadPoolExecutor

import diffrax
import jax
import jax.numpy as jnp
import numba
import numpy as np

from process_workloads import RIDGE, Workload, modes

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---------------------------------------------------------------------------------------------------- diffrax


def jax_gradient(workload: Workload):
    """Gradient of component ``i`` at ``q``, by hand: faster than tracing the potential."""
    arrays = {name: jnp.asarray(array) for name, array in workload.arrays.items()}
    match workload.kind:
        case "quadratic":
            if workload.dimension == 1:
                return lambda q, i: arrays["A"][i, 0] * q - arrays["b"][i]
            return lambda q, i: arrays["A"][i] @ q - arrays["b"][i]
        case "logistic":
            return lambda q, i: RIDGE * q - jax.nn.sigmoid(-(arrays["x"][i] @ q)) * arrays["x"][i]
        case _:
            return lambda q, i: 2 * q**3 - 16 * q + 2.5 + arrays["tilt"][i]


def jax_events(workload: Workload, key):
    """Switching times of one path, sorted and cut off at the horizon, and the component after each; the first is 0."""
    mean = workload.rate * workload.horizon
    most = int(mean + 7 * math.sqrt(mean) + 8)  # exceeded by one path in 1e11
    waits, draws = jax.random.split(key)
    late = jnp.cumsum(jax.random.exponential(waits, (most,))) / workload.rate
    times = jnp.concatenate([jnp.zeros(1), jnp.minimum(late, workload.horizon)])
    return times, jax.random.randint(draws, (most + 1,), 0, workload.num_components)


def jax_field(workload: Workload):
    gradient = jax_gradient(workload)
    mass, friction = workload.mass, workload.friction

    def field(_, y, i):
        q, p = y
        return p, -(gradient(q, i) + friction * p) / mass

    return field


@functools.lru_cache(maxsize=8)
def _scan_program(name: str, solver, step: float):
    workload = _WORKLOADS[name]
    term, saved = diffrax.ODETerm(jax_field(workload)), jnp.asarray(workload.times, jnp.float32)
    grid = jnp.linspace(0, workload.horizon, max(2, math.ceil(workload.horizon / step) + 1))[1:-1]

    def path(key):
        events, components = jax_events(workload, key)
        stops = jnp.sort(jnp.concatenate([events, saved, grid]))
        chosen = components[jnp.searchsorted(events, stops[:-1], side="right") - 1]
        start = (jnp.asarray(workload.position, jnp.float32), jnp.zeros(workload.dimension))

        def advance(y, segment):
            t0, t1, i = segment
            state = solver.init(term, t0, t1, y, i)
            y, *_ = solver.step(term, t0, t1, y, i, state, made_jump=True)
            return y, jnp.concatenate(y)

        _, states = jax.lax.scan(advance, start, (stops[:-1], stops[1:], chosen))
        return states[jnp.searchsorted(stops, saved, side="right") - 2]

    return jax.jit(jax.vmap(path))


def diffrax_scan(workload: Workload, num_paths: int, seed: int, step: float) -> np.ndarray:
    """``solver.step`` of diffrax in a scan over the merged grid of switches, saved times and steps; Tsit5."""
    _WORKLOADS[workload.name] = workload
    return _in_chunks(_scan_program(workload.name, diffrax.Tsit5(), step), num_paths, seed, 512)


def diffrax_scan_heun(workload: Workload, num_paths: int, seed: int, step: float) -> np.ndarray:
    """The same with Heun's method: fewer gradients a step where switches make steps short anyway."""
    _WORKLOADS[workload.name] = workload
    return _in_chunks(_scan_program(workload.name, diffrax.Heun(), step), num_paths, seed, 512)


@functools.lru_cache(maxsize=8)
def _solve_program(name: str, tolerance: float):
    workload = _WORKLOADS[name]
    field, saved = jax_field(workload), jnp.asarray(workload.times, jnp.float32)

    def path(key):
        events, components = jax_events(workload, key)
        term = diffrax.ODETerm(lambda t, y, _: field(t, y, components[jnp.searchsorted(events, t, side="right") - 1]))
        control = diffrax.ClipStepSizeController(
            diffrax.PIDController(rtol=tolerance, atol=tolerance), jump_ts=events[1:]
        )
        start = (jnp.asarray(workload.position, jnp.float32), jnp.zeros(workload.dimension))
        solution = diffrax.diffeqsolve(
            term,
            diffrax.Tsit5(),
            0.0,
            workload.horizon,
            0.01,
            start,
            stepsize_controller=control,
            saveat=diffrax.SaveAt(ts=saved),
            max_steps=None,
            adjoint=diffrax.ForwardMode(),
        )
        return jnp.concatenate(solution.ys, axis=1)

    return jax.jit(jax.vmap(path))


def diffrax_solve(workload: Workload, num_paths: int, seed: int, step: float) -> np.ndarray:
    """``diffeqsolve`` as documented for jumps: Tsit5, PID control, ``jump_ts``. Here ``step`` is the tolerance."""
    _WORKLOADS[workload.name] = workload
    return _in_chunks(_solve_program(workload.name, step), num_paths, seed, 256)


_WORKLOADS: dict[str, Workload] = {}


def _in_chunks(program, num_paths: int, seed: int, chunk: int) -> np.ndarray:
    """Chunks in as many threads as there are cores: XLA runs one chunk on one core."""
    chunk = min(chunk, num_paths)
    keys = jax.vmap(functools.partial(jax.random.fold_in, jax.random.key(seed)))(jnp.arange(num_paths))
    program(keys[:chunk])  # compile once, not once a thread
    with ThreadPoolExecutor(CORES) as pool:
        starts = [min(first, num_paths - chunk) for first in range(0, num_paths, chunk)]
        parts = list(pool.map(lambda first: np.asarray(program(keys[first : first + chunk])), starts))
    result = np.empty((num_paths, *parts[0].shape[1:]), parts[0].dtype)
    for first, part in zip(starts, parts, strict=True):
        result[first : first + chunk] = part
    return result


# ---------------------------------------------------------------------------------------------------- numba


@numba.njit(inline="always")
def _scramble(x):
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@numba.njit(inline="always")
def _uniform(x):
    """In (0, 1)."""
    return (np.float64(x >> np.uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)


@numba.njit(inline="always")
def _integer(x, size):
    return np.int64(((x >> np.uint64(32)) * np.uint64(size)) >> np.uint64(32))


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@numba.njit(inline="always")
def _response(half, w, t):
    """Cosine and sine of an oscillator with friction; a negative frequency stands for an over-damped one."""
    if w > 0:
        fade = math.exp(-half * t)
        return fade * math.cos(w * t), fade * math.sin(w * t) / w
    slow, fast = math.exp((-half - w) * t), math.exp((-half + w) * t)
    return 0.5 * (slow + fast), 0.5 * (fast - slow) / w


@numba.njit(parallel=True, fastmath=True)
def _numba_springs(centre, omega, half, stiff, rate, start, times, num_paths, seed, out):
    """One dimension: the flow is an exponential, a cosine and a sine, or two exponentials."""
    for path in numba.prange(num_paths):
        state = _scramble(np.uint64(seed) * np.uint64(1_000_003) + np.uint64(path) * _GOLDEN)
        state += _GOLDEN
        i = _integer(_scramble(state), len(centre))
        state += _GOLDEN
        due = -math.log(_uniform(_scramble(state))) / rate
        q, p, now = start, 0.0, 0.0
        for slot in range(len(times)):
            while True:
                switch = due < times[slot]
                t = (due if switch else times[slot]) - now
                now += t
                w, x = omega[i], q - centre[i]
                cosine, sine = _response(half, w, t)
                q = x * cosine + (p + half * x) * sine + centre[i]
                p = p * cosine - (half * p + stiff[i] * x) * sine
                if not switch:
                    break
                state += _GOLDEN
                i = _integer(_scramble(state), len(centre))
                state += _GOLDEN
                due = now - math.log(_uniform(_scramble(state))) / rate
            out[path, slot, 0] = q
            out[path, slot, 1] = p


@numba.njit(parallel=True, fastmath=True)
def _numba_modes(centre, frames, omega, half, stiff, rate, start, times, num_paths, seed, out):
    """More dimensions: into the eigenbasis of the component, an oscillator a mode, and back."""
    K = len(start)
    for path in numba.prange(num_paths):
        state = _scramble(np.uint64(seed) * np.uint64(1_000_003) + np.uint64(path) * _GOLDEN)
        state += _GOLDEN
        i = _integer(_scramble(state), len(centre))
        state += _GOLDEN
        due, now = -math.log(_uniform(_scramble(state))) / rate, 0.0
        q, p, x, v = start.copy(), np.zeros(K), np.empty(K), np.empty(K)
        for slot in range(len(times)):
            while True:
                switch = due < times[slot]
                t = (due if switch else times[slot]) - now
                now += t
                for k in range(K):
                    x[k] = 0.0
                    v[k] = 0.0
                for j in range(K):
                    away, speed = q[j] - centre[i, j], p[j]
                    for k in range(K):
                        x[k] += frames[i, j, k] * away
                        v[k] += frames[i, j, k] * speed
                for k in range(K):
                    cosine, sine = _response(half, omega[i, k], t)
                    moved = x[k] * cosine + (v[k] + half * x[k]) * sine
                    v[k] = v[k] * cosine - (half * v[k] + stiff[i, k] * x[k]) * sine
                    x[k] = moved
                for j in range(K):
                    away, speed = centre[i, j], 0.0
                    for k in range(K):
                        away += frames[i, j, k] * x[k]
                        speed += frames[i, j, k] * v[k]
                    q[j], p[j] = away, speed
                if not switch:
                    break
                state += _GOLDEN
                i = _integer(_scramble(state), len(centre))
                state += _GOLDEN
                due = now - math.log(_uniform(_scramble(state))) / rate
            out[path, slot, :K] = q
            out[path, slot, K:] = p


@numba.njit(inline="always")
def _logistic_force(data, i, q, force):
    product = 0.0
    for k in range(len(q)):
        product += data[i, k] * q[k]
    weight = 1.0 / (1.0 + math.exp(product))
    for k in range(len(q)):
        force[k] = weight * data[i, k] - RIDGE * q[k]


@numba.njit(inline="always")
def _styblinski_force(data, i, q, force):
    for k in range(len(q)):
        force[k] = -(2 * q[k] * q[k] * q[k] - 16 * q[k] + 2.5 + data[i, k])


def _numba_runge_kutta(add_force):
    """The classical method of order four between switches, compiled for one gradient."""

    @numba.njit(parallel=True, fastmath=True)
    def run(data, rate, mass, friction, start, times, step, num_paths, seed, out):
        K = len(start)
        for path in numba.prange(num_paths):
            state = _scramble(np.uint64(seed) * np.uint64(1_000_003) + np.uint64(path) * _GOLDEN)
            state += _GOLDEN
            i = _integer(_scramble(state), len(data))
            state += _GOLDEN
            due, now = -math.log(_uniform(_scramble(state))) / rate, 0.0
            q, p, x, v = start.copy(), np.zeros(K), np.empty(K), np.empty(K)
            force, dq, dp = np.empty(K), np.empty(K), np.empty(K)
            for slot in range(len(times)):
                while True:
                    switch = due < times[slot]
                    length = (due if switch else times[slot]) - now
                    now += length
                    count = max(1, math.ceil(length / step))
                    h = length / count
                    for _ in range(count):
                        x[:] = q
                        v[:] = p
                        for stage in range(4):
                            add_force(data, i, x, force)
                            weight = h / 6 if stage == 0 or stage == 3 else h / 3
                            ahead = h if stage == 2 else h / 2
                            for k in range(K):
                                a = (force[k] - friction * v[k]) / mass
                                if stage == 0:
                                    dq[k] = weight * v[k]
                                    dp[k] = weight * a
                                else:
                                    dq[k] += weight * v[k]
                                    dp[k] += weight * a
                                if stage < 3:
                                    x[k] = q[k] + ahead * v[k]
                                    v[k] = p[k] + ahead * a
                        for k in range(K):
                            q[k] += dq[k]
                            p[k] += dp[k]
                    if not switch:
                        break
                    state += _GOLDEN
                    i = _integer(_scramble(state), len(data))
                    state += _GOLDEN
                    due = now - math.log(_uniform(_scramble(state))) / rate
                out[path, slot, :K] = q
                out[path, slot, K:] = p

    return run


_NUMBA_LOGISTIC = _numba_runge_kutta(_logistic_force)
_NUMBA_STYBLINSKI = _numba_runge_kutta(_styblinski_force)


def numba_by_hand(workload: Workload, num_paths: int, seed: int, step: float) -> np.ndarray:
    """A parallel loop over paths: the exact formula for quadratics, Runge-Kutta of order 4 otherwise; float64."""
    K = workload.dimension
    out = np.empty((num_paths, len(workload.times), 2 * K), np.float32)
    start, times = workload.position.astype(np.float64), workload.times
    if workload.kind == "quadratic":
        curvature, frames, centre = modes(workload)
        half, stiff = workload.friction / (2 * workload.mass), curvature / workload.mass
        omega = np.sqrt(np.abs(stiff - half * half)) * np.sign(stiff - half * half)
        if K == 1:
            columns = (array[:, 0].copy() for array in (centre, omega))
            _numba_springs(*columns, half, stiff[:, 0].copy(), workload.rate, start[0], times, num_paths, seed, out)
        else:
            _numba_modes(centre, frames, omega, half, stiff, workload.rate, start, times, num_paths, seed, out)
        return out
    run = _NUMBA_LOGISTIC if workload.kind == "logistic" else _NUMBA_STYBLINSKI
    (data,) = workload.arrays.values()
    options = (workload.rate, workload.mass, workload.friction, start, times, step, num_paths, seed, out)
    run(data.astype(np.float64), *options)
    return out


# ---------------------------------------------------------------------------------------------------- NumPy


def numpy_by_hand(workload: Workload, num_paths: int, seed: int, step: float) -> np.ndarray:
    """All paths at once, each with its own clock: every sweep takes each path to its next switch, save or step."""
    generator = np.random.default_rng(seed)
    K, N = workload.dimension, workload.num_components
    flow = _numpy_modes(workload) if workload.kind == "quadratic" else _numpy_runge_kutta(workload)
    longest = np.inf if workload.kind == "quadratic" else step
    out = np.empty((num_paths, len(workload.times), 2 * K), np.float32)
    q, p = np.tile(workload.position, (num_paths, 1)), np.zeros((num_paths, K))
    i, now = generator.integers(N, size=num_paths), np.zeros(num_paths)
    due = generator.exponential(1 / workload.rate, num_paths)
    for slot, save in enumerate(workload.times):
        moving = np.arange(num_paths)
        while len(moving):
            target = np.minimum(due[moving], save)
            reached = target - now[moving] <= longest
            target = np.where(reached, target, now[moving] + longest)
            q[moving], p[moving] = flow(q[moving], p[moving], i[moving], (target - now[moving])[:, None])
            now[moving] = target
            switched = moving[reached & (due[moving] < save)]
            i[switched] = generator.integers(N, size=len(switched))
            due[switched] += generator.exponential(1 / workload.rate, len(switched))
            moving = moving[now[moving] < save]
        out[:, slot, :K], out[:, slot, K:] = q, p
    return out


def _numpy_modes(workload: Workload):
    curvature, frames, centre = modes(workload)
    half, stiff = workload.friction / (2 * workload.mass), curvature / workload.mass
    omega = np.sqrt((stiff - half * half).astype(complex))  # imaginary where over-damped: the formulas stay the same

    def flow(q, p, i, t):
        U = frames[i]
        x = ((q - centre[i])[:, None] @ U)[:, 0]
        v = (p[:, None] @ U)[:, 0]
        fade, w = np.exp(-half * t), omega[i]
        cosine, sine = fade * np.cos(w * t).real, fade * (np.sin(w * t) / w).real
        moved = x * cosine + (v + half * x) * sine
        speed = v * cosine - (half * v + stiff[i] * x) * sine
        return (U @ moved[..., None])[..., 0] + centre[i], (U @ speed[..., None])[..., 0]

    return flow


def _numpy_runge_kutta(workload: Workload):
    (data,) = (array.astype(np.float64) for array in workload.arrays.values())
    mass, friction = workload.mass, workload.friction

    def acceleration(q, p, i):
        if workload.kind == "logistic":
            x = data[i]
            force = x / (1 + np.exp(np.einsum("mk,mk->m", x, q)))[:, None] - RIDGE * q
        else:
            force = -(2 * q**3 - 16 * q + 2.5 + data[i])
        return (force - friction * p) / mass

    def flow(q, p, i, h):
        a1 = acceleration(q, p, i)
        p2 = p + h / 2 * a1
        a2 = acceleration(q + h / 2 * p, p2, i)
        p3 = p + h / 2 * a2
        a3 = acceleration(q + h / 2 * p2, p3, i)
        p4 = p + h * a3
        a4 = acceleration(q + h * p3, p4, i)
        return q + h / 6 * (p + 2 * p2 + 2 * p3 + p4), p + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)

    return flow
