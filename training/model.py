"""The network: a small Llama (RMSNorm, interleaved RoPE, SwiGLU, tied embeddings)."""

from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass
class Shape:
    """Sizes; every row length is a multiple of 32, so that Q8_0 can hold it."""

    vocabulary: int = 4096
    width: int = 256
    layers: int = 6
    heads: int = 8
    hidden: int = 640
    context: int = 1024
    rope_base: float = 10_000.0
    eps: float = 1e-5

    def dict(self):
        """As plain values, for the checkpoint."""
        return asdict(self)


class Norm(nn.Module):
    """RMSNorm with a learned gain."""

    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, x.shape[-1:], self.weight, self.eps)


def rotations(shape, device=None):
    """Unit complex numbers (context, head_dim / 2): what RoPE multiplies neighbouring pairs with.

    llama.cpp's `llama` architecture rotates pairs (0, 1), (2, 3), ..., so nothing is permuted at export.
    """
    head = shape.width // shape.heads
    speeds = shape.rope_base ** (-torch.arange(0, head, 2, dtype=torch.float64, device=device) / head)
    angles = torch.outer(torch.arange(shape.context, dtype=torch.float64, device=device), speeds)
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)


def rotate(x, turn):
    """Apply RoPE to x (batch, heads, time, head_dim) in float32."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype)


def attend(q, k, v):
    """Causal attention in blocks of queries.

    On a CPU in bfloat16 this is twice as fast, backward included, as torch's own kernel at these sizes.
    """
    time, head = q.shape[-2:]
    size = 128 if time <= 512 else 256
    future = torch.triu(torch.full((size, size), float("-inf"), dtype=q.dtype, device=q.device), 1)
    q, out = q * head**-0.5, []
    for at in range(0, time, size):
        scores = q[:, :, at : at + size] @ k[:, :, : at + size].mT
        rows = scores.shape[-2]
        here = scores[..., at:] + future[:rows, :rows]
        scores = torch.cat([scores[..., :at], here], -1) if at else here
        out.append(torch.softmax(scores, -1) @ v[:, :, : at + size])
    return torch.cat(out, 2)


class Block(nn.Module):
    """Attention, then a gated feed-forward; each normed before and added after."""

    def __init__(self, shape):
        super().__init__()
        self.heads = shape.heads
        self.attn_norm = Norm(shape.width, shape.eps)
        self.ffn_norm = Norm(shape.width, shape.eps)
        self.q, self.k, self.v, self.o = (nn.Linear(shape.width, shape.width, bias=False) for _ in range(4))
        self.gate = nn.Linear(shape.width, shape.hidden, bias=False)
        self.up = nn.Linear(shape.width, shape.hidden, bias=False)
        self.down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x, turn):
        batch, time, width = x.shape
        y = self.attn_norm(x)
        q, k, v = (part(y).view(batch, time, self.heads, -1).transpose(1, 2) for part in (self.q, self.k, self.v))
        q, k = rotate(q, turn), rotate(k, turn)
        y = attend(q, k, v).transpose(1, 2).reshape(batch, time, width)
        x = x + self.o(y)
        y = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Llama(nn.Module):
    """Tokens (batch, time) to hidden states (batch, time, width); `logits` turns those into scores."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width, shape.eps)
        self.register_buffer("turn", rotations(shape), persistent=False)
        self.initialise()

    def initialise(self):
        """Make copying easy from the start: heads look at similar tokens and pass on what they see.

        K starts close to Q (a token attends to its like), O close to the transpose of V (what is attended
        to arrives unchanged in the residual stream). Without it, names and nouns were not copied.
        """
        width = self.shape.width
        nn.init.normal_(self.embedding.weight, std=0.05)
        for block in self.blocks:
            for linear in (block.q, block.v):
                nn.init.orthogonal_(linear.weight)
            noise = nn.init.orthogonal_(torch.empty(width, width))
            block.k.weight.data = 0.6 * block.q.weight.data + 0.8 * noise
            block.o.weight.data = 0.6 * block.v.weight.data.T.contiguous()
            for linear in (block.gate, block.up):
                nn.init.normal_(linear.weight, std=width**-0.5)
            nn.init.normal_(block.down.weight, std=0.3 * self.shape.hidden**-0.5)

    def forward(self, tokens):
        x = self.embedding(tokens)
        turn = self.turn[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, turn)
        return self.norm(x)

    def logits(self, hidden):
        """Scores over the vocabulary (tied to the embedding)."""
        return hidden @ self.embedding.weight.T
