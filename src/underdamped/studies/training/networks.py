"""The network of the images study: the paper's small VGG."""

from torch import nn

from underdamped import _checks

DEPTHS = (32, 64, 128)
"""Channels of the three blocks; each block has two convolutions of its depth."""

SMALLEST_SIDE = 2 ** len(DEPTHS)


def vgg(image_shape: tuple[int, int, int], num_classes: int, dropout: float = 0.5) -> nn.Sequential:
    r"""Six 3x3 convolutions of depths 32-32-64-64-128-128 and a linear head.

    Three blocks of (convolution, batch norm, ReLU) twice and 2x2 max-pooling; then the mean of each of the 128 features
    over the image, drop-out, and one linear layer.

    The paper names the ingredients only. Chosen here, for lack of its own:

    * Pooling after every second convolution: six poolings do not fit a 32x32 image.
    * Drop-out of half the features, once, after the last batch norm. Before a batch norm it makes the variance in
      training another than in testing: with 0.2, 0.3 and 0.4 after the blocks, networks after 90 steps on CIFAR-10 had
      18 % test accuracy with the running averages and 29 % with the batch's own.
    * The mean before the head. On all 2048 features of a 32x32 image the head's curvature is so large that, in trials
      of 60 steps, effective learning rates of 0.1 and 1 threw the loss up and then stayed near chance.
    * He's normal initialization for the convolutions (fan-in, no bias: batch norm has one), PyTorch's own for the head.
      Weights are drawn from PyTorch's global generator.

    Args:
        image_shape: (height, width, channels) of the images; both sides at least 8 pixels.
        num_classes: number of outputs (logits), at least 2.
        dropout: share of the features dropped before the head, in $[0, 1)$.

    Returns:
        A module from (batch, channels, height, width) to (batch, num_classes).

    Raises:
        ValueError: If the images are too small or an argument is out of range.

    Example:
        >>> network = vgg((32, 32, 3), num_classes=10)
        >>> sum(p.numel() for p in network.parameters())
        288746

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Section 5; He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*
        (ICCV 2015), equation (10); Li, Chen, Hu and Yang, *Understanding the Disharmony between Dropout and Batch
        Normalization by Variance Shift* (CVPR 2019).
    """
    check_network(image_shape, num_classes, dropout)
    channels = image_shape[2]
    layers: list[nn.Module] = []
    for depth in DEPTHS:
        for inputs in (channels, depth):
            layers += [nn.Conv2d(inputs, depth, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(depth), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
        channels = depth
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, num_classes)]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(*layers)


def check_network(image_shape: tuple[int, int, int], num_classes: int, dropout: float) -> None:
    """Refuse what `vgg` cannot be built for, with a ``ValueError``."""
    if min(image_shape[:2]) < SMALLEST_SIDE:
        way_out = "three poolings leave nothing of a smaller image; enlarge the images first"
        raise _checks.fail("image_shape", f"at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels", image_shape, way_out)
    if num_classes < 2:
        raise _checks.fail("num_classes", "at least 2", num_classes, "one class leaves nothing to learn")
    _checks.fraction(dropout, "dropout", "it is the share of features dropped, and some must remain")
