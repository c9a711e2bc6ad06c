"""The network of the images study: the paper's small VGG."""

from torch import nn
from underdamped import _checks

DEPTHS = (32, 64, 128)
"""Channels of the three blocks; each block has two convolutions of its depth."""

SMALLEST_SIDE = 2 ** len(DEPTHS)


def vgg(
    image_shape: tuple[int, int, int], num_classes: int, dropout: tuple[float, float, float] = (0.2, 0.3, 0.4)
) -> nn.Sequential:
    r"""Six 3x3 convolutions of depths 32-32-64-64-128-128 and a linear head.

    Three blocks of (convolution, batch norm, ReLU) twice, 2x2 max-pooling, drop-out; then one linear layer on the
    flattened features. An image side $n$ leaves the last block as $\lfloor n/8 \rfloor$.

    The paper names the ingredients only. Chosen here, for lack of its own: pooling after every second convolution (six
    poolings do not fit a 32x32 image), drop-out of 0.2, 0.3 and 0.4 of the activations after the three blocks, the
    linear head without hidden layer, He's normal initialization for the convolutions (fan-in, no bias: batch norm has
    one), PyTorch's own for the head. Weights are drawn from PyTorch's global generator.

    Args:
        image_shape: (height, width, channels) of the images; both sides at least 8 pixels.
        num_classes: number of outputs (logits), at least 2.
        dropout: share of activations dropped after each block, each in $[0, 1)$.

    Returns:
        A module from (batch, channels, height, width) to (batch, num_classes).

    Raises:
        ValueError: If the images are too small or an argument is out of range.

    Example:
        >>> network = vgg((32, 32, 3), num_classes=10)
        >>> sum(p.numel() for p in network.parameters())
        307946

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Section 5.3; He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*
        (ICCV 2015), equation (10).
    """
    check_network(image_shape, num_classes, dropout)
    height, width, channels = image_shape
    layers: list[nn.Module] = []
    for depth, share in zip(DEPTHS, dropout, strict=True):
        for inputs in (channels, depth):
            layers += [nn.Conv2d(inputs, depth, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(depth), nn.ReLU()]
        layers += [nn.MaxPool2d(2), nn.Dropout(share)]
        channels = depth
    features = channels * (height // SMALLEST_SIDE) * (width // SMALLEST_SIDE)
    layers += [nn.Flatten(), nn.Linear(features, num_classes)]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(*layers)


def check_network(image_shape: tuple[int, int, int], num_classes: int, dropout: tuple[float, ...]) -> None:
    """Refuse what `vgg` cannot be built for, with a ``ValueError``."""
    if min(image_shape[:2]) < SMALLEST_SIDE:
        way_out = "three poolings leave nothing of a smaller image; enlarge the images first"
        raise _checks.fail("image_shape", f"at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels", image_shape, way_out)
    if num_classes < 2:
        raise _checks.fail("num_classes", "at least 2", num_classes, "one class leaves nothing to learn")
    if len(dropout) != len(DEPTHS):
        raise _checks.fail("dropout", f"{len(DEPTHS)} shares", dropout, "one for each block of the network")
    for share in dropout:
        _checks.fraction(share, "dropout", "it is the share of activations dropped, and some must remain")
