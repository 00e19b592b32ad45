"""Train the model: two processes on a CPU (or one on CUDA), by the clock, with checkpoints.

    python train.py --minutes 40 --run RUN             start, or go on from RUN/checkpoint.pt
    python train.py --minutes 40 --run RUN --warm-start ../src/infer/data/tiny.gguf
                                                       go on from the model that ships

RUN gets checkpoint.pt (float32 weights, optimiser, counters) and log.jsonl (one line every 20 steps).
"""

import argparse
import json
import os
import random
import socket
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn import functional as F

import tokenizer
from corpus import Corpus
from dialogue import Mix
from model import Llama, Shape
from muon import Optimiser

SAVE_EVERY = 90  # seconds
LOG_EVERY = 20  # steps


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=40, help="training time in all, earlier tries included")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=2048, help="tokens per process and step")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--hidden", type=int, default=640)
    parser.add_argument("--rate", type=float, default=0.02, help="Muon's learning rate")
    parser.add_argument(
        "--warm-start", type=Path, help="a checkpoint, or an exported GGUF, to begin with; no curriculum then"
    )
    return parser.parse_args()


def schedule(progress):
    """Learning rate scale: a short warm-up, flat, then straight down to nearly nothing."""
    start = min(1.0, progress / 0.01 + 0.05)
    down = 1.0 if progress < 0.3 else max(0.02, (1 - progress) / 0.7)
    return min(start, down)


def weights_of(path):
    """The weights in a checkpoint, or in a file that export.py wrote, by the names of the parameters."""
    if path.suffix != ".gguf":
        return torch.load(path, weights_only=False)["weights"]
    import gguf

    from export import MATRICES, NORMS

    names = {"token_embd.weight": "embedding.weight", "output_norm.weight": "norm.weight"}
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    for name in tensors:
        if name.startswith("blk."):
            _, block, theirs, _ = name.split(".")
            mine = next(mine for mine, other in (MATRICES | NORMS).items() if other == theirs)
            names[name] = f"blocks.{block}.{mine}.weight"
    dequantised = {name: gguf.quants.dequantize(tensor.data, tensor.tensor_type) for name, tensor in tensors.items()}
    return {names[name]: torch.from_numpy(values.copy()) for name, values in dequantised.items()}


def lesson(progress, step, seed, warm):
    """Row length and mixture at this point of the run; the same in every process."""
    draw = random.Random(seed * 1_000_003 + step).random()
    if warm:
        progress = 1.0
    if draw < (0.5 if progress < 0.06 or warm else 0.25):
        return 96, Mix()
    draw = random.Random(seed * 1_000_003 + step + 500_000).random()
    if progress < 0.06:
        return 256, Mix(short=0.6)
    if progress < 0.3:
        return (256 if draw < 0.6 else 512 if draw < 0.92 else 1024), Mix(short=0.15)
    return (256 if draw < 0.45 else 512 if draw < 0.85 else 1024), Mix()


