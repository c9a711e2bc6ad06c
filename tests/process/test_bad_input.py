"""Bad input is refused before the work, with the argument, its bound, what was given and the way out."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from underdamped import Decay, ExponentialDecay, LinearDecay, PowerGrowth, Scaled
from underdamped.process import (
    Bounded,
    ContinuousData,
    Diffrax,
    Dynamics,
    Exact,
    ExponentialHeun,
    FiniteSum,
    MarkovSwitching,
    Probability,
    PureJump,
    Quadratic,
    Quantiles,
    ReflectedBrownianMotion,
    Reshuffling,
    RungeKutta4,
    SemiImplicitEuler,
    Splitting,
    UniformSwitching,
    simulate,
    simulate_coupled,
    simulate_coupled_ensemble,
    simulate_ensemble,
    switch_times,
)
from underdamped.process.distances import bootstrap, sliced_wasserstein, wasserstein
from underdamped.process.landscapes import (
    himmelblau,
    logistic_regression,
    quartic,
    random_tilts,
    softmax_regression,
    styblinski_tang,
)

TARGET = Quadratic(jnp.ones((3, 2)), jnp.zeros((3, 2)))
FULL = Quadratic(jnp.stack([jnp.eye(2)] * 3), jnp.zeros((3, 2)))
KEY = jax.random.key(0)
INFINITELY_FAST = UniformSwitching(3, math.inf)
GOOD = {
    "target": TARGET,
    "index": UniformSwitching(3, 1.0),
    "mass": 0.1,
    "position": [1.0, 0.0],
    "times": [0.5, 1.0],
    "key": KEY,
    "flow": Exact(),
}


class Halving(Decay):
    """A schedule of one's own that JAX cannot trace."""

    def __call__(self, t):
        """By the library that knows no arrays."""
        return math.exp(-t)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"times": [1.0, 0.5]}, ValueError, "`times` must be finite, not negative and strictly increasing"),
        ({"times": [-1.0, 0.5]}, ValueError, "`times` must be finite, not negative"),
        ({"times": [1.0, math.nan]}, ValueError, "`times` must be finite"),
        ({"times": []}, ValueError, "`times` must be one-dimensional and not empty"),
        ({"times": 1.0}, ValueError, "`times` must be one-dimensional and not empty"),
        ({"times": [0.5, 0.5]}, ValueError, "`times` must be finite, not negative and strictly increasing"),
        ({"times": ["soon"]}, TypeError, "`times` must be made of numbers"),
        ({"mass": None}, TypeError, "`mass` must be a number"),
        ({"mass": jnp.ones(2)}, TypeError, "`mass` must be a number"),
        ({"mass": lambda t: jnp.ones(2), "flow": ExponentialHeun(0.1)}, ValueError, "`mass` must be one number at a"),
        ({"friction": math.nan}, ValueError, "`friction` must be finite"),
        ({"mass": -0.1}, ValueError, "`mass` must be non-negative"),
        ({"mass": math.inf}, ValueError, "`mass` must be finite"),
        ({"mass": lambda t: 0.5 - t, "flow": ExponentialHeun(0.1)}, ValueError, "`mass` must be non-negative at all"),
        ({"mass": lambda t: jnp.cos(8 * math.pi * t), "flow": ExponentialHeun(0.1)}, ValueError, "non-negative at all"),
        (
            {"mass": lambda t: jnp.where(t > 0.7, jnp.nan, 1.0), "flow": ExponentialHeun(0.1)},
            ValueError,
            "`mass` must be finite at all",
        ),
        ({"mass": lambda t: math.exp(-t), "flow": ExponentialHeun(0.1)}, TypeError, "write it with jax.numpy"),
        (
            {"mass": lambda t: None, "flow": ExponentialHeun(0.1)},
            TypeError,
            "`mass` must be a function that JAX can tr",
        ),
        ({"mass": lambda t: np.exp(-t), "flow": ExponentialHeun(0.1)}, TypeError, "write it with jax.numpy"),
        ({"mass": ExponentialDecay(1.0, 5.0), "flow": RungeKutta4(0.1)}, ValueError, "2.7 mass / friction = 0.0182"),
        ({"mass": LinearDecay(1.0, 1.0), "flow": RungeKutta4(1e-3)}, ValueError, "a schedule that reaches 0.*Heun"),
        ({"mass": LinearDecay(1.0, 1.0), "flow": Diffrax()}, ValueError, "a schedule that reaches 0.*Heun"),
        ({"mass": ExponentialDecay(1.0, 1.0)}, TypeError, "`mass` must be a number or Constant when the flow is Exact"),
        ({"friction": 0.0}, ValueError, "`friction` must be positive"),
        ({"friction": -1.0}, ValueError, "`friction` must be positive"),
        ({"position": [1.0]}, ValueError, "`position` must be of the dimension of the target"),
        ({"position": 1.0}, ValueError, r"`position` must be of shape \(K,\)"),
        ({"position": "here"}, TypeError, "`position` must be made of numbers"),
        ({"position": [1j, 0.0]}, TypeError, "`position` must be real"),
        ({"position": [[1.0], [1.0, 0.0]]}, ValueError, "`position` must be an array.*differ in length"),
        ({"position": [1.0, math.nan]}, ValueError, "`position` must be finite"),
        ({"position": np.ones((4, 2))}, ValueError, r"`position` must be of shape \(K,\), or \(1, K\)"),
        ({"velocity": [0.0, math.inf]}, ValueError, "`velocity` must be finite"),
        ({"velocity": [1.0]}, ValueError, "`velocity` must be of the dimension of `position`"),
        ({"index": UniformSwitching(4, 1.0)}, ValueError, "`index` must be an index of what the target is made of"),
        ({"index": MarkovSwitching([[-1.0, 1.0], [1.0, -1.0]])}, ValueError, "`target` has 3 components"),
        ({"index": PureJump(1.0, 0.0, 1.0)}, ValueError, "`target` has 3 components"),
        ({"index": 3}, TypeError, "`index` must be an IndexProcess"),
        ({"target": lambda q: q}, TypeError, "wrap a function as FiniteSum"),
        ({"flow": "exact"}, TypeError, "`flow` must be a Flow"),
        ({"path_number": -1}, ValueError, "`path_number` must be from 0 to 4294967295"),
        ({"path_number": 2**32}, ValueError, "`path_number` must be from 0 to 4294967295"),
        ({"path_number": 0.5}, TypeError, "`path_number` must be an integer"),
        ({"key": 0}, TypeError, r"make one by jax.random.key\(seed\)"),
        ({"target": FiniteSum(lambda q, y: q * y, jnp.ones(3))}, ValueError, "`target` must be a scalar function"),
        ({"target": FiniteSum(lambda q, y: None, jnp.ones(3))}, ValueError, "`target` must be a scalar function"),
        (
            {"target": FiniteSum(lambda q, y: q @ y, jnp.ones((3, 5)))},
            TypeError,
            r"position of shape \(2,\) and a data point of shape \(5,\)",
        ),
        (
            {"target": FiniteSum(lambda q, y: q @ y["x"], {"x": jnp.ones((3, 5))}), "index": INFINITELY_FAST},
            TypeError,
            r"position of shape \(2,\) and a data point of shape \{'x': \(5,\)\}",
        ),
        (
            {"target": FiniteSum(lambda q, y: float(q[0]), jnp.ones(3))},
            TypeError,
            r"`target` must be a function .* that JAX can trace, got 'one that raises Concretization.*jax.numpy",
        ),
        (
            {"target": ContinuousData(lambda q, y: q @ y), "index": PureJump(1.0, [0.0] * 3, [1.0] * 3)},
            TypeError,
            r"position of shape \(2,\) and a data point of shape \(3,\)",
        ),
        ({"position": [1e300, 0.0]}, ValueError, "`position` must be in the range of float32, got 1e.300: .*x64"),
        ({"target": FiniteSum(lambda q, y: 1j * q @ q, jnp.ones(3))}, TypeError, "`target` must be a real function"),
        ({"target": FiniteSum(lambda q, y: 1, jnp.ones(3))}, TypeError, "`target` must be a real function"),
        ({"target": FiniteSum(lambda q, y: q @ q, jnp.ones(3))}, TypeError, "`target` must be a Quadratic when"),
        ({"target": FULL, "index": UniformSwitching(3, 1.0, 2)}, ValueError, "`batch_size` must be 1 or N"),
        ({"mass": 1e-3, "flow": RungeKutta4(0.1)}, ValueError, "`step` must be at most 2.7 mass / friction = 0.0027"),
        ({"times": [1e7], "index": UniformSwitching(3, 10.0)}, ValueError, "jax_enable_x64"),
        ({"times": [1e3], "flow": SemiImplicitEuler(1e-5)}, ValueError, "jax_enable_x64"),
    ],
)
def test_simulate_refuses(wrong, error, message):
    with pytest.raises(error, match=message):
        simulate(**(GOOD | wrong))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Quadratic(jnp.ones((3, 2)), jnp.ones((2, 2))), ValueError, "`A` must be of shape"),
        (lambda: Quadratic(jnp.ones((3, 2)), jnp.ones(3)), ValueError, "`b` must be of shape"),
        (lambda: Quadratic([[[1.0, 2.0], [0.0, 1.0]]], [[0.0, 0.0]]), ValueError, "`A` must be symmetric"),
        (lambda: quartic([[[1.0, 2.0], [0.0, 1.0]]], [[0.0, 0.0]]), ValueError, "`A` must be symmetric"),
        (lambda: Quadratic([[math.nan]], [[0.0]]), ValueError, "`A` must be finite"),
        (lambda: Quadratic([[1e300]], [[0.0]]), ValueError, "`A` must be in the range of float32.*jax_enable_x64"),
        (
            lambda: FiniteSum(lambda q, y: q, np.array([2**32 + 1] * 2)),
            ValueError,
            "`data` must be in the range of int32, got 4294967297: set .*jax_enable_x64",
        ),
        (lambda: FiniteSum(lambda q, y: q, {"x": np.array([1.0, -1e300])}), ValueError, "`data` must be in the range"),
        (lambda: Quadratic([[1.0]], [[math.inf]]), ValueError, "`b` must be finite"),
        (lambda: Quadratic([["one"]], [[0.0]]), TypeError, "`A` must be made of numbers"),
        (
            lambda: FiniteSum(lambda q, y: q, {"x": np.ones(2), "y": [[1.0], [math.nan]]}),
            ValueError,
            "`data` must be fin",
        ),
        (lambda: FiniteSum(lambda q, y: q, np.ones((0, 2))), ValueError, "`data` must be of N >= 1"),
        (lambda: ContinuousData(3), TypeError, "`component` must be a function"),
        (lambda: FiniteSum(lambda q, y: q, [math.nan]), ValueError, "`data` must be finite"),
        (lambda: FiniteSum(lambda q, y: q, (jnp.ones(3), jnp.ones(2))), ValueError, "leading axis"),
        (lambda: FiniteSum(3, jnp.ones(3)), TypeError, "`component` must be a function"),
        (lambda: UniformSwitching(3, -1.0), ValueError, "`rate` must be non-negative"),
        (lambda: UniformSwitching(3, math.nan), ValueError, "`rate` must be finite"),
        (lambda: UniformSwitching(3, Scaled(lambda t: t, 2.0)), TypeError, "Bounded"),
        (lambda: Reshuffling(3, 1.0, 4), ValueError, "`batch_size` must be from 1 to 3"),
        (lambda: Reshuffling(3, Scaled(LinearDecay(1.0, 1.0), 2.0), regular=True), TypeError, "integral is known"),
        (lambda: UniformSwitching(3, 1.0, 4), ValueError, "`batch_size` must be from 1 to 3"),
        (lambda: UniformSwitching(0, 1.0), ValueError, "`num_components` must be at least 1"),
        (lambda: UniformSwitching(3.5, 1.0), TypeError, "`num_components` must be an integer"),
        (lambda: UniformSwitching(3, lambda t: 1.0), TypeError, "Bounded"),
        (lambda: Reshuffling(3, Bounded(jnp.sin, 1.0), regular=True), TypeError, "integral is known"),
        (lambda: MarkovSwitching([[-1.0, 2.0], [1.0, -1.0]]), ValueError, "rows that sum to 0"),
        (lambda: MarkovSwitching([[-1e6, 1e6], [0.3, 0.0]]), ValueError, "row 1 that sums to 0.3"),
        (lambda: MarkovSwitching([[-1e20, 1e20, 0], [0, -1, 1], [1, 0, -1]]), ValueError, "double precision"),
        (lambda: MarkovSwitching([[1.0, -1.0], [1.0, -1.0]]), ValueError, "non-negative off the diagonal"),
        (lambda: MarkovSwitching([[-math.inf, math.inf], [1.0, -1.0]]), ValueError, "`generator` must be finite"),
        (lambda: MarkovSwitching([[-1.0, 1.0], [1.0]]), ValueError, "differ in length"),
        (lambda: MarkovSwitching([[-1.0, 1.0], [1.0, -1.0]], -1.0), ValueError, "`speed` must be non-negative"),
        (lambda: MarkovSwitching([1.0]), ValueError, "square matrix"),
        (lambda: PureJump(1.0, 1.0, 0.0), ValueError, "`low` must be below `high`"),
        (lambda: ReflectedBrownianMotion(0.0, 0.1, 0.0, 1.0), ValueError, "`volatility` must be positive"),
        (lambda: ReflectedBrownianMotion(1.0, 0.0, 0.0, 1.0), ValueError, "`step` must be positive"),
        (lambda: PureJump(1.0, [0.0, 0.0], [1.0]), ValueError, "`low` must be below `high`"),
        (lambda: switch_times(UniformSwitching(3, 1.0), until=0.0, key=KEY), ValueError, "`until` must be positive"),
        (lambda: switch_times(UniformSwitching(3, math.inf), until=1.0, key=KEY), ValueError, "`rate` must be finite"),
        (lambda: switch_times(TARGET, until=1.0, key=KEY), TypeError, "`index` must be an IndexProcess"),
        (lambda: Bounded(jnp.sin, 0.0), ValueError, "`bound` must be positive"),
        (lambda: Bounded(lambda t: math.exp(-t), 1.0), TypeError, "`schedule` must be a function.*jax.numpy"),
        (lambda: Bounded(lambda t: jnp.ones(2), 1.0), ValueError, "`schedule` must be one number at a time, got 'shap"),
        (lambda: UniformSwitching(3, Halving()), TypeError, "`rate` must be a function that JAX can trace"),
        *(
            (lambda flow=flow, step=step: flow(step), error, f"`step` must be {bound}")
            for flow in (ExponentialHeun, Splitting)
            for step, error, bound in [
                (np.float32(-0.1), ValueError, "positive"),
                (jnp.array(-0.1), ValueError, "positive"),
                (jnp.array(0.0), ValueError, "positive"),
                (math.nan, ValueError, "finite"),
                (np.float32(math.nan), ValueError, "finite"),
                (jnp.array([0.1, 0.2]), TypeError, "a number"),
                (None, TypeError, "a number"),
                ("0.1", TypeError, "a number"),
            ]
        ),
        (lambda: Diffrax(max_steps=0), ValueError, "`max_steps` must be at least 1"),
        (lambda: Diffrax(solver="x"), TypeError, "`solver` must be a diffrax solver, got 'x'"),
        (lambda: Diffrax(solver=""), TypeError, "`solver` must be a diffrax solver, got ''"),
        (lambda: SemiImplicitEuler(0.0), ValueError, "`step` must be positive"),
        (lambda: PowerGrowth(1.0, -1.0), ValueError, "`power` must be positive"),
        (lambda: Quantiles([1.5]), ValueError, "`levels` must be in"),
        (lambda: Quantiles(0.5), TypeError, "`levels` must be a sequence of numbers, got 0.5"),
        (lambda: Probability(3), TypeError, "`indicator` must be a function of position and velocity, got 3"),
        (lambda: UniformSwitching(2, jnp.ones(2)), TypeError, "`rate` must be a number"),
        (lambda: Splitting(0.1, [2]), TypeError, "`order` must be an integer"),
        (lambda: softmax_regression([[1.0]], [0], 1.5), TypeError, "`num_classes` must be an integer"),
        (lambda: random_tilts(KEY, 0, 2), ValueError, "`num_components` must be at least"),
        (lambda: random_tilts(KEY, 1, 2), ValueError, "`num_components` must be at least 2, got 1"),
        (lambda: random_tilts(KEY, 2, 0), ValueError, "`dimension` must be at least 1"),
        (lambda: wasserstein(["a"], [1.0]), TypeError, "`first` must be made of numbers"),
        (
            lambda: wasserstein([1.0], [1.0], second_weights=["a"]),
            TypeError,
            "`second_weights` must be made of num",
        ),
        (
            lambda: sliced_wasserstein([1.0], [1.0], num_projections=2.5),
            TypeError,
            "`num_projections` must be an int",
        ),
        (lambda: bootstrap(np.mean, [1.0], num_resamples=2.5), TypeError, "`num_resamples` must be an integer"),
        (lambda: styblinski_tang([[1.0]]), ValueError, "`tilts` must be of mean zero"),
        (lambda: himmelblau([[0.0]]), ValueError, "two variables"),
        (lambda: logistic_regression([[1.0]], [2]), ValueError, "`labels` must be integers from 0 to 1"),
    ],
)
def test_constructors_refuse(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"num_paths": 0}, ValueError, "`num_paths` must be from 1 to 4294967296"),
        ({"num_paths": 2**32 + 1}, ValueError, "`num_paths` must be from 1 to 4294967296"),
        ({"num_paths": 10.5}, TypeError, "`num_paths` must be an integer"),
        (
            {"num_paths": 2**32, "times": np.arange(1.0, 1001.0)},
            MemoryError,
            r"GiB for 4294967296 whole paths'?: ask for statistics",
        ),
        ({"statistics": "mean"}, TypeError, "`statistics` must be a tuple"),
        ({"statistics": ()}, ValueError, "`statistics` must be not empty"),
        ({"statistics": ("mean", "distance")}, ValueError, "simulate_coupled_ensemble"),
        ({"statistics": (Probability(lambda q, p: q[0]),)}, TypeError, "`indicator` must be a function that"),
        ({"statistics": (Probability(lambda q, p: (q[0] > 0, p[0] > 0)),)}, TypeError, "`indicator` must be"),
        ({"position": None}, TypeError, "`position` must be given"),
        ({"statistics": ("maen",)}, ValueError, "did you mean 'mean'"),
        ({"statistics": (Quantiles([0.1]), Quantiles([0.9]))}, ValueError, "at most one Quantiles"),
        ({"chunk_size": 0}, ValueError, "`chunk_size` must be at least 1"),
        ({"position": np.ones((4, 2))}, ValueError, r"or \(10, K\)"),
    ],
)
def test_simulate_ensemble_refuses(wrong, error, message):
    with pytest.raises(error, match=message):
        simulate_ensemble(**(GOOD | {"num_paths": 10} | wrong))


