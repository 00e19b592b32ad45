"""Writes a random-weight GGUF of the Qwen3-0.6B shape, quantised to Q4_K_M by llama.cpp itself.

    python benchmarks/make_model.py [--out DIRECTORY] [--vocabulary ggml-vocab-qwen2.gguf]

What a step costs depends on shapes and types, not on what the weights say. 596 M parameters: 28 layers, width 1024,
FFN 3072, 16 heads and 8 KV heads of 128, vocabulary 151,936, embedding tied to the output. The vocabulary is made up
(256 bytes, 151,387 merges, 3 control tokens, padding: the numbers of the real one) unless a file with one is given.
Both split every digit off, so a prompt of N digits has N tokens.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np

LAYERS, WIDTH, FEED_FORWARD, HEADS, KV_HEADS, HEAD, VOCABULARY = 28, 1024, 3072, 16, 8, 128, 151_936
MERGES = 151_387
TRAINED_CONTEXT = 40_960
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
SEED = 6
LONGEST_TOKEN = 7  # letters; the mean then is 6.6, in the real vocabulary 6.4
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
DEFAULT_OUT = Path(tempfile.gettempdir()) / "infer-bench"


def byte_letters() -> list[str]:
    """GPT-2's spelling of the 256 bytes: printable ones stand for themselves, the others for U+0100 and up."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain} | {byte: chr(256 + n) for n, byte in enumerate(others)}
    return [letters[byte] for byte in plain + others]


def made_up_vocabulary() -> tuple[list[str], list[str], list[int]]:
    """(tokens, merges, token types) of a byte-level BPE vocabulary in which every merge makes a new token."""
    draw = random.Random(SEED)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens, merges = byte_letters(), []
    known, inside, starts = set(tokens), list(letters), ["Ġ", *letters]
    while len(merges) < MERGES:
        left, right = draw.choice(starts), draw.choice(inside)
        word = left + right
        if word in known or len(word) > LONGEST_TOKEN:
            continue
        known.add(word)
        merges.append(f"{left} {right}")
        tokens.append(word)
        starts.append(word)
        if word[0] != "Ġ" and len(word) <= LONGEST_TOKEN // 2:
            inside.append(word)
    types = [gguf.TokenType.NORMAL] * len(tokens) + [gguf.TokenType.CONTROL] * len(CONTROL)
    tokens += CONTROL
    padding = VOCABULARY - len(tokens)
    tokens += [f"[PAD{len(tokens) + n}]" for n in range(padding)]
    return tokens, merges, [*map(int, types), *[int(gguf.TokenType.UNUSED)] * padding]


def read_vocabulary(path: Path) -> tuple[list[str], list[str], list[int]]:
    """(tokens, merges, token types) of a GGUF file with a byte-level BPE vocabulary of the same size."""
    fields = gguf.GGUFReader(path).fields
    tokens, merges, types = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "merges", "token_type"))
    if len(tokens) != VOCABULARY:
        sys.exit(f"{path} has {len(tokens):,} tokens, not {VOCABULARY:,}")
    return tokens, merges, types


def write_metadata(writer: gguf.GGUFWriter, vocabulary: tuple[list[str], list[str], list[int]]) -> None:
    """Everything but the tensors."""
    tokens, merges, types = vocabulary
    writer.add_name("random weights of the Qwen3-0.6B shape")
    writer.add_block_count(LAYERS)
    writer.add_context_length(TRAINED_CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def write_tensors(writer: gguf.GGUFWriter, types: list[int]) -> None:
    """Random weights, scaled so that logits have a standard deviation of about 2.

    The rows of control and unused tokens are zero: their logits are 0, far below the best of 151,936 random ones, so a
    greedy answer never ends early.
    """
    random_numbers = np.random.default_rng(SEED)

    def matrix(name: str, rows: int, columns: int, scale: float) -> None:
        values = random_numbers.standard_normal((rows, columns), np.float32) * np.float32(scale)
        if name == "token_embd.weight":
            values[np.array(types) != gguf.TokenType.NORMAL] = 0
        writer.add_tensor(name, values.astype(np.float16))

    def ones(name: str, size: int) -> None:
        writer.add_tensor(name, np.ones(size, np.float32))

    into_residual = (2 * LAYERS) ** -0.5
    matrix("token_embd.weight", VOCABULARY, WIDTH, 0.06)
    ones("output_norm.weight", WIDTH)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for norm, size in (("attn_norm", WIDTH), ("ffn_norm", WIDTH), ("attn_q_norm", HEAD), ("attn_k_norm", HEAD)):
            ones(f"{block}.{norm}.weight", size)
        matrix(f"{block}.attn_q.weight", HEADS * HEAD, WIDTH, WIDTH**-0.5)
        matrix(f"{block}.attn_k.weight", KV_HEADS * HEAD, WIDTH, WIDTH**-0.5)
        matrix(f"{block}.attn_v.weight", KV_HEADS * HEAD, WIDTH, WIDTH**-0.5)
        matrix(f"{block}.attn_output.weight", WIDTH, HEADS * HEAD, (HEADS * HEAD) ** -0.5 * into_residual)
        matrix(f"{block}.ffn_gate.weight", FEED_FORWARD, WIDTH, WIDTH**-0.5)
        matrix(f"{block}.ffn_up.weight", FEED_FORWARD, WIDTH, WIDTH**-0.5)
        matrix(f"{block}.ffn_down.weight", WIDTH, FEED_FORWARD, FEED_FORWARD**-0.5 * into_residual)


def write_f16(path: Path, vocabulary: tuple[list[str], list[str], list[int]]) -> None:
    """The model in 16 bits, 1.2 GB."""
    writer = gguf.GGUFWriter(path, "qwen3")
    write_metadata(writer, vocabulary)
    write_tensors(writer, vocabulary[2])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def quantise(source: Path, target: Path) -> None:
    """Q4_K_M by llama.cpp's own quantiser, the one inside the installed llama-cpp-python."""
    from llama_cpp import llama_cpp

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M
    partial = target.with_suffix(".partial")
    if llama_cpp.llama_model_quantize(str(source).encode(), str(partial).encode(), params):
        sys.exit(f"llama.cpp could not quantise {source}")
    partial.replace(target)


def make(out: Path, vocabulary_file: Path | None = None) -> Path:
    """The Q4_K_M file in `out`, made if it is not there yet."""
    target = out / f"random-0.6b-{'given' if vocabulary_file else 'made-up'}-vocabulary-q4_k_m.gguf"
    if target.exists():
        return target
    out.mkdir(parents=True, exist_ok=True)
    vocabulary = read_vocabulary(vocabulary_file) if vocabulary_file else made_up_vocabulary()
    source = target.with_name("random-0.6b-f16.gguf")
    write_f16(source, vocabulary)
    quantise(source, target)
    source.unlink()
    return target


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="make the random-weight model of the benchmarks")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder for the file (400 MB; 1.6 GB meanwhile)")
    parser.add_argument("--vocabulary", type=Path, help="GGUF file to take a vocabulary of 151,936 tokens from")
    given = parser.parse_args()
    print(make(given.out, given.vocabulary))


if __name__ == "__main__":
    main()
