"""`infer run`, `infer tokens`, `infer config`: what the options do, through the real command."""

import json
import re
from pathlib import Path
from typing import Any

import gguf
import pytest

from cli.command import Command
from ggufs import CHAT_TEMPLATE, bpe, spm, write_gguf, write_lora

GREEDY = ("-t", "0", "-n")
# The model is told to think by a switch of its template, and the prompt then ends with an open marker.
THINKING = CHAT_TEMPLATE.removesuffix("{% endif %}") + (
    "{% if enable_thinking is not defined or enable_thinking %}{{ '<think>' }}{% else %}"
    "{{ '<think></think>' }}{% endif %}{% endif %}"
)


def record(infer: Command, model: Path, *arguments: str | Path, **options: Any) -> dict[str, Any]:
    result = infer.run("run", model, *arguments, "--json", **options)
    assert result.code == 0, result.err
    data: dict[str, Any] = result.json
    return data


# --- how an answer ends


def test_max_tokens_ends_the_answer_without_a_word(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "hello", *GREEDY, "--max-tokens", "7", "--json")
    assert (result.json["usage"]["completion"], result.json["finish_reason"]) == (7, "length")
    assert result.err == "", "it was asked for"


def test_a_stop_text_ends_the_answer_and_is_not_printed(infer: Command, random_model: Path) -> None:
    whole = record(infer, random_model, "hello", *GREEDY, "--max-tokens", "40")["text"]
    later, sooner = whole[20:23], whole[9:12]
    assert whole.index(later) > whole.index(sooner) > 0
    result = infer.run("run", random_model, "hello", *GREEDY, "--max-tokens", "40", "--stop", later, "--stop", sooner)
    assert (result.code, result.out.decode(), result.err) == (0, whole[: whole.index(sooner)], "")
    assert record(infer, random_model, "hello", *GREEDY, "--stop", sooner)["finish_reason"] == "stop"


@pytest.fixture(scope="module")
def looping_model(models_dir: Path) -> Path:
    """Says the same token for ever: only one row of its output is not zero."""
    path = write_gguf(models_dir / "looping.gguf", context=4096, width=32, heads=1, layers=1, ffn=32, dtype="f32")
    reader = gguf.GGUFReader(path, "r+")
    for tensor in reader.tensors:
        if tensor.name in ("blk.0.attn_output.weight", "blk.0.ffn_down.weight"):
            tensor.data[:] = 0  # what goes in comes out: the token's own embedding
        if tensor.name == "token_embd.weight":
            tensor.data[:] = 1
        if tensor.name == "output.weight":
            tensor.data[:] = 0
            tensor.data[ord("z")] = 1
    reader.data.flush()
    return path


def test_the_loop_guard_ends_an_answer_that_goes_in_circles(infer: Command, looping_model: Path) -> None:
    result = infer.run("run", looping_model, "hello", *GREEDY, "--json")
    assert (result.code, result.json["finish_reason"]) == (0, "loop")
    assert result.json["text"] == "z" * 513, "one token, and 512 that repeat it"
    assert result.err == "note: the answer went in circles and was ended; --max-tokens N lets it run\n"


def test_the_loop_guard_is_off_when_max_tokens_is_given(infer: Command, looping_model: Path) -> None:
    data = record(infer, looping_model, "hello", *GREEDY, "--max-tokens", "700")
    assert (data["text"], data["finish_reason"]) == ("z" * 700, "length")


def test_a_context_that_is_full_ends_the_answer_with_a_note(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "hello", "-n", "--seed", "4", "--json")
    assert (result.code, result.json["finish_reason"]) == (0, "length")
    assert result.json["context"] == {"size": 1024, "used": 1024, "dropped": 0}
    assert result.err == "note: the context of 1,024 tokens is full, the answer is cut here\n"
    quiet = infer.run("run", random_model, "hello", "-n", "--seed", "4", "-q")
    assert (quiet.code, quiet.out.decode(), quiet.err) == (0, result.json["text"], "")


def test_a_context_that_is_full_before_max_tokens_is_said_too(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "hello", "-n", "--max-tokens", "5000", "--json")
    assert result.json["usage"]["completion"] == 1016
    assert result.err == "note: the context of 1,024 tokens is full, the answer is cut here\n"


# --- the context


