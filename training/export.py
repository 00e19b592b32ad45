"""Write a checkpoint as a GGUF file, and check the file against the checkpoint through llama.cpp.

python export.py RUN/checkpoint.pt [RUN2/checkpoint.pt ...] ../src/infer/data/tiny.gguf
python export.py --check RUN/checkpoint.pt ... ../src/infer/data/tiny.gguf     (needs llama_cpp)

Of several checkpoints the mean of the weights is taken. They must be of one line: a run and one that began with it.
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch

import tokenizer
from model import Llama, Shape

DESCRIPTION = "The model inside infer: tells short stories, answers questions about them, turns them into JSON"
SAMPLING = {"temp": 0.7, "top_k": 40, "top_p": 0.95, "min_p": 0.05}
MATRICES = {
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "o": "attn_output",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}
NORMS = {"attn_norm": "attn_norm", "ffn_norm": "ffn_norm"}


def load(paths):
    """The network of a checkpoint, or the mean of several, in float32."""
    saved = [torch.load(path, weights_only=False, map_location="cpu") for path in paths]
    model = Llama(Shape(**saved[0]["shape"]))
    names = saved[0]["weights"]
    model.load_state_dict({name: torch.stack([one["weights"][name] for one in saved]).mean(0) for name in names})
    return model.eval()


def write(model, path):
    """Header, vocabulary, tensors."""
    writer = gguf.GGUFWriter(str(path), "llama")
    _header(writer, model.shape)
    _vocabulary(writer)
    _tensors(writer, model)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _header(writer, shape):
    writer.add_name("tiny")
    writer.add_basename("tiny")
    writer.add_description(DESCRIPTION)
    writer.add_license("apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.eps)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_float32(gguf.Keys.General.SAMPLING_TEMP, SAMPLING["temp"])
    writer.add_int32(gguf.Keys.General.SAMPLING_TOP_K, SAMPLING["top_k"])
    writer.add_float32(gguf.Keys.General.SAMPLING_TOP_P, SAMPLING["top_p"])
    writer.add_float32(gguf.Keys.General.SAMPLING_MIN_P, SAMPLING["min_p"])


def _vocabulary(writer):
    data = json.loads(tokenizer.PATH.read_text())["model"]
    pieces = sorted(data["vocab"], key=data["vocab"].get)
    kinds = [gguf.TokenType.CONTROL if piece in tokenizer.CONTROLS else gguf.TokenType.NORMAL for piece in pieces]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in data["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(pieces)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(tokenizer.END)
    writer.add_eot_token_id(tokenizer.END)
    writer.add_pad_token_id(tokenizer.END)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(tokenizer.TEMPLATE)


def _tensors(writer, model):
    """Matrices (the embedding too) in Q8_0, norms in F32; no output.weight, since it is tied."""
    _matrix(writer, "token_embd.weight", model.embedding.weight)
    _norm(writer, "output_norm.weight", model.norm.weight)
    for i, block in enumerate(model.blocks):
        for mine, theirs in NORMS.items():
            _norm(writer, f"blk.{i}.{theirs}.weight", getattr(block, mine).weight)
        for mine, theirs in MATRICES.items():
            _matrix(writer, f"blk.{i}.{theirs}.weight", getattr(block, mine).weight)


def _matrix(writer, name, weight):
    kind = gguf.GGMLQuantizationType.Q8_0
    data = gguf.quants.quantize(weight.detach().numpy().astype(np.float32), kind)
    writer.add_tensor(name, data, raw_dtype=kind)


def _norm(writer, name, weight):
    writer.add_tensor(name, weight.detach().numpy().astype(np.float32))


def check(model, path):
    """Compare token ids on 200 texts and logits on 20 conversations; return what was found."""
    import random

    from corpus import texts
    from runtime import Runtime

    runtime = Runtime(path)
    encode = tokenizer.encoder(tokenizer.load())
    samples = list(texts(random.Random("export"), 22))[:170] + ODD_TEXTS
    same = sum(encode(text)[0] == runtime.tokenize(text) for text in samples)
    worst, agree, total = 0.0, 0, 0
    for text in samples[:20]:
        ids = [tokenizer.USER, *encode(text)[0], tokenizer.END, tokenizer.ASSISTANT]
        with torch.no_grad():
            mine = model.logits(model(torch.tensor([ids])))[0].numpy()
        theirs = runtime.logits(ids)
        worst = max(worst, float(np.abs(mine - theirs).max()))
        agree += int((mine.argmax(-1) == theirs.argmax(-1)).sum())
        total += len(ids)
    return {
        "texts": len(samples),
        "same ids": same,
        "largest logit difference": round(worst, 3),
        "same argmax": f"{agree} of {total}",
    }


ODD_TEXTS = [
    "",
    " ",
    "\n\n\n",
    "\t\ttabs",
    "Ünïcödé Straße",
    "日本語のテキスト",
    "한국어",
    "العربية",
    "עברית",
    "हिन्दी",
    "ไทย",
    "😀🎉👩‍👩‍👧",
    "a\u0301e\u0301",
    "def f(x):\n    return x ** 2",
    "<|end|",
    "< |user|>",
    "1234567890",
    "3.14159",
    "x=1;y=2",
    "don't can't I'm we've he'll I'd",
    "   leading",
    "trailing   ",
    "a  b   c    d",
    "\r\nwindows\r\n",
    "\u00a0nbsp",
    "\u200bzero width",
    "ＦＵＬＬ",
    "ß ſ ŉ",
    "½ ² ③",
    "e=mc²",
    "ALL CAPS",
    "CamelCaseWord",
    "snake_case_word",
    "https://example.org/a?b=c#d",
    "a@b.c",
    "C:\\dir\\file",
    '{"a": [1, 2]}',
    "\U0001f1e9\U0001f1ea",
    "“quotes” ‘single’ – — …",
    "\x00\x01\x7f",
    "नमस्ते दुनिया",
]


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true", help="compare an existing file, write nothing")
    options = parser.parse_args()
    model = load(options.checkpoints)
    if options.check:
        print(check(model, options.file))
    else:
        write(model, options.file)
        print(options.file.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