def test_a_schedule_is_no_mass_for_one_of_several_exact_dynamics():
    options = {name: GOOD[name] for name in ("target", "index", "times", "key", "flow")}
    dynamics = [Dynamics(0.1, position=[1.0, 0.0]), Dynamics(ExponentialDecay(0.1, 1.0), position=[1.0, 0.0])]
    with pytest.raises(TypeError, match="`mass` must be a number or Constant when the flow is Exact"):
        simulate_coupled(dynamics=dynamics, **options)


def test_continuous_data_need_a_scalar_function_too():
    options = {name: GOOD[name] for name in ("mass", "times", "key")}
    with pytest.raises(ValueError, match="`target` must be a scalar function"):
        simulate(
            ContinuousData(lambda q, y: q * y),
            PureJump(1.0, 0.0, 1.0),
            position=[1.0, 0.0],
            flow=ExponentialHeun(0.1),
            **options,
        )


def test_dynamics_of_different_dimensions_are_refused():
    target = FiniteSum(lambda q, y: y * q @ q, jnp.ones(3))
    options = {name: GOOD[name] for name in ("index", "times", "key")}
    with pytest.raises(ValueError, match="of one dimension in all dynamics"):
        simulate_coupled(
            target,
            dynamics=[Dynamics(0.0, position=[1.0]), Dynamics(0.0, position=[1.0, 2.0])],
            flow=ExponentialHeun(0.1),
            **options,
        )


