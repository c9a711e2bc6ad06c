"""Swap one line: the optimiser starts as SGD with momentum and loses it on the way."""

import torch
from sklearn.datasets import load_digits

from underdamped.torch import SGMP

torch.manual_seed(0)
images, labels = map(torch.tensor, load_digits(return_X_y=True))
images = images.float() / 16
model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))

# before: torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
optimizer = SGMP.from_sgd(model.parameters(), lr=0.01, momentum=0.9, mass_decay=0.98)

for epoch in range(10):
    for batch in torch.randperm(len(images)).split(100):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
    group = optimizer.param_groups[0]
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}, mass {group['mass']:.1e}, momentum {group['decay']:.2f}")
