"""The flows against closed forms, a matrix exponential, and each other; the order of accuracy is measured."""

import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.integrate

from reference import sgmp_steps
from underdamped import Constant, ExponentialDecay, PowerDecay
from underdamped.process import (
    Diffrax,
    Exact,
    ExponentialEuler,
    ExponentialHeun,
    FiniteSum,
    Quadratic,
    RungeKutta4,
    SemiImplicitEuler,
    UniformSwitching,
    simulate,
)
from underdamped.process.phi import phi
from underdamped.process.trigonometry import sine_cosine

pytestmark = pytest.mark.usefixtures("x64")

TIMES = np.linspace(0.1, 3.0, 30)
STILL = UniformSwitching(1, rate=0.0)
MASSES = [1.0, 1e-2, 1e-4, 1e-8, 0.0]


def run(target, flow, times=TIMES, position=(1.0,), **options):
    path = simulate(target, STILL, position=position, times=times, key=jax.random.key(0), flow=flow, **options)
    return np.asarray(path.position), np.asarray(path.velocity)


def unit_quadratic():
    return Quadratic(A=[[1.0]], b=[[0.0]])


def underdamped_closed_form(t):
    """Fig. 2: mass 1, friction 1, from rest at 1."""
    w = math.sqrt(3) / 2
    return np.exp(-t / 2) * (np.sin(w * t) / math.sqrt(3) + np.cos(w * t))


def measured_order(flow, steps, exact, target, **options):
    errors = [np.abs(run(target, flow(step), [1.0, 2.0], **options)[0] - exact).max() for step in steps]
    return np.polyfit(np.log(steps), np.log(errors), 1)[0], np.array(errors)


def test_exact_flow_is_the_closed_form_of_figure_2():
    position, velocity = run(unit_quadratic(), Exact(), mass=1.0)
    np.testing.assert_allclose(position[:, 0], underdamped_closed_form(TIMES), atol=1e-13)
    slope = -2 / math.sqrt(3) * np.exp(-TIMES / 2) * np.sin(math.sqrt(3) / 2 * TIMES)
    np.testing.assert_allclose(velocity[:, 0], slope, atol=1e-13)