def test_the_context_is_as_large_as_the_request_and_grows(infer: Command, long_model: Path) -> None:
    short = record(infer, long_model, "hello", *GREEDY, "--max-tokens", "3")
    assert short["context"]["size"] == 256
    seeded = ("-n", "--seed", "9", "-t", "1.2", "--top-k", "0")
    grown = record(infer, long_model, "hello", *seeded, "--max-tokens", "1400")
    assert grown["usage"]["completion"] == 1400
    open_ended = infer.start("run", long_model, "hello", *seeded)
    expected = grown["text"].encode()
    open_ended.until(lambda: len(open_ended.out) >= len(expected))
    open_ended.signal(2)
    text = open_ended.finish().out
    assert text[: len(expected) - 4] == expected[:-4], "a context that has grown in between changes nothing"


# --- sampling


def test_a_seed_gives_the_same_text_and_is_printed(infer: Command, random_model: Path) -> None:
    first = record(infer, random_model, "hello", "-n", "--max-tokens", "30")
    again = record(infer, random_model, "hello", "-n", "--max-tokens", "30", "--seed", str(first["seed"]))
    other = record(infer, random_model, "hello", "-n", "--max-tokens", "30", "--seed", str(first["seed"] ^ 1))
    assert (again["text"], again["seed"]) == (first["text"], first["seed"])
    assert other["text"] != first["text"]


def test_settings_come_from_flags_variables_config_and_the_model_in_this_order(lonely: Command, tmp_path: Path) -> None:
    extra = {"general.sampling.temp": 0.0, "general.sampling.top_k": 3}
    model = write_gguf(tmp_path / "m.gguf", extra=extra)
    greedy = record(lonely, model, "hi", "-n", "--max-tokens", "20", "-t", "0")["text"]
    assert record(lonely, model, "hi", "-n", "--max-tokens", "20")["text"] == greedy, "the model's file says greedy"
    lonely.configure('max_tokens = 5\ntemperature = 2.0\ntop_k = 0\nsystem = "S"\n')
    sampled = ["hi", "-n", "--seed", "1"]
    configured = lonely.run("run", model, *sampled, "--json", "--show-prompt")
    assert "<|system|>S<|end|>" in configured.err
    assert configured.json["usage"]["completion"] == 5
    assert not greedy.startswith(configured.json["text"])
    variable = {"INFER_MAX_TOKENS": "6"}
    assert record(lonely, model, *sampled, env=variable)["usage"]["completion"] == 6
    assert record(lonely, model, *sampled, "--max-tokens", "7", env=variable)["usage"]["completion"] == 7


def test_an_unknown_variable_is_named_and_does_no_harm(infer: Command, random_model: Path) -> None:
    result = infer.run(
        "run", random_model, "hello", *GREEDY, "--max-tokens", "2", env={"INFER_TEMPRATURE": "1", "INFER_SEED": "3"}
    )
    assert result.code == 0
    assert result.lines == [
        "warning: INFER_TEMPRATURE is set but is no setting of infer; did you mean INFER_TEMPERATURE?"
    ]
    wrong = infer.run("run", random_model, "hello", "-n", env={"INFER_SEED": "many"})
    assert (wrong.code, wrong.lines[0][:20]) == (2, "error: INFER_SEED: '")


# --- what is said


def test_verbose_tells_the_figures_on_stderr_only(infer: Command, random_model: Path) -> None:
    plain = infer.run("run", random_model, "hello", *GREEDY, "--max-tokens", "12")
    result = infer.run("run", random_model, "hello", *GREEDY, "--max-tokens", "12", "--seed", "5", "-v")
    assert result.out == plain.out
    said = result.err
    for pattern in (
        r"model .*random\.gguf: llama, 0\.1 M parameters, F16",
        r"prompt 8 tokens: 0 from cache, 8 computed \([\d,]+ tok/s\)",
        r"answer 12 tokens \([\d,]+ tok/s\), ended by: length",
        r"time: first token \d+\.\d\d s, total \d+\.\d\d s, of it loading \d+\.\d\d s",
        r"context 20 of 256 tokens \(trained for 1,024\)",
        r"device CPU, 1 thread; seed 5",
    ):
        assert re.search(pattern, said), (pattern, said)
    assert not [line for line in result.lines if "ggml" in line or "llama_" in line], "llama.cpp does not speak"


def test_a_gpu_that_is_not_there_is_exit_6(infer: Command, random_model: Path) -> None:
    devices = infer.run("run", random_model, "x", *GREEDY, "--max-tokens", "1", "--gpu-layers", "0")
    assert devices.code == 0
    result = infer.run("run", random_model, "x", *GREEDY, "--max-tokens", "1", "--gpu-layers", "all", "--json")
    if result.code == 0:
        assert result.json["device"] != "CPU"
        pytest.skip("this build of llama.cpp has a GPU")
    assert result.code == 6
    assert result.err.startswith("error: --gpu-layers all asks for a GPU, but this llama-cpp-python finds none\nhint: ")


