"""The PyTorch front-end: `SGMP`, an optimiser whose momentum can be lost."""

try:
    import torch  # noqa: F401  (only to say at once what is missing)
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("`underdamped.torch` needs PyTorch: pip install 'underdamped[torch]'") from error

from underdamped.torch.sgmp import SGMP

__all__ = ["SGMP"]