@pytest.mark.parametrize("dynamics", [[], Dynamics(0.0, position=[1.0, 0.0]), [0.1]])
def test_what_is_no_sequence_of_dynamics_is_refused(dynamics):
    options = {name: GOOD[name] for name in ("target", "index", "times", "key", "flow")}
    with pytest.raises(TypeError, match="`dynamics` must be a sequence of one or more Dynamics"):
        simulate_coupled(dynamics=dynamics, **options)


def test_continuous_data_have_no_infinite_rate():
    with pytest.raises(ValueError, match="quadrature"):
        simulate(
            ContinuousData(lambda q, y: q @ q),
            PureJump(math.inf, 0.0, 1.0),
            **{name: GOOD[name] for name in ("mass", "position", "times", "key")},
            flow=ExponentialHeun(0.1),
        )


@pytest.mark.slow
def test_single_precision_near_its_limit_warns_once_where_it_was_called_and_runs():
    plain = GOOD | {"times": [20.0], "flow": SemiImplicitEuler(1e-4)}
    coupled = {name: plain[name] for name in ("target", "index", "times", "key", "flow")}
    coupled["dynamics"] = [Dynamics(0.1, position=[1.0, 0.0])]
    for call, options in [
        (simulate, plain),
        (simulate_coupled, coupled),
        (simulate_ensemble, plain | {"num_paths": 1}),
        (simulate_coupled_ensemble, coupled | {"num_paths": 1}),
    ]:
        with pytest.warns(RuntimeWarning, match="near what float32 resolves") as record:
            call(**options)
        assert [warning.filename for warning in record] == [__file__]