# --- reasoning


@pytest.fixture(scope="module")
def thinking_model(models_dir: Path) -> Path:
    """Its 513 "z" are reasoning or answer, as the template's switch says."""
    return write_gguf(models_dir / "thinking.gguf", context=1024, chat_template=THINKING)


def test_reasoning_is_kept_from_the_answer(infer: Command, thinking_model: Path) -> None:
    thought = record(infer, thinking_model, "hello", *GREEDY, "--max-tokens", "9")
    assert (thought["text"], len(thought["reasoning"]) > 0) == ("", True)
    answered = record(infer, thinking_model, "hello", *GREEDY, "--max-tokens", "9", "--think", "off")
    assert (len(answered["text"]) > 0, answered["reasoning"]) == (True, "")


def test_reasoning_is_shown_when_asked_for_or_on_a_terminal(infer: Command, thinking_model: Path) -> None:
    arguments = ("run", thinking_model, "hello", *GREEDY, "--max-tokens", "9", "--think")
    reasoning = record(infer, thinking_model, "hello", *GREEDY, "--max-tokens", "9")["reasoning"]
    hidden = infer.run(*arguments, "on")
    assert (hidden.code, hidden.out, hidden.err) == (0, b"", "")
    shown = infer.run(*arguments, "show")
    assert (shown.code, shown.out, shown.err) == (0, b"", reasoning + "\n")
    assert "\x11" in reasoning, "a control character, or the next lines show less than they could"
    visible = reasoning.replace("\x11", "␑") + "\n"
    terminal = infer.run(*arguments, "on", stderr="tty")
    assert terminal.err.replace("\r\x1b[K", "").replace("\x1b[2m", "").replace("\x1b[0m", "") == visible
    assert "\x1b[2m" in terminal.err, "dim"
    plain = infer.run(*arguments, "on", stderr="tty", env={"NO_COLOR": "1"})
    assert plain.err.replace("\r\x1b[K", "") == visible
    quiet = infer.run(*arguments, "on", "-q", stderr="tty")
    assert quiet.err.replace("\r\x1b[K", "") == ""


# --- raw, LoRA, KV types


def test_raw_is_the_prompt_and_nothing_around_it(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "hello", *GREEDY, "--raw", "--max-tokens", "4", "--json", "--show-prompt")
    assert result.err.rstrip("\n") == "hello"
    assert result.json["usage"]["prompt"] == 5


def test_a_lora_adapter_changes_the_answer_as_much_as_its_scale_says(
    infer: Command, random_model: Path, tmp_path: Path
) -> None:
    lora = write_lora(tmp_path / "lora.gguf")
    arguments = ("hello", *GREEDY, "--max-tokens", "16")
    plain = record(infer, random_model, *arguments)["text"]
    assert record(infer, random_model, *arguments, "--lora", lora)["text"] != plain
    assert record(infer, random_model, *arguments, "--lora", f"{lora}:0")["text"] == plain
    missing = infer.run("run", random_model, *arguments, "--lora", tmp_path / "no.gguf")
    assert missing.code == 3
    assert str(tmp_path / "no.gguf") in missing.err
    other = infer.run("run", random_model, *arguments, "--lora", random_model)
    assert other.code in (3, 5)
    assert "Traceback" not in other.err


@pytest.mark.parametrize("kind", ["q8_0", "q4_0"])
def test_a_quantised_kv_cache_answers(infer: Command, random_model: Path, kind: str) -> None:
    data = record(infer, random_model, "hello", *GREEDY, "--max-tokens", "16", "--kv-type", kind)
    assert data["usage"]["completion"] == 16


# --- infer tokens


def test_tokens_counts_lists_and_prints_json(infer: Command, random_model: Path, spm_model: Path) -> None:
    text = "the fox\n"
    assert infer.run("tokens", random_model, "-n", text).out == b"3\n"
    ids = bpe()["tokenizer.ggml.tokens"]
    expected = [(ids.index("the"), "the"), (ids.index("Ġfox"), " fox"), (ids.index("Ċ"), "\n")]
    listed = infer.run("tokens", random_model, "-n", "--list", text)
    assert listed.out.decode() == "".join(f"{number}\t{piece!r}\n" for number, piece in expected)
    data = infer.run("tokens", random_model, "-n", "--json", text).json
    assert data == {"count": 3, "tokens": [{"id": number, "text": piece} for number, piece in expected]}
    assert infer.run("tokens", random_model, stdin=text.encode()).out == b"3\n"
    assert infer.run("tokens", random_model, "-n", "--chat", "the").out == b"4\n"
    words = spm()["tokenizer.ggml.tokens"]
    spm_ids = [token["id"] for token in infer.run("tokens", spm_model, "-n", "--json", "the fox").json["tokens"]]
    assert spm_ids == [words.index("▁the"), words.index("▁fox")]


