"""The compiled race against plain loops: every method, every seed, the same batches."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from reference import sgmp_steps
from underdamped.process import Quadratic
from underdamped.studies.descent.batches import draw_batches
from underdamped.studies.descent.contenders import CONTENDERS, GRID_SIZE, Context, Setting, stacked
from underdamped.studies.descent.race import race

T, L = 12, 4.0
CONTEXT = Context(rule=1 / L, num_steps=T)
BY_NAME = {contender.name: contender for contender in CONTENDERS}
START = np.array([2.0, -1.0])


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def target():
    generator = np.random.default_rng(0)
    x = generator.standard_normal((9, 2))
    return Quadratic(x[:, :, None] * x[:, None, :] + 0.1 * np.eye(2), generator.standard_normal((9, 2)))


@pytest.fixture
def batches():
    return draw_batches(np.random.default_rng(1), 9, 3, (T, 2))


def run(target, contenders, settings, batches, checkpoints=(T,)):
    chosen = [stacked(each) for each in settings]
    return race(target, target.minimizer, contenders, chosen, CONTEXT, batches, list(checkpoints), START)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_race_is_the_plain_loop_of_each_method(name, target, batches):
    contender = BY_NAME[name]
    settings = [contender.by_rule(CONTEXT), contender.grid(CONTEXT)[GRID_SIZE // 3]]
    found = run(target, [contender], [settings], batches, checkpoints=(1, 5, T))
    assert found.distance.shape == (1, 3, 2, 2)
    for run_number, setting in enumerate(settings):
        solver = contender.build(setting, CONTEXT)
        q, state = jnp.asarray(START), solver.init(jnp.asarray(START))
        distances = []
        for n in range(T):
            updates, state = solver.update(
                target.gradient(jnp.asarray(q), jnp.asarray(batches[n, run_number])), state, q
            )
            q = optax.apply_updates(q, updates)
            answer = contender.answer(state, q)
            distances.append(float(jnp.linalg.norm(answer - target.minimizer)))
        expected = [distances[0], distances[4], distances[-1]]
        np.testing.assert_allclose(found.distance[0, :, run_number, run_number], expected, rtol=1e-9)
        gap = float(target.potential(answer) - target.potential(target.minimizer))
        np.testing.assert_allclose(found.gap[0, -1, run_number, run_number], gap, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "mass_at"), [("hSGMP", lambda n: 9 / L), ("dmSGMP", lambda n: 9 / L * 0.01 ** (n / (0.5 * T)))]
)
def test_sgmp_is_the_scheme_of_the_paper(name, mass_at, target, batches):
    setting = BY_NAME[name].by_rule(CONTEXT)._replace(fade=7.0)
    found = run(target, [BY_NAME[name]], [[setting]], batches)
    steps = [(1 / L) / (1 + 7.0 * n / T) for n in range(T)]
    positions, _ = sgmp_steps(
        lambda q, n: np.asarray(target.gradient(jnp.asarray(q), jnp.asarray(batches[n, 1]))),
        START,
        steps,
        [mass_at(n) for n in range(T)],
        1.0,
    )
    expected = np.linalg.norm(positions[-1] - np.asarray(target.minimizer))
    np.testing.assert_allclose(found.distance[0, 0, 1, 0], expected, rtol=1e-9)


def test_hsgmp_with_constant_steps_is_classical_momentum(target, batches):
    pair = [BY_NAME["hSGMP"], BY_NAME["classical momentum"]]
    found = run(target, pair, [[contender.by_rule(CONTEXT)] for contender in pair], batches)
    np.testing.assert_allclose(found.distance[0], found.distance[1], rtol=1e-9)


def test_averages_are_means_of_sgd_iterates(target, batches):
    found = run(target, [BY_NAME["Polyak averaging"]], [[Setting(0.1, 0.0, 0.5)]], batches)
    q, iterates = START, []
    for n in range(T):
        q = q - 0.1 * np.asarray(target.gradient(jnp.asarray(q), jnp.asarray(batches[n, 0])))
        iterates.append(q)
    expected = np.linalg.norm(np.mean(iterates[T // 2 :], axis=0) - np.asarray(target.minimizer))
    np.testing.assert_allclose(found.distance[0, 0, 0, 0], expected, rtol=1e-9)


def test_adamw_does_not_move_the_minimiser(target):
    """With all components in each batch, and steps that fade, it comes to the true minimiser."""
    context = Context(1 / L, 4000)
    everything = np.tile(np.arange(9), (4000, 1, 1))
    setting = stacked([Setting(0.1, 1e3, 0.99)])
    found = race(target, target.minimizer, [BY_NAME["AdamW"]], [setting], context, everything, [4000], START)
    assert found.distance.item() < 1e-6


def test_budgets_are_equal_and_the_rule_is_among_the_steps():
    for contender in CONTENDERS:
        grid = contender.grid(CONTEXT)
        assert len(grid) == len(set(grid)) == GRID_SIZE
        if contender.name not in ("SGD", "AdamW"):
            assert any(abs(setting.step * L - 1) < 1e-12 for setting in grid)


def test_one_divergence_leaves_the_others_alone(target, batches):
    settings = [Setting(1e200, 0.0, 0.0), Setting(0.1, 0.0, 0.0)]
    found = run(target, [BY_NAME["SGD"]], [settings], batches)
    alone = run(target, [BY_NAME["SGD"]], [settings[1:]], batches)
    assert not np.isfinite(found.distance[..., 0]).any()
    np.testing.assert_array_equal(found.distance[..., 1], alone.distance[..., 0])
