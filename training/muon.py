"""The optimiser: Muon for the matrices, AdamW for the embedding and the norms, on float32 masters.

The network itself runs in bfloat16; `step` takes its gradients, moves the masters and copies them back.
"""

import torch
import torch.distributed as dist


def orthogonalise(grad):
    """The nearest (roughly) orthogonal matrices to a stack of matrices: Newton-Schulz, four rounds."""
    x = grad.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(4):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.mT if tall else x).float()


def _shared(stack):
    """`orthogonalise`, each process doing its share of the matrices."""
    processes = dist.get_world_size() if dist.is_initialized() else 1
    if processes == 1 or len(stack) % processes:
        return orthogonalise(stack)
    share = len(stack) // processes
    at = dist.get_rank() * share
    moves = torch.empty_like(stack)
    dist.all_gather(list(moves.split(share)), orthogonalise(stack[at : at + share]))
    return moves


class Optimiser:
    """Both optimisers behind one `step(scale)`; `scale` is the schedule's value from 0 to 1."""

    def __init__(self, model, matrix_rate=0.02, other_rate=0.004, decay=0.05):
        self.rates = matrix_rate, other_rate
        self.decay = decay
        named = list(model.named_parameters())
        self.live = [parameter for _, parameter in named]
        self.masters = [parameter.detach().float().clone() for parameter in self.live]
        matrices = [i for i, (name, p) in enumerate(named) if p.ndim == 2 and "embedding" not in name]
        self.others = [i for i in range(len(named)) if i not in matrices]
        shapes = {tuple(self.live[i].shape) for i in matrices}
        self.groups = [[i for i in matrices if tuple(self.live[i].shape) == shape] for shape in sorted(shapes)]
        self.momentum = [torch.zeros_like(master) for master in self.masters]
        self.second = {i: torch.zeros_like(self.masters[i]) for i in self.others}
        self.steps = 0

    def step(self, grads, scale):
        """Move the masters along float32 `grads` (one per parameter) and refresh the network."""
        self.steps += 1
        for group in self.groups:
            self._muon(group, grads, self.rates[0] * scale)
        for i in self.others:
            self._adam(i, grads[i], self.rates[1] * scale)
        with torch.no_grad():
            for live, master in zip(self.live, self.masters, strict=True):
                live.copy_(master)

    def _muon(self, group, grads, rate):
        for i in group:
            self.momentum[i].mul_(0.95).add_(grads[i], alpha=0.05)
        looked_ahead = torch.stack([grads[i] * 0.05 + self.momentum[i] * 0.95 for i in group])
        rows, columns = looked_ahead.shape[-2:]
        moves = _shared(looked_ahead) * max(1.0, rows / columns) ** 0.5
        for i, move in zip(group, moves, strict=True):
            self.masters[i].mul_(1 - rate * self.decay).sub_(move, alpha=rate)

    def _adam(self, i, grad, rate):
        first, second = self.momentum[i], self.second[i]
        first.mul_(0.9).add_(grad, alpha=0.1)
        second.mul_(0.98).addcmul_(grad, grad, value=0.02)
        move = (first / (1 - 0.9**self.steps)) / ((second / (1 - 0.98**self.steps)).sqrt() + 1e-9)
        self.masters[i].sub_(move, alpha=rate if grad.ndim == 2 else rate * 0.5)

    def state(self):
        """Everything that a checkpoint needs."""
        return {"masters": self.masters, "momentum": self.momentum, "second": self.second, "steps": self.steps}

    def load(self, state):
        """Go on from `state`."""
        for name in ("masters", "momentum"):
            for mine, theirs in zip(getattr(self, name), state[name], strict=True):
                mine.copy_(theirs)
        for i, value in state["second"].items():
            self.second[i].copy_(value)
        self.steps = state["steps"]
        with torch.no_grad():
            for live, master in zip(self.live, self.masters, strict=True):
                live.copy_(master)