def batch(corpus, length, tokens, device):
    """Rows of `length` as (inputs, targets, mask), padded with END."""
    rows = [corpus.row(length) for _ in range(max(1, tokens // length))]
    longest = max(len(row) for row, _ in rows)
    ids = torch.full((len(rows), longest), tokenizer.END, dtype=torch.long)
    mask = torch.zeros((len(rows), longest))
    for i, (row, said) in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = torch.tensor(said, dtype=torch.float)
    ids, mask = ids.to(device), mask.to(device)
    return ids[:, :-1], ids[:, 1:], mask[:, 1:]


def loss_of(model, inputs, targets, mask):
    """Weighted mean cross entropy over what the assistant says; only those positions get logits."""
    counts = mask > 0
    logits = model.logits(model(inputs)[counts]).float()
    losses = F.cross_entropy(logits, targets[counts], reduction="none")
    return (losses * mask[counts]).sum() / mask[counts].sum()


def average(parameters, processes):
    """Gradients as float32, averaged over the processes."""
    flat = torch.cat([parameter.grad.float().flatten() for parameter in parameters])
    if processes > 1:
        dist.all_reduce(flat)
        flat /= processes
    norm = flat.norm()
    flat *= min(1.0, 1.0 / (float(norm) + 1e-6))
    grads, at = [], 0
    for parameter in parameters:
        grads.append(flat[at : at + parameter.numel()].view_as(parameter))
        at += parameter.numel()
    return grads


class Run:
    """One process's share of a training run."""

    def __init__(self, rank, options):
        self.rank, self.options = rank, options
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(options.seed)
        shape = Shape(width=options.width, layers=options.layers, hidden=options.hidden, heads=options.width // 32)
        model = Llama(shape)
        if options.warm_start:
            model.load_state_dict(weights_of(options.warm_start))
        self.model = model.to(self.device)
        self.optimiser = Optimiser(self.model, matrix_rate=options.rate, other_rate=options.rate / 5)
        self.turn = self.model.turn.clone()
        self.model.bfloat16()
        self.model.turn = self.turn  # a complex buffer must not be cast
        self.parameters = list(self.model.parameters())
        self.elapsed = self.tokens = self.step = 0
        self.path = options.run / "checkpoint.pt"
        if self.path.exists():
            self._resume()
        loaded = tokenizer.load()
        encode = tokenizer.encoder(loaded)
        common = tokenizer.common_words(loaded)
        self.corpus = Corpus(encode, common, random.Random(f"{options.seed}/{rank}/{self.step}"))
        checks = [Corpus(encode, common, random.Random(f"check/{i}")) for i in range(4)]
        self.check = [batch(rows, 512, 4096, self.device) for rows in checks]

    def _resume(self):
        saved = torch.load(self.path, weights_only=False, map_location=self.device)
        self.optimiser.load(saved["optimiser"])
        self.elapsed, self.tokens, self.step = saved["elapsed"], saved["tokens"], saved["step"]

    def save(self):
        """Write the checkpoint beside the old one, then take its place."""
        names = [name for name, _ in self.model.named_parameters()]
        weights = dict(zip(names, self.optimiser.masters, strict=True))
        temporary = self.path.with_suffix(".new")
        torch.save(
            {
                "weights": weights,
                "optimiser": self.optimiser.state(),
                "shape": self.model.shape.dict(),
                "elapsed": self.elapsed,
                "tokens": self.tokens,
                "step": self.step,
            },
            temporary,
        )
        temporary.replace(self.path)

    def check_loss(self):
        """Loss on rows that are never trained on (their own seeds)."""
        with torch.no_grad():
            return sum(float(loss_of(self.model, *rows)) for rows in self.check) / len(self.check)

    def go(self):
        """Train until the time is up."""
        limit = self.options.minutes * 60
        last = saved = time.time()
        losses = []
        while self.elapsed < limit:
            losses.append(self.one_step(self.elapsed / limit))
            now = time.time()
            self.elapsed += now - last
            last = now
            self.elapsed = self._agree(self.elapsed)
            if self.step % LOG_EVERY == 0 and self.rank == 0:
                self.log(losses, now)
                losses = []
            if self.rank == 0 and now - saved > SAVE_EVERY:
                self.save()
                saved = now
        if self.rank == 0:
            self.log(losses or [0.0], time.time(), check=True)
            self.save()

    def one_step(self, progress):
        """Forward, backward, average, move."""
        warm = self.options.warm_start is not None
        length, self.corpus.mix = lesson(progress, self.step, self.options.seed, warm)
        inputs, targets, mask = batch(self.corpus, length, self.options.tokens, self.device)
        for parameter in self.parameters:
            parameter.grad = None
        loss = loss_of(self.model, inputs, targets, mask)
        loss.backward()
        grads = average(self.parameters, self.options.processes)
        self.optimiser.step(grads, schedule(progress))
        self.step += 1
        self.tokens += inputs.numel() * self.options.processes
        return float(loss.detach())

    def _agree(self, elapsed):
        """All processes use rank 0's clock, so that they stop at the same step."""
        if self.options.processes == 1:
            return elapsed
        clock = torch.tensor([elapsed], dtype=torch.float64)
        dist.broadcast(clock, 0)
        return float(clock)

    def log(self, losses, now, check=None):
        """One line for the curve."""
        line = {
            "step": self.step,
            "seconds": round(self.elapsed, 1),
            "tokens": self.tokens,
            "loss": round(sum(losses) / len(losses), 4),
        }
        if check or self.step % (10 * LOG_EVERY) == 0:
            line["check"] = round(self.check_loss(), 4)
        with open(self.options.run / "log.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)


def worker(rank, options):
    """Entry of one process."""
    torch.set_num_threads(1)
    if options.processes > 1:
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        dist.init_process_group("gloo", rank=rank, world_size=options.processes)
    Run(rank, options).go()
    if options.processes > 1:
        dist.destroy_process_group()


def main():
    """Start the processes."""
    options = arguments()
    options.run.mkdir(parents=True, exist_ok=True)
    if torch.cuda.is_available():
        options.processes = 1
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # waiting threads leave the cores to others
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        os.environ.setdefault("MASTER_PORT", str(probe.getsockname()[1]))
    if options.processes == 1:
        worker(0, options)
    else:
        mp.spawn(worker, args=(options,), nprocs=options.processes)


if __name__ == "__main__":
    main()