@pytest.mark.parametrize("mass", [0.0, 1e-12, 1e-8, 1e-3, 0.1, 1.0, 50.0])
def test_exact_flow_in_every_regime_of_damping(mass):
    """Unstable, flat, nearly flat, over-, critically, nearly critically and under-damped, against 50-digit roots."""
    friction, force, start, kick, duration = 0.7, 0.4, 1.3, -0.6, 0.9
    critical = friction**2 / (4 * mass) if mass else 7.0
    curvatures = [-1.0, 0.0, 1e-9, 0.3, 1.0, 40.0, critical, critical * (1 + 1e-12), critical * (1 - 1e-7)]
    K = len(curvatures)
    position, velocity = run(
        Quadratic([curvatures], [[force] * K]),
        Exact(),
        [duration],
        [start] * K,
        velocity=[kick] * K,
        mass=mass,
        friction=friction,
    )

    def closed_form(a):
        a, m, t, c = mpmath.mpf(a), mpmath.mpf(mass), mpmath.mpf(duration), mpmath.mpf(friction)
        a = a or mpmath.mpf(10) ** -40
        rest = force / a
        if m == 0:
            q = rest + (start - rest) * mpmath.exp(-a * t / c)
            return q, (force - a * q) / c
        D = mpmath.sqrt(c**2 - 4 * a * m)
        D = D or mpmath.mpf(10) ** -40
        fast, slow = -(c + D) / (2 * m), -(c - D) / (2 * m)
        C = (kick - fast * (start - rest)) / (slow - fast)
        B = start - rest - C
        q = rest + C * mpmath.exp(slow * t) + B * mpmath.exp(fast * t)
        return mpmath.re(q), mpmath.re(slow * C * mpmath.exp(slow * t) + fast * B * mpmath.exp(fast * t))

    with mpmath.workdps(120):
        expected = np.array([[float(x) for x in closed_form(a)] for a in curvatures])
    np.testing.assert_allclose(position[0], expected[:, 0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(velocity[0], expected[:, 1], rtol=1e-11, atol=1e-14)


@pytest.mark.slow
def test_exact_flow_of_full_matrices_is_that_of_their_eigenvectors():
    rng = np.random.default_rng(0)
    Q, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    values, b, start, kick = np.array([0.1, 1.0, 3.0, 20.0]), rng.normal(size=4), rng.normal(size=4), rng.normal(size=4)
    full = run(Quadratic([(Q * values) @ Q.T], [b]), Exact(), position=start, velocity=kick, mass=0.3)
    modes = run(Quadratic([values], [b @ Q]), Exact(), position=start @ Q, velocity=kick @ Q, mass=Constant(0.3))
    for of_full, of_modes in zip(full, modes, strict=True):
        np.testing.assert_allclose(of_full, of_modes @ Q.T, atol=1e-13)


@pytest.mark.parametrize(("flow", "order"), [(SemiImplicitEuler, 1), (ExponentialEuler, 1), (ExponentialHeun, 2)])
@pytest.mark.parametrize("mass", MASSES)
def test_order_at_constant_mass(flow, order, mass):
    target, start = Quadratic([[1.0, 2.5]], [[0.3, -0.4]]), {"position": [1.0, -0.5], "velocity": [1.0, 0.7]}
    exact = run(target, Exact(), [1.0, 2.0], mass=mass, **start)[0]
    # The error constant changes where the step passes the mass; the order is that on either side.
    finest = 11 if mass == 1e-2 else 8
    steps = 2.0 ** -np.arange(finest - 2, finest + 1)
    slope, errors = measured_order(flow, steps, exact, target, mass=mass, **start)
    assert abs(slope - order) < 0.1
    assert (errors < 0.5 * steps**order).all()  # the same constant at every mass


@pytest.mark.parametrize(
    ("flow", "order", "most"), [(SemiImplicitEuler, 1, 0.6), (ExponentialEuler, 1, 0.6), (ExponentialHeun, 2, 0.1)]
)
@pytest.mark.parametrize("mass", [1.0, 0.1, 0.01, 1e-4, 0.0])
def test_one_error_constant_holds_at_every_step_and_mass(flow, order, most, mass):
    """Also where the step passes the mass, and for the velocity."""
    target, start = Quadratic([[1.0, 2.5]], [[0.3, -0.4]]), {"position": [1.0, -0.5], "velocity": [1.0, 0.7]}
    exact = run(target, Exact(), [1.0, 2.0], mass=mass, **start)
    for step in 2.0 ** -np.arange(4, 14):
        for found, truth in zip(run(target, flow(step), [1.0, 2.0], mass=mass, **start), exact, strict=True):
            assert np.abs(found - truth).max() <= most * step**order


@pytest.mark.parametrize("mass", [1.0, 0.1, 0.0, PowerDecay(1.0, 1.0)])
def test_order_of_runge_kutta(mass):
    if callable(mass):
        slope, _ = measured_order(
            RungeKutta4, 2.0 ** -np.arange(6, 9), np.exp([[-0.5], [-2.0]]), unit_quadratic(), mass=mass
        )
    else:
        target, start = Quadratic([[1.0, 2.5]], [[0.3, -0.4]]), {"position": [1.0, -0.5], "velocity": [1.0, 0.7]}
        exact = run(target, Exact(), [1.0, 2.0], mass=mass, **start)[0]
        slope, _ = measured_order(RungeKutta4, 2.0 ** -np.arange(6, 9), exact, target, mass=mass, **start)
    assert abs(slope - 4) < 0.1


@pytest.mark.parametrize("flow", [RungeKutta4(0.01), Diffrax()])
@pytest.mark.parametrize("mass", [0.0, 0.5])
def test_a_constant_schedule_is_a_number(flow, mass):
    for by_schedule, by_number in zip(
        run(unit_quadratic(), flow, [0.5], mass=Constant(mass)),
        run(unit_quadratic(), flow, [0.5], mass=mass),
        strict=True,
    ):
        np.testing.assert_array_equal(by_schedule, by_number)


def solved_at_decreasing_mass(mass):
    """Position from rest at 1 in the unit quadratic."""
    if mass == PowerDecay(1.0, 1.0):
        return np.exp(-(np.array([[1.0], [2.0]]) ** 2) / 2)  # Fig. 2, right
    solution = scipy.integrate.solve_ivp(
        lambda t, z: [z[1], -(z[0] + z[1]) / mass(t)],
        (0, 2),
        [1, 0],
        "Radau",
        [1.0, 2.0],
        rtol=1e-12,
        atol=1e-14,
        jac=lambda t, z: np.array([[0, 1], [-1 / mass(t), -1 / mass(t)]]),
    )
    return solution.y[0][:, None]


@pytest.mark.parametrize(("flow", "order"), [(SemiImplicitEuler, 1), (ExponentialEuler, 1), (ExponentialHeun, 2)])
@pytest.mark.parametrize(
    ("mass", "finest"), [(1.0, 10), (1e-2, 14), (1e-4, 7), (1e-8, 10)]
)  # away from where the step passes the mass
def test_order_at_decreasing_mass(flow, order, mass, finest):
    mass = PowerDecay(mass, 1.0)
    steps = 2.0 ** -np.arange(finest - 2, finest + 1)
    slope, _ = measured_order(flow, steps, solved_at_decreasing_mass(mass), unit_quadratic(), mass=mass)
    assert abs(slope - order) < 0.1


@pytest.mark.parametrize("make", [lambda mass: PowerDecay(mass, 1.0), lambda mass: ExponentialDecay(mass, 2.0)])
@pytest.mark.parametrize("mass", [1.0, 1e-2, 1e-4, 1e-8])
def test_one_error_constant_holds_at_every_step_and_decreasing_mass(make, mass):
    """Also where the step passes the mass on its way down."""
    mass, steps = make(mass), 2.0 ** -np.arange(4, 12)
    _, errors = measured_order(ExponentialHeun, steps, solved_at_decreasing_mass(mass), unit_quadratic(), mass=mass)
    assert (errors <= 0.1 * steps**2).all()


@pytest.mark.slow
def test_exponential_heun_against_diffrax_on_a_nonlinear_target():
    target = FiniteSum(lambda q, y: jnp.sum(jnp.cosh(q - y) + 0.1 * q[0] * q[1]), jnp.array([[0.5, -1.0]]))
    for mass in (PowerDecay(0.1, 1.0), 0.0):
        reference = run(target, Diffrax(1e-9, 1e-11), [1.0, 2.0], [1.0, 2.0], mass=mass)
        for ours, theirs in zip(
            run(target, ExponentialHeun(1e-3), [1.0, 2.0], [1.0, 2.0], mass=mass), reference, strict=True
        ):
            np.testing.assert_allclose(ours, theirs, atol=3e-6)


def test_semi_implicit_euler_is_the_papers_scheme():
    mass = PowerDecay(0.7, 0.3)
    position, velocity = run(
        unit_quadratic(), SemiImplicitEuler(0.1), np.arange(1, 11) / 10, mass=mass, friction=1.5, velocity=[0.4]
    )
    reference = sgmp_steps(lambda q, n: q, [1.0], [0.1] * 10, [mass(0.1 * n) for n in range(10)], 1.5, [0.4])
    np.testing.assert_allclose(position, reference[0], rtol=1e-13)
    np.testing.assert_allclose(velocity, reference[1], rtol=1e-12)


def test_steps_end_at_saved_times_and_are_never_longer_than_asked():
    coarse, fine = (run(unit_quadratic(), SemiImplicitEuler(h), [0.25, 1.0], mass=0.0)[0] for h in (0.2, 0.1249))
    assert coarse[0, 0] == pytest.approx((1 - 0.125) ** 2)
    assert fine[0, 0] == pytest.approx((1 - 0.25 / 3) ** 3)


def test_phi_functions_by_their_integrals():
    x = np.concatenate([[0.0], 10.0 ** np.arange(-12, 4), [0.999999, 1.0, 1.000001]])
    node, weight = np.polynomial.legendre.leggauss(60)
    s, w = (node + 1) / 2, weight / 2
    values = phi(jnp.asarray(x))
    for k, got in [(1, values.x_phi1), (2, values.x_phi2), (3, values.x_phi3)]:
        integral = (np.exp(-np.outer(x, 1 - s)) * s ** (k - 1) / math.factorial(k - 1)) @ w
        keep = x < 60  # the quadrature's own limit
        np.testing.assert_allclose(got[keep], (x * integral)[keep], rtol=1e-12)
    at_mass_zero = phi(jnp.array([jnp.inf]))
    np.testing.assert_array_equal(np.concatenate(at_mass_zero), [0, 0, 1, 1, 0.5])


def test_sine_and_cosine():
    angle = np.random.default_rng(0).uniform(-3000, 3000, 100_000)
    for dtype, tolerance in [(np.float64, 4e-16), (np.float32, 2e-7)]:
        rounded = angle.astype(dtype)
        sine, cosine = sine_cosine(jnp.asarray(rounded))
        np.testing.assert_allclose(sine, np.sin(rounded.astype(np.float64)), atol=tolerance, rtol=0)
        np.testing.assert_allclose(cosine, np.cos(rounded.astype(np.float64)), atol=tolerance, rtol=0)
