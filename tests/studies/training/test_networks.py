"""The network has the paper's shape, and starts and drops as its docstring says."""

import math

import pytest
import torch
from torch import nn

from underdamped.studies.training.networks import vgg


@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 32, 3), (9, 17, 3), (64, 40, 1)])
def test_any_image_of_at_least_8_pixels_gives_logits(shape):
    height, width, channels = shape
    network = vgg(shape, num_classes=7)
    assert network(torch.zeros(5, channels, height, width)).shape == (5, 7)


def test_layers_are_the_papers():
    network = vgg((32, 32, 3), num_classes=10)
    block = ["Conv2d", "BatchNorm2d", "ReLU"] * 2 + ["MaxPool2d"]
    assert [type(layer).__name__ for layer in network] == [
        *block * 3,
        "AdaptiveAvgPool2d",
        "Flatten",
        "Dropout",
        "Linear",
    ]
    convolutions = [layer for layer in network if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [32, 32, 64, 64, 128, 128]
    assert all(layer.kernel_size == (3, 3) for layer in convolutions)
    assert network[-1].in_features == 128


def test_starting_weights_keep_the_second_moment():
    """He's rule: with variance 2/fan-in, a convolution and a ReLU keep the mean square of their input."""
    torch.manual_seed(0)
    convolution = vgg((32, 32, 3), num_classes=10)[10]  # 64 -> 64: 36,864 weights
    fan_in = 9 * convolution.in_channels
    assert convolution.weight.std().item() * math.sqrt(fan_in / 2) == pytest.approx(1, abs=0.02)


def test_drop_out_drops_its_share_in_training_only():
    torch.manual_seed(0)
    (dropout,) = (layer for layer in vgg((8, 8, 1), 2, 0.3) if isinstance(layer, nn.Dropout))
    ones = torch.ones(100_000)
    dropped = (dropout.train()(ones) == 0).double().mean().item()
    assert abs(dropped - 0.3) <= 4 * math.sqrt(0.3 * 0.7 / 100_000)
    assert torch.equal(dropout.eval()(ones), ones)


@pytest.mark.parametrize(
    ("shape", "classes", "dropout", "match"),
    [
        ((7, 32, 3), 10, 0, r"`image_shape` must be at least 8x8 pixels, got \(7, 32, 3\)"),
        ((8, 8, 3), 1, 0, "`num_classes` must be at least 2, got 1"),
        ((8, 8, 3), 2, 1.0, r"`dropout` must be in \[0, 1\), got 1.0"),
    ],
)
def test_impossible_networks_are_refused(shape, classes, dropout, match):
    with pytest.raises(ValueError, match=match):
        vgg(shape, classes, dropout)
