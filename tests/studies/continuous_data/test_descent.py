"""The scheme against its own equation, the indices against their laws, everything against exact moments."""

import math

import jax
import numpy as np
import pytest
from numpy.polynomial import legendre
from scipy import stats

from underdamped import semi_implicit_euler
from underdamped.process import PureJump, ReflectedBrownianMotion
from underdamped.studies.continuous_data.descent import _advance, _begin, descend, plan_steps, step
from underdamped.studies.continuous_data.indices import FreshPoints, ProjectedBrownianMotion, index_processes
from underdamped.studies.continuous_data.moments import _steps, mean_square_growth, stationary_error
from underdamped.studies.continuous_data.published import PUBLISHED
from underdamped.studies.continuous_data.regression import Regression, draw_noise

PLAIN = Regression(np.zeros(200))
H = 0.1


def one_step(mass, *, implicit, y=0.7, observed=0.4, regularization=0.01):
    random = np.random.default_rng(0)
    q, p = random.normal(size=(2, 9, 1))
    decay, gain = semi_implicit_euler(H, mass, 1.0)
    features = legendre.legvander(np.array([y]), 8)[0]
    with jax.enable_x64(True):
        new = step(q, p, features, observed, H, decay, gain, regularization=regularization, implicit=implicit)
    q_new, p_new = (np.asarray(each) for each in new)

    def gradient(q):
        return -(observed - features @ q) * features[:, None] + regularization * q

    return q, p, q_new, p_new, decay, gain, gradient