# --- infer config, --help, --version


def test_config_shows_every_setting_with_its_origin(lonely: Command) -> None:
    path = lonely.configure('temperature = 0.5\nstop = ["END"]\n')
    env = {"INFER_TOP_K": "7", "INFER_THREADS": None}
    rows = {row["key"]: row for row in lonely.run("config", "--json", env=env).json}
    assert (rows["temperature"]["value"], rows["temperature"]["origin"]) == (0.5, str(path))
    assert (rows["top_k"]["value"], rows["top_k"]["origin"]) == (7, "INFER_TOP_K")
    assert (rows["stop"]["value"], rows["stop"]["origin"]) == (["END"], str(path))
    assert (rows["ctx"]["value"], rows["ctx"]["origin"]) == (None, "default")
    table = lonely.run("config", env=env)
    assert (table.code, table.err) == (0, "")
    lines = table.out.decode().splitlines()
    assert len([line for line in lines if line.split() and line.split()[0] in rows]) == len(rows)
    assert re.search(rf"^temperature +0\.5 +{re.escape(str(path))}$", table.out.decode(), re.MULTILINE)
    assert f"config.toml: {path}" in lines
    assert f"cache: {lonely.home / 'cache' / 'infer'}" in lines


def test_no_arguments_and_help_print_the_commands(infer: Command) -> None:
    bare, helped = infer.run(), infer.run("--help")
    assert (bare.code, bare.err, helped.code, helped.err) == (0, "", 0, "")
    assert bare.out == helped.out
    assert all(word in helped.out.decode() for word in ("run", "tokens", "config", "--version"))
    assert b"--max-tokens" in infer.run("run", "-h").out


def test_version_is_one_line(infer: Command) -> None:
    result = infer.run("--version")
    assert (result.code, result.err) == (0, "")
    assert re.fullmatch(rb"infer \d+\.\d+\.\d+\S*\n", result.out)


HEAVY = {"llama_cpp", "huggingface_hub", "jinja2", "numpy", "infer.engine", "infer.chat"}


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["run", "MODEL", "hello", "-n", "--max-tokens", "2"]])
def test_the_parent_imports_nothing_heavy(infer: Command, random_model: Path, arguments: list[str]) -> None:
    """Told by the interpreter itself; the worker runs with -E and does not hear PYTHONPROFILEIMPORTTIME."""
    words = [str(random_model) if word == "MODEL" else word for word in arguments]
    result = infer.run(*words, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert result.code == 0
    imported = {line.rpartition("|")[2].strip() for line in result.lines if line.startswith("import time:")}
    assert "infer.cli.main" in imported, "the list should be there, or this test shows nothing"
    heavy = {name for name in imported if name in HEAVY or name.partition(".")[0] in HEAVY}
    assert not heavy
    if arguments == ["--version"]:
        assert "typer" not in imported


def test_config_and_records_are_valid_json_on_a_terminal(infer: Command, random_model: Path) -> None:
    """What is shown instead of control characters must not break the syntax."""
    options = ("--json", "-n", "-t", "3", "--top-k", "0", "--min-p", "0", "--top-p", "1", "--seed", "2")
    result = infer.run("run", random_model, "hello", *options, "--max-tokens", "900", stdout="tty")
    assert result.code == 0
    assert json.loads(result.out)["usage"]["completion"] > 100


def test_the_load_that_starts_before_the_options_are_read_changes_nothing_they_say(
    infer: Command, random_model: Path, spm_model: Path
) -> None:
    plain = infer.run("run", random_model, "hello", "-n", "-t", "0", "--max-tokens", "20")
    options_first = infer.run("run", "-n", "-t", "0", "--max-tokens", "20", random_model, "hello")
    assert plain.out == options_first.out
    record = infer.run("run", random_model, "hello", "-n", "--ctx", "700", "--max-tokens", "2", "--json").json
    assert record["context"]["size"] == 768, "700, rounded up by llama.cpp"
    elsewhere = infer.run("run", "no-such-model", "hello", "-n")
    assert (elsewhere.code, elsewhere.out) == (3, b"")
    mistaken = infer.run("run", spm_model, "hello", "--temprature", "1")
    assert (mistaken.code, mistaken.out) == (2, b"")
