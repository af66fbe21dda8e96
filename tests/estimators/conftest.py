import pytest
import torch
from torch import Tensor


@pytest.fixture
def reference_views() -> tuple[Tensor, Tensor]:
    """The two views whose losses were computed with the authors' code: 6 examples of 4 dimensions."""
    i = torch.arange(6, dtype=torch.float64)[:, None] + 1
    j = torch.arange(4, dtype=torch.float64)[None]
    z1 = torch.sin(i * (j + 2))
    z2 = z1 + 0.5 * torch.cos(i + 3 * (j + 1))
    torch.testing.assert_close(z1.sum().item(), -2.226255, rtol=0, atol=5e-7)
    torch.testing.assert_close(z2.sum().item(), -2.226437, rtol=0, atol=5e-7)
    return z1, z2
