"""Without mass the flow stops at a false minimum; with enough of it, it passes, and loses the mass on the way."""

import torch

from underdamped import ExponentialDecay
from underdamped.torch import SGMP

STEP, FRICTION = 0.01, 1.0


def objective(x):
    """x² + 1 left of 0, 2x² - 2x + 1 right of it: flat at 0, minimal at 1/2 (equation (5) of the paper)."""
    return (torch.relu(x) - 1) ** 2 + x**2


print(f"a constant mass passes 0 if and only if it is above friction² / 8 = {FRICTION**2 / 8}")
for mass in (0.0, 0.1, 0.2, ExponentialDecay(0.2, rate=0.01), ExponentialDecay(1.0, rate=0.01)):
    x = torch.nn.Parameter(torch.tensor(-3.0))
    optimizer = SGMP([x], lr=STEP, mass=mass, friction=FRICTION)
    for _ in range(2000):
        optimizer.zero_grad()
        objective(x).backward()
        optimizer.step()
    print(f"mass {mass!s:40} ends at {x.item():6.3f}")