def test_an_ensemble_warns_once_whatever_its_size():
    constant = {"position": [1.0, 0.0], "times": [20.0], "index": UniformSwitching(3, 1e4), "flow": Exact()}
    with pytest.warns(RuntimeWarning, match="near what float32 resolves") as record:
        simulate_ensemble(**(GOOD | constant), num_paths=40, chunk_size=16, statistics=("mean",))
    assert len(record) == 1


@pytest.mark.slow
def test_divergence_names_the_paths_and_the_times():
    unstable = Quadratic([[-3.0]] * 2 + [[1.0]], [[0.0]] * 3)
    options = GOOD | {"target": unstable, "position": [1.0], "mass": 0.0, "index": UniformSwitching(3, 0.0)}
    times = [1.0, 10.0, 40.0]
    with pytest.raises(FloatingPointError, match=r"of 40 paths diverged: path \d+ by time 40.*and \d+ more"):
        simulate_ensemble(**options | {"times": times}, num_paths=40)
    kept = simulate_ensemble(**options | {"times": times}, num_paths=40, allow_divergence=True)
    assert set(kept.diverged_at.tolist()) == {40.0, math.inf}
    np.testing.assert_array_equal(np.isfinite(kept.position[:, 2, 0]), np.isinf(kept.diverged_at))
    with pytest.raises(FloatingPointError, match=r"of 40 paths diverged"):
        simulate_ensemble(**options | {"times": times}, num_paths=40, statistics=("mean",))
    number = int(np.isfinite(kept.diverged_at).argmax())
    with pytest.raises(FloatingPointError, match=f"path {number} by time 40"):
        simulate(**options | {"times": times}, path_number=number)


