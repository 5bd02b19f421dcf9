"""Muon (Keller Jordan): momentum whose update is made orthogonal, for the matrices inside the layers.

Scaled by 0.2·√(longer side), so that AdamW's learning rate and weight decay carry over.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonal(gradient: Tensor) -> Tensor:
    """About the nearest matrix whose singular values are all one."""
    a, b, c = NEWTON_SCHULZ
    x = gradient / (gradient.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


class Muon:
    def __init__(self, matrices: list[nn.Parameter]) -> None:
        self.matrices = matrices
        self.momenta = [torch.zeros_like(p) for p in matrices]

    @torch.no_grad()
    def step(self, lr: float, weight_decay: float = 0.1) -> None:
        """Update the matrices and take their gradients away, so that no other optimizer sees them."""
        for p, momentum in zip(self.matrices, self.momenta):
            assert p.grad is not None
            momentum.lerp_(p.grad, 1 - MOMENTUM)
            update = orthogonal(p.grad.lerp(momentum, MOMENTUM))
            p.mul_(1 - lr * weight_decay)
            p.add_(update, alpha=-lr * 0.2 * max(p.shape) ** 0.5)
            p.grad = None
