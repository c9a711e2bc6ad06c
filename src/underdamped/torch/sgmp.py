"""The optimiser itself: parameter groups, their clocks, their velocities."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, _default_to_fused_or_foreach, _use_grad_for_differentiable

from underdamped import _checks
from underdamped.coefficients import semi_implicit_euler
from underdamped.schedules import Schedule
from underdamped.torch.from_sgd import convert_groups, convert_options, convert_state
from underdamped.torch.groups import Group, check_names, checked, momentum_is_lost, refresh, step_size
from underdamped.torch.step import Update, kernel_step, same_layout, traced_step

if TYPE_CHECKING:
    from torch.optim.optimizer import ParamsT, StateDict


class SGMP(Optimizer):
    r"""Stochastic gradient descent with a mass that can be lost.

    One step of size $h$ (``lr``) with mass $m$ and friction $\alpha$, on the gradient $g$ of a mini-batch, for the
    velocity $p$ and the position $q$ (the parameters):

    $$p' = \underbrace{\tfrac{m}{m+\alpha h}}_{\text{decay}}\, p
           - \underbrace{\tfrac{h}{m+\alpha h}}_{\text{gain}}\, g, \qquad q' = q + h\, p'.$$

    With mass 0 this is plain SGD with learning rate $h/\alpha$; with constant $h$ and $m$ it is SGD with momentum
    ``decay`` and learning rate $h \cdot$ ``gain``; with a mass that falls with the step count it begins as the second
    and ends as the first.

    **Mind the learning rate.** ``lr`` is the step $h$ of time, and the *effective* learning rate is $h/\alpha$ for
    every mass. ``SGD(lr=0.1, momentum=0.9)`` moves in the long run like ``lr=1.0`` here: `SGMP.from_sgd` converts.

    **Weight decay** $\lambda$. Coupled (the default), it is part of the target: $g$ becomes $g + \lambda q$. Decoupled,
    the parameters shrink on their own, at the effective learning rate: $q' = (1 - \lambda h/\alpha)\, q + h\, p'$.
    Both remove the same share of $q$ per unit of time in the long run.

    **What a group shows**, before the first step and after each: ``mass``, ``decay``, ``effective_lr`` and ``step``,
    the number of steps by which its mass has aged. A mass given as a number may be changed in the group by hand; one
    given as a Schedule is written there, not read. A group's ``momentum``, ``None`` unless set (as `OneCycleLR` and
    `CyclicLR` do with ``cycle_momentum=True``), fixes ``decay`` in place of the mass. A step with ``lr = 0`` does
    nothing and does not age the mass; neither does a step that a `GradScaler` skips.

    **State** is one buffer a parameter, ``momentum_buffer`` $= -p$, in the parameter's dtype, freed once the mass is 0
    for good: a number 0, or a `Decay` that has reached 0 (`LinearDecay` and `CosineDecay` do; a geometric one only
    when it underflows). Schedules are code, not state: build the optimiser with the same schedule before you load a
    checkpoint. The state of a ``torch.optim.SGD`` can be loaded too, to go on from it.

    Args:
        params: parameters, named parameters or group dictionaries, each with its own values of the options below.
        lr: step size $h \ge 0$, a float or a one-element tensor.
        mass: $m \ge 0$, a number or a `Schedule` of the step count.
        friction: $\alpha > 0$.
        weight_decay: $\lambda \ge 0$.
        decoupled_weight_decay: take weight decay out of the gradient (see above).
        maximize: ascend instead of descend.
        foreach: PyTorch's multi-tensor kernels. ``None`` chooses.
        fused: PyTorch's fused kernels, one pass over memory. ``None`` chooses: fused where it is supported and right
            (dense floating-point parameters on CPU, CUDA, ..., with gradients of the same layout), else foreach.
        differentiable: record the step for autograd, so that a later loss can be differentiated through it, with
            respect to a tensor ``lr`` too.

    Raises:
        TypeError: If an option is not a number where one is needed.
        ValueError: If an option is negative (friction: not positive), not finite, misspelt or contradicts another.
        RuntimeError: In `step`: coupled weight decay with sparse gradients, ``fused=True`` where it is not supported.

    Example:
        >>> from underdamped import GeometricDecay
        >>> model = torch.nn.Linear(4, 1)
        >>> optimizer = SGMP(model.parameters(), lr=0.1, mass=GeometricDecay(0.9, ratio=0.5))
        >>> for _ in range(3):
        ...     optimizer.zero_grad()
        ...     model(torch.ones(1, 4)).square().mean().backward()
        ...     optimizer.step()
        >>> group = optimizer.param_groups[0]
        >>> group["step"], round(group["mass"], 3), round(group["decay"], 3), group["effective_lr"]
        (3, 0.225, 0.692, 0.1)

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equations (36), (39) and (40).
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        mass: float | Schedule = 0.0,
        friction: float = 1.0,
        *,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        differentiable: bool = False,
    ) -> None:
        # Beside the groups, not in them: a group holds numbers only, so that its checkpoint loads with weights_only.
        self._schedules: list[Schedule | None] = []
        self._default_schedule = mass if callable(mass) else None
        self._fused_by_default: dict[int, bool] = {}
        defaults: Group = {
            "lr": lr,
            "mass": 0.0 if callable(mass) else mass,
            "friction": friction,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "momentum": None,
            "maximize": maximize,
            "foreach": foreach,
            "fused": fused,
            "differentiable": differentiable,
        }
        super().__init__(params, checked(defaults))

    @classmethod
    def from_sgd(
        cls,
        params: ParamsT,
        lr: float,
        momentum: float,
        *,
        mass_decay: float | Schedule | None = None,
        **options: Any,
    ) -> SGMP:
        r"""An optimiser that starts as ``torch.optim.SGD(params, lr, momentum=momentum)`` and then loses momentum.

        The step is $h = \alpha\,\text{lr}/(1-\rho)$, the mass $m_k = \alpha h_k\,d_k\,\rho/(1-\rho)$: in proportion to
        the step and to ``mass_decay`` $d_k$. So the momentum factor starts at $\rho$ and is what is lost; as long as
        $d_k = 1$ every step is that of SGD up to rounding, under learning-rate schedulers too. While momentum is lost
        the effective learning rate stays at $\text{lr}/(1-\rho)$, ten times ``lr`` for $\rho = 0.9$: what is lost is
        inertia, not speed. Schedulers that are told a learning rate (`OneCycleLR`'s ``max_lr``) are told $h$.

        Args:
            params: as for `SGMP`; groups may have their own ``lr`` and ``momentum``, in SGD's meaning.
            lr: learning rate of SGD, $\ge 0$.
            momentum: $\rho \in [0, 1)$.
            mass_decay: $d_k$, what multiplies the mass at step $k$: a ratio $r \in [0, 1]$ for $r^k$, or a `Schedule`
                that is 1 at step 0, such as ``LinearDecay(1.0, duration=10_000)``. ``None`` keeps the momentum.
            **options: the other options of `SGMP`.

        Returns:
            The optimiser.

        Raises:
            ValueError: If an argument is out of range, or ``mass_decay(0)`` is not 1.

        Example:
            >>> parameter = torch.nn.Parameter(torch.ones(3))
            >>> optimizer = SGMP.from_sgd([parameter], lr=0.1, momentum=0.9, mass_decay=0.995)
            >>> group = optimizer.param_groups[0]
            >>> round(group["lr"], 12), round(group["mass"], 12), round(group["decay"], 12)
            (1.0, 9.0, 0.9)

        References:
            Jin, Latz, Liu and Scagliotti (JMLR 2025), equation (37).
        """
        if callable(mass_decay) and abs(mass_decay(0) - 1) > 1e-12:
            raise _checks.fail("mass_decay(0)", "1", mass_decay(0), "it multiplies the mass of SGD, kept at step 0")
        if "mass" in options:
            raise _checks.fail("mass", "left out", options["mass"], "it follows from `momentum`; see `mass_decay`")
        friction = options.get("friction", 1.0)
        default = convert_options(lr, momentum, friction, mass_decay)
        given: Any = params if isinstance(params, Tensor) else list(params)
        if isinstance(given, list) and given:  # PyTorch itself has the words for anything else
            given = convert_groups(given, lr, momentum, friction, mass_decay)
        optimizer = cls(given, lr=default["lr"], mass=default.get("mass", 0.0), **options)
        optimizer.defaults["momentum"] = default.get("momentum")  # for groups that are added later
        return optimizer

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters, with options of their own or the optimiser's.

        A group added late joins at the highest step count; give it ``"step": 0`` for a clock of its own.

        Args:
            param_group: ``"params"`` and any options of `SGMP`.

        Raises:
            TypeError: If an option is not a number where one is needed.
            ValueError: If an option is out of range, contradicts another or is misspelt.
        """
        if not isinstance(param_group, dict):
            raise _checks.fail("param_group", "a dict", param_group, 'such as {"params": [...], "lr": 0.1}', TypeError)
        check_names(param_group, known=["params", "step", *self.defaults])
        mass = param_group.get("mass", self._default_schedule or self.defaults["mass"])
        schedule = mass if callable(mass) else None
        clock = max((group["step"] for group in self.param_groups), default=0)
        group = {"step": clock, **self.defaults, **param_group, "mass": 0.0 if schedule else mass}
        if "mass" in param_group and "momentum" not in param_group:
            group["momentum"] = None  # a mass of its own, in place of the momentum that from_sgd keeps
        group = checked(group)
        refresh(group, schedule)  # before the group is in, so that a Schedule that fails leaves no trace
        super().add_param_group(group)
        self._schedules.append(schedule)

    @_use_grad_for_differentiable
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step.

        Args:
            closure: recomputes and returns the loss; runs first, with gradients enabled.

        Returns:
            What ``closure`` returned, or None.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for update in self._prepare(torch.compiler.is_compiling()):  # pyright: ignore[reportAttributeAccessIssue]
            (traced_step if update.traced else kernel_step)(update)
        return loss

    @torch.compiler.disable
    def _prepare(self, compiling: bool) -> list[Update]:
        """What the step needs of each group that moves; ages their masses.

        Kept out of compiled graphs: coefficients that change every step would be constants there. All groups are found
        to be fine before the first of them ages or moves.
        """
        pairs = zip(self.param_groups, self._schedules, strict=True)
        updates = [self._prepare_group(group, schedule, compiling) for group, schedule in pairs]
        for group, update in zip(self.param_groups, updates, strict=True):
            group["step"] += update is not None
        return [update for update in updates if update is not None]

    def _prepare_group(self, group: Group, schedule: Schedule | None, compiling: bool) -> Update | None:
        decay, gain = refresh(group, schedule)
        lost = momentum_is_lost(group, schedule)
        if lost and self.state:
            self._free_buffers(group)
        params, grads, buffers, sparse = self._gather(group, lost)
        decoupled, weight_decay = group["decoupled_weight_decay"], group["weight_decay"]
        if sparse and weight_decay != 0 and not decoupled:
            raise RuntimeError("coupled weight decay needs dense gradients: use `decoupled_weight_decay=True`.")
        fused = self._use_fused(group, params, grads, buffers, sparse)
        lr = step_size(group)
        if lr == 0 or not params:
            return None
        traced = compiling or group["differentiable"]
        if traced:
            lr = torch.as_tensor(group["lr"], dtype=torch.float64).reshape(())
            decay, gain = semi_implicit_euler(lr, torch.tensor(group["mass"], dtype=torch.float64), group["friction"])
        return Update(
            params,
            grads,
            buffers,
            lr=lr,
            decay=decay,
            gain=gain,
            weight_decay=0.0 if decoupled else weight_decay,
            shrink=1 - weight_decay * lr / group["friction"] if decoupled and weight_decay != 0 else 1,
            maximize=group["maximize"],
            sparse=sparse,
            foreach=group["foreach"],
            fused=fused,
            traced=traced,
        )

    def _gather(self, group: Group, lost: bool) -> tuple[list[Tensor], list[Tensor], list[Tensor], bool]:
        """Parameters with a gradient, their gradients and buffers, and whether some gradient is sparse."""
        params, grads, buffers, sparse = [], [], [], False
        for param in group["params"]:
            grad = param.grad
            if grad is None:
                continue
            params.append(param)
            grads.append(grad)
            if grad.is_sparse:
                sparse = True
            if not lost:
                state = self.state[param]
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    buffer = state["momentum_buffer"] = torch.zeros_like(param, memory_format=torch.preserve_format)
                buffers.append(buffer)
        return params, grads, buffers, sparse

    def _free_buffers(self, group: Group) -> None:
        for param in group["params"]:
            state = self.state.get(param)
            if state is not None:
                state.pop("momentum_buffer", None)
                if not state:
                    del self.state[param]

    def _use_fused(
        self, group: Group, params: list[Tensor], grads: list[Tensor], buffers: list[Tensor], sparse: bool
    ) -> bool | None:
        """The group's ``fused``, or what is fastest and right where it leaves the choice."""
        asked = group["fused"]
        if asked is False or (asked is None and (sparse or group["foreach"] is not None)):
            return asked
        supported = self._fused_by_default.get(id(group))
        if supported is None:
            supported, _ = _default_to_fused_or_foreach(group["params"], group["differentiable"], use_fused=True)
            self._fused_by_default[id(group)] = supported
        right = supported and not sparse and same_layout(params, grads, buffers)
        if asked and not right:
            raise RuntimeError(
                "`fused=True` needs dense floating-point parameters on a supported device, with gradients and buffers "
                "of the same strides: leave `fused=None` to use it only where that holds."
            )
        return right or None

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Load a checkpoint of this optimiser, or of a ``torch.optim.SGD`` to go on from it.

        From SGD with learning rate and momentum, each group takes the step size and mass of the same heavy ball (at its
        own friction) and the velocity that SGD had; its steps count from 0, so a Schedule of the mass begins here. The
        state of SGD's learning-rate scheduler is in SGD's learning rates: build a new one rather than load it.

        Args:
            state_dict: what ``state_dict()`` returned. Options it lacks keep their present value.

        Raises:
            ValueError: If the groups do not fit, the state is of SGD with ``nesterov``, whose step has no mass, or of
                another optimiser, or a Schedule of the mass does not begin at the mass of the SGD run.
        """
        foreign = {name for value in state_dict["state"].values() for name in value} - {"momentum_buffer"}
        if foreign:
            names = ", ".join(sorted(foreign))
            raise ValueError(f"the state has {names}: it is of another optimiser; load one of SGMP or torch.optim.SGD.")
        saved = state_dict["param_groups"]
        if len(saved) != len(self.param_groups) or not all("dampening" in group for group in saved):
            super().load_state_dict(state_dict)
            return
        state_dict, schedules = convert_state(state_dict, self.param_groups, self._schedules)
        super().load_state_dict(state_dict)
        self._schedules = schedules
        for group, schedule in zip(self.param_groups, schedules, strict=True):
            refresh(group, schedule)

    def __getstate__(self) -> dict[str, Any]:
        own = {name: self.__dict__[name] for name in ("_schedules", "_default_schedule")}
        return {**super().__getstate__(), **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        present = self.__dict__.get("param_groups", [])
        super().__setstate__(state)
        self._fused_by_default = {}
        for group, before in zip(self.param_groups, present, strict=False):
            for name in [*self.defaults, "step", "decay", "effective_lr"]:
                group.setdefault(name, before[name])