@pytest.mark.parametrize("worst", [-0.5, math.nan])
def test_a_rate_below_zero_or_of_no_value_is_reported(worst):
    index = UniformSwitching(3, Bounded(lambda t: jnp.where(t > 1, worst, 1.0), 2.0))
    simulate_ensemble(**GOOD | {"index": index, "times": [0.9]}, num_paths=50)
    with pytest.raises(ValueError, match=r"left \[0, bound\] of Bounded on \d+ paths"):
        simulate_ensemble(**GOOD | {"index": index, "times": [9.0]}, num_paths=50)


def test_numbers_that_fit_are_kept_whatever_their_type():
    assert FiniteSum(lambda q, y: q, np.array([2**31 - 1] * 2)).data.tolist() == [2**31 - 1] * 2
    assert Quadratic(np.array([[2]]), np.array([[1]])).A.tolist() == [[2.0]]
    with jax.enable_x64(True):
        assert FiniteSum(lambda q, y: q, np.array([2**32 + 1] * 2)).data.tolist() == [2**32 + 1] * 2


def test_a_rate_above_its_bound_is_reported():
    index = UniformSwitching(3, Bounded(lambda t: 1 + t, 2.0))
    simulate_ensemble(**GOOD | {"index": index, "times": [0.9]}, num_paths=50)  # never above before time 1, but later
    with pytest.raises(ValueError, match=r"left \[0, bound\] of Bounded"):
        simulate_ensemble(**GOOD | {"index": index, "times": [9.0]}, num_paths=50)
    assert (switch_times(index, until=0.9, key=GOOD["key"]) <= 0.9).all()
    with pytest.raises(ValueError, match=r"left \[0, bound\] of Bounded"):
        switch_times(index, until=9.0, key=GOOD["key"])