@pytest.mark.parametrize("mass", [0.0, 0.3, 20.0])
@pytest.mark.parametrize("implicit", [False, True])
def test_a_step_solves_its_equation(mass, implicit):
    q, p, q_new, p_new, decay, gain, gradient = one_step(mass, implicit=implicit)
    at = q_new if implicit else q
    np.testing.assert_allclose(p_new, decay * p - gain * gradient(at), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(q_new, q + H * p_new, rtol=1e-12)


def test_steps_are_planned_by_the_coefficients_of_the_core():
    from underdamped.schedules import ExponentialDecay

    sizes = np.array([0.1, 0.2, 0.3])
    steps = plan_steps(sizes, [0.5, ExponentialDecay(2.0, rate=1.0)])
    for n, time in enumerate([0.0, 0.1, 0.3]):
        for column, mass in enumerate([0.5, 2.0 * math.exp(-time)]):
            expected = semi_implicit_euler(sizes[n], mass, 1.0)
            assert (steps.decay[n, column], steps.gain[n, column]) == pytest.approx(expected, rel=1e-6)


def after(index, number_of_steps, runs, duration=H):
    def path(run):
        clocked = _begin(index, jax.random.key(0), run)
        return jax.lax.fori_loop(0, number_of_steps, lambda _, each: _advance(index, each, duration), clocked).state[0]

    return np.asarray(jax.jit(jax.vmap(path))(np.arange(runs)), np.float64)


def test_all_start_at_zero_and_the_index_of_sgd_is_fresh_each_step():
    assert (after(FreshPoints(H), 0, 100) == 0).all()
    assert stats.kstest(after(FreshPoints(H), 1, 20_000), stats.uniform(-1, 2).cdf).pvalue > 1e-3
    one, two = after(FreshPoints(H), 1, 20_000), after(FreshPoints(H), 2, 20_000)
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / math.sqrt(20_000)


@pytest.mark.parametrize("steps", [1, 7])
def test_a_pure_jump_process_is_kept_with_the_probability_of_no_jump(steps):
    kept = (after(PureJump(1.0, -1.0, 1.0), steps, 20_000) == 0).sum()
    assert stats.binomtest(int(kept), 20_000, math.exp(-H * steps)).pvalue > 1e-3


def test_brownian_motion_moves_once_a_step():
    """From the middle, before it can reach a wall, it is normal."""
    moved = after(ReflectedBrownianMotion(0.05, H, -1.0, 1.0), 4, 20_000)
    assert stats.kstest(moved, stats.norm(scale=0.05 * math.sqrt(4 * H)).cdf).pvalue > 1e-3


def test_projection_piles_up_at_the_walls_and_reflection_does_not():
    projected = after(ProjectedBrownianMotion(5.0, H, 10), 20, 5000)
    assert (np.abs(projected) == 1).mean() > 0.1
    reflected = after(ReflectedBrownianMotion(5.0, H, -1.0, 1.0), 20, 5000)
    assert stats.kstest(reflected, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_the_rows_are_those_of_the_published_table():
    assert list(index_processes(H)) == list(PUBLISHED)
    assert list(index_processes(H, projected_substeps=10)) == list(PUBLISHED)


def errors(regression, indices, masses, steps, runs, h=H, **options):
    return descend(
        regression, indices, plan_steps(np.full(steps, h), masses), index_step=h, saved=[steps // 2, steps],
        runs=runs, key=jax.random.key(1), **options,
    )  # fmt: skip


@pytest.mark.slow
def test_runs_depend_on_their_number_alone_and_masses_share_the_index():
    indices = [FreshPoints(H), PureJump(1.0, -1.0, 1.0), PureJump(10.0, -1.0, 1.0)]
    few = errors(PLAIN, indices, [0.0, 1e-7, 1.0], 60, runs=2)
    many = errors(PLAIN, indices, [0.0, 1e-7, 1.0], 60, runs=5)
    np.testing.assert_allclose(few.relative, many.relative[..., :2], rtol=1e-5)
    assert few.relative.shape == (2, 3, 3, 2)
    assert (few.apart[:, 0] == 0).all()
    assert few.apart[:, 1].max() < 1e-4 < few.apart[:, 2].min()
    assert len(np.unique(many.relative[-1, 0, 0])) == 5


@pytest.mark.slow
def test_data_of_one_run_are_not_those_of_another():
    own = Regression(draw_noise(0, runs=2))
    indices = [FreshPoints(H)]
    together = errors(own, indices, [0.0], 200, runs=2).relative[-1, 0, 0]
    alone = errors(Regression(own.noise[1]), indices, [0.0], 200, runs=2).relative[-1, 0, 0]
    assert together[1] == pytest.approx(alone[1], rel=1e-4)
    assert together[0] != pytest.approx(alone[0], rel=1e-3)


@pytest.mark.parametrize(
    ("index", "keep", "mass", "noise"),
    [
        (FreshPoints(0.2), 0.0, 0.0, True),
        pytest.param(FreshPoints(0.2), 0.0, 1.0, False, marks=pytest.mark.slow),
        pytest.param(PureJump(2.0, -1.0, 1.0), math.exp(-0.4), 0.0, True, marks=pytest.mark.slow),
        (PureJump(2.0, -1.0, 1.0), math.exp(-0.4), 0.5, False),
    ],
    ids=["fresh", "fresh, mass", "jump", "jump, mass"],
)
def test_stationary_errors_are_those_of_the_moment_equations(index, keep, mass, noise):
    """Two programs that share nothing but the problem: 2000 runs against a linear system."""
    regression = Regression(draw_noise(0)) if noise else PLAIN
    squares = errors(regression, [index], [mass], 4000, runs=2000, h=0.2).relative[-1, 0, 0] ** 2
    exact = stationary_error(regression, step_size=0.2, mass=mass, keep=keep, nodes=1000 if noise else 40)
    z = (squares.mean() - exact**2) / (squares.std(ddof=1) / math.sqrt(len(squares)))
    assert abs(z) < 4


@pytest.mark.parametrize("keep", [0.0, math.exp(-0.1), math.exp(-0.01)])
@pytest.mark.parametrize("mass", [0.0, 1.0, 10.0])
def test_growth_tells_whether_the_mean_square_grows(keep, mass):
    """The joint second moments of state and index, moved on step by step without any renewal argument."""
    nodes = 12
    growth = mean_square_growth(PLAIN, step_size=H, mass=mass, keep=keep, nodes=nodes)
    F, _, probability = _steps(PLAIN, H, mass, nodes)
    X, rate = probability[:, None, None] * np.eye(F.shape[-1]), 0.0
    for _ in range(6000):
        X = F @ X @ F.swapaxes(1, 2)
        X = keep * X + (1 - keep) * probability[:, None, None] * X.sum(0)
        size = np.trace(X.sum(0))
        X, rate = X / size, math.log(size)
    assert (growth < 1) == (rate < 0)
    if keep == 0:  # then every step is a redraw
        assert growth == pytest.approx(math.exp(rate), rel=1e-6)


def test_a_heavy_particle_is_unstable_where_exact_moments_say_so():
    keep = math.exp(-0.1)
    assert mean_square_growth(PLAIN, step_size=H, mass=10.0, keep=keep) > 1
    assert stationary_error(PLAIN, step_size=H, mass=10.0, keep=keep) == math.inf
    both = errors(PLAIN, [PureJump(1.0, -1.0, 1.0)], [1.0, 10.0], 4000, runs=50).relative[-1, :, 0]
    assert both[0].max() < 1 < both[1].mean()
