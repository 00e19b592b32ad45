"""The prompt cache through the real command, every run a process of its own."""

import json
import os
import random
import shutil
import signal
import stat
import threading
import time
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest

from cli.command import Command, Result
from engine.one_run import forget_rates
from ggufs import write_gguf, write_lora
from infer.engine.prefix.header import PAGE, decode, encode
from infer.engine.prefix.keys import parse_name

GREEDY = ("-n", "-t", "0")
# The tests' models compute faster than any disk reads, and what is read is compared with rates of earlier runs.
ROW = 2 * 2 * 8 * 2 * 32  # bytes of a token: K and V, f16, layers, heads, width of a head
SLOW_TO_COMPUTE = {"layers": 8, "width": 256, "heads": 8, "kv_heads": 2, "ffn": 1024}


@pytest.fixture(scope="module")
def model(models_dir: Path) -> Path:
    return write_gguf(models_dir / "cached.gguf", context=8192, **SLOW_TO_COMPUTE)  # type: ignore[arg-type]


@pytest.fixture
def cached(lonely: Command) -> Command:
    """With an empty prompt cache that is in use."""
    lonely.environment["INFER_NO_CACHE"] = ""
    return lonely


def store(command: Command) -> Path:
    return Path(command.environment["INFER_CACHE_DIR"]) / "prefix-v1"


def pieces(command: Command) -> list[Path]:
    return sorted(store(command).rglob("*.kv"))


def document(words: int, seed: int = 0) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(["fox", "the", "on", "is", "a", "in"]) for _ in range(words))


def ask(command: Command, model: Path, text: str, question: str = "?", *more: str) -> Result:
    file = command.home / "document.txt"
    file.write_text(text)
    result = command.run("run", model, "-f", file, question, *GREEDY, "--max-tokens", "8", "--json", *more)
    assert result.code == 0, result.err
    return result


def test_a_prompt_seen_before_computes_one_token_and_answers_the_same(cached: Command, model: Path) -> None:
    first = ask(cached, model, document(900)).json
    again = ask(cached, model, document(900)).json
    assert first["usage"]["cached"] == 0
    assert again["usage"]["cached"] == again["usage"]["prompt"] - 1
    assert again["text"] == first["text"]


def test_another_question_on_the_same_document_computes_the_question(cached: Command, model: Path) -> None:
    ask(cached, model, document(900), "first?")
    second = ask(cached, model, document(900), "another one?").json
    alone = ask(cached, model, document(900), "another one?", "--no-cache").json
    assert second["usage"]["prompt"] - second["usage"]["cached"] < 40
    assert (alone["usage"]["cached"], alone["text"]) == (0, second["text"])


def test_verbose_says_what_came_from_the_cache(cached: Command, model: Path) -> None:
    ask(cached, model, document(900))
    assert "from cache (disk, " in ask(cached, model, document(900), "?", "-v").err


def test_cache_verify_computes_as_well_and_compares(cached: Command, model: Path) -> None:
    ask(cached, model, document(900))
    verified = ask(cached, model, document(900), "?", "--cache-verify")
    assert "cache verified: 1,4" in verified.err
    assert "largest difference of the logits" in verified.err


def test_cache_verify_finds_rows_that_are_not_those_of_the_prompt(cached: Command, model: Path) -> None:
    """Though their checksums are right: exit code 5, and how far the logits are off."""
    text = document(900)
    ask(cached, model, text)
    for piece in pieces(cached):
        falsify(piece)
    file = cached.home / "document.txt"
    result = cached.run("run", model, "-f", file, "?", *GREEDY, "--max-tokens", "8", "--cache-verify")
    assert (result.code, result.out) == (5, b"")
    assert "tokens from the prompt cache give other logits than computing them" in result.lines[0]
    assert cached.run("cache", "clear").code == 0
    assert "cache verified: " in ask(cached, model, text, "?", "--cache-verify").err


def falsify(piece: Path) -> None:
    """Other values in the middle of each layer's V, whose head llama.cpp checks, and the checksums of these."""
    data, name = bytearray(piece.read_bytes()), parse_name(piece.name)
    assert name
    header = decode(data[:PAGE], name, bytes.fromhex(piece.parents[1].name), len(data))
    layer = header.base // (2 * SLOW_TO_COMPUTE["layers"])
    for number in range(SLOW_TO_COMPUTE["layers"], 2 * SLOW_TO_COMPUTE["layers"]):
        middle = PAGE + number * layer + layer // 2
        for offset in range(middle, middle + layer // 4):
            data[offset] ^= 0x10
    data[:PAGE] = encode(replace(header, base_crc=crc32(data[PAGE : PAGE + header.base])))
    piece.write_bytes(data)


@pytest.mark.parametrize("way", ["option", "variable", "file"])
def test_no_cache_reads_and_writes_nothing(cached: Command, model: Path, way: str) -> None:
    if way == "variable":
        cached.environment["INFER_NO_CACHE"] = "1"
    elif way == "file":
        cached.configure("no_cache = true")
    more = ["--no-cache"] if way == "option" else []
    ask(cached, model, document(400), "?", *more)
    assert not store(cached).exists()


ANOTHER_SETTING = {
    "KV type": ["--kv-type", "q8_0"],
    "LoRA": ["--lora", "{lora}"],
    "LoRA's scale": ["--lora", "{lora}:0.5"],
}


@pytest.mark.parametrize("change", ANOTHER_SETTING)
def test_another_setting_is_a_miss(cached: Command, tmp_path: Path, change: str) -> None:
    model = write_gguf(tmp_path / "one.gguf", context=2048)
    lora = write_lora(tmp_path / "lora.gguf")
    usual = ["--lora", str(lora)] if "scale" in change else []
    more = [argument.replace("{lora}", str(lora)) for argument in ANOTHER_SETTING[change]]
    ask(cached, model, document(400), "?", *usual)
    alone = ask(cached, model, document(400), "?", *more, "--no-cache").json["text"]
    other = ask(cached, model, document(400), "?", *more).json
    assert (other["usage"]["cached"], other["text"]) == (0, alone)


ANOTHER_MODEL = {
    "weights": {"seed": 1},
    "rope base": {"extra": {"llama.rope.freq_base": 5000.0}},
    "rope scale": {"extra": {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 2.0}},
}


@pytest.mark.parametrize("change", ANOTHER_MODEL)
def test_another_model_of_the_same_shape_in_its_place_is_a_miss(cached: Command, tmp_path: Path, change: str) -> None:
    model = tmp_path / "one.gguf"
    ask(cached, write_gguf(model, context=2048), document(400))
    time_of_the_first = model.stat()
    model.unlink()
    write_gguf(model, context=2048, **ANOTHER_MODEL[change])
    os.utime(model, ns=(time_of_the_first.st_atime_ns, time_of_the_first.st_mtime_ns))
    alone = ask(cached, model, document(400), "?", "--no-cache").json["text"]
    other = ask(cached, model, document(400)).json
    assert (other["usage"]["cached"], other["text"]) == (0, alone)


def test_quantized_keys_without_their_rotation_are_others(cached: Command, tmp_path: Path) -> None:
    """LLAMA_ATTN_ROT_DISABLE changes what llama.cpp puts into a quantized cache."""
    model = write_gguf(tmp_path / "one.gguf", context=2048)
    for disabled in ("", "1"):
        cached.environment["LLAMA_ATTN_ROT_DISABLE"] = disabled
        forget_rates(cached.environment["INFER_CACHE_DIR"])
        first = ask(cached, model, document(400), "?", "--kv-type", "q8_0").json["usage"]
        forget_rates(cached.environment["INFER_CACHE_DIR"])
        again = ask(cached, model, document(400), "?", "--kv-type", "q8_0").json["usage"]
        assert (first["cached"], again["cached"]) == (0, again["prompt"] - 1), disabled


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_another_user_is_a_miss(cached: Command, model: Path) -> None:
    expected = ask(cached, model, document(400)).json["text"]
    for piece in pieces(cached):
        os.chown(piece, 12345, 12345)
    again = ask(cached, model, document(400)).json
    assert (again["usage"]["cached"], again["text"]) == (0, expected)


TWO_ROTATIONS = {
    "as Phi-3's files say it": {"llama.rope.scaling.original_context_length": 512},
    "longrope": {"llama.rope.scaling.type": "longrope"},
}


@pytest.mark.parametrize("says", TWO_ROTATIONS)
def test_a_model_whose_rotation_depends_on_the_context_runs_without_the_cache(
    cached: Command, tmp_path: Path, says: str
) -> None:
    model = write_gguf(tmp_path / "long.gguf", context=2048, extra=TWO_ROTATIONS[says])
    first = ask(cached, model, document(400), "?", "-v")
    assert "the prompt cache cannot serve this model" in first.err
    assert "the prompt cache" not in ask(cached, model, document(400)).err
    assert pieces(cached) == []


def test_a_name_like_that_of_a_piece_of_a_model_costs_no_answer(cached: Command, tmp_path: Path) -> None:
    """llama.cpp takes a single file for the whole, whatever its name says."""
    model = write_gguf(tmp_path / "one-00001-of-00002.gguf", context=2048)
    said = ask(cached, model, document(400), "?", "-v")
    assert "the prompt cache cannot be used" in said.err


def test_what_is_stored_is_private(cached: Command, model: Path) -> None:
    before = os.umask(0)
    try:
        ask(cached, model, document(400))
    finally:
        os.umask(before)
    assert pieces(cached)
    for path in store(cached).rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_clear_leaves_nothing_of_a_prompt(cached: Command, model: Path) -> None:
    ask(cached, model, document(400))
    assert cached.run("cache", "clear").code == 0
    assert pieces(cached) == []
    assert ask(cached, model, document(400)).json["usage"]["cached"] == 0


def test_clear_takes_the_name_that_run_takes(cached: Command) -> None:
    """And leaves what is of others."""
    cached.configure(f'[models.mine]\npath = "{write_gguf(cached.home / "one.gguf", context=2048)}"\n')
    for name in ("tiny", "mine"):
        assert cached.run("run", name, document(300), *GREEDY, "--max-tokens", "2").code == 0
    both = len(pieces(cached))
    assert cached.run("cache", "clear", "tiny").code == 0
    left = len(pieces(cached))
    assert 0 < left < both
    assert cached.run("cache", "clear", "mine").out.startswith(b"removed")
    assert pieces(cached) == []
    nothing = cached.run("cache", "clear", "tiny")
    assert (nothing.code, nothing.lines[0]) == (2, "error: the prompt cache has nothing of 'tiny'")


def test_the_cache_commands_tell_what_is_there(cached: Command, model: Path) -> None:
    ask(cached, model, document(900))
    ask(cached, model, document(900))
    listed = cached.run("cache", "list", "--json").json
    assert [row["model"] for row in listed] == [model.name]
    assert listed[0]["bytes"] == sum(piece.stat().st_size for piece in pieces(cached))
    told = cached.run("cache", "stats", "--json").json
    assert (told["lookups"], told["hits"]) == (2, 1)
    assert told["reused"] > 800
    assert cached.run("cache", "check", "--read-data", "--json").json["clean"] is True


@pytest.mark.parametrize("harm", ["file", "read-only", "full", "foreign"])
def test_a_cache_that_cannot_be_used_costs_no_answer(cached: Command, model: Path, harm: str) -> None:
    place = Path(cached.environment["INFER_CACHE_DIR"])
    expected = ask(cached, model, document(400), "?", "--no-cache").json["text"]
    more: tuple[str, ...] = ("-v",)
    prefix: tuple[str, ...] = ()
    if harm == "file":
        (place / "prefix-v1").write_text("in the way")
    elif harm == "foreign":
        (place / "prefix-v1").symlink_to("/proc")
    elif harm == "full":
        prefix = ("prlimit", "--fsize=4096")
    else:
        cached.environment["INFER_CACHE_DIR"] = "/dev/null/nowhere"
    file = cached.home / "document.txt"
    arguments = ("run", model, "-f", file, "?", *GREEDY, "--max-tokens", "8", "--json", *more)
    result = cached.run(*arguments, prefix=prefix)
    assert (result.code, result.json["text"]) == (0, expected), result.err
    assert "Traceback" not in result.err
    assert "warning: the prompt cache cannot be written" in result.err


def test_damaged_pieces_are_computed_again(cached: Command, model: Path) -> None:
    expected = ask(cached, model, document(900), "?", "--no-cache").json["text"]
    rng = random.Random(1)
    for _ in range(6):
        ask(cached, model, document(900))
        victim = rng.choice(pieces(cached))
        data = bytearray(victim.read_bytes())
        data[rng.randrange(len(data))] ^= 255
        victim.chmod(0o600)
        victim.write_bytes(data)
        assert ask(cached, model, document(900)).json["text"] == expected


def test_a_changed_model_file_is_another_model(cached: Command, models_dir: Path) -> None:
    path = models_dir / "changing.gguf"
    for seed in (1, 2):
        write_gguf(path, context=8192, seed=seed, **SLOW_TO_COMPUTE)  # type: ignore[arg-type]
        assert ask(cached, path, document(400)).json["usage"]["cached"] == 0


def together(command: Command, model: Path, runs: int, at_once: int) -> list[tuple[int, Result]]:
    """Runs with mixed prefixes, several at a time."""
    done: list[tuple[int, Result]] = []
    numbers = iter(range(runs))

    def work() -> None:
        for number in numbers:
            file = command.home / f"document-{number}.txt"
            file.write_text(document(300 + 100 * (number % 3), number % 4))
            arguments = ("run", model, "-f", file, f"question {number % 5}?", *GREEDY, "--max-tokens", "8", "--json")
            done.append((number, command.run(*arguments, timeout=300)))

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def check_together(cached: Command, model: Path, runs: int) -> int:
    """How many of them found something."""
    budget = 3_000_000
    cached.configure(f"[cache]\nmax_bytes = {budget}")
    cold: dict[tuple[int, int, int], str] = {}
    results = together(cached, model, runs, 8)
    for number, result in results:
        assert result.code == 0, result.err
        key = number % 3, number % 4, number % 5
        if key not in cold:
            file = cached.home / f"document-{number}.txt"
            arguments = ("run", model, "-f", file, f"question {number % 5}?", *GREEDY, "--max-tokens", "8", "--json")
            cold[key] = cached.run(*arguments, "--no-cache").json["text"]
        assert result.json["text"] == cold[key], number
    sizes = [piece.stat().st_size for piece in pieces(cached)]
    assert sum(sizes) <= budget
    assert evicted(results, sizes), "so many prompts have more rows than there is room for"
    assert not list(store(cached).rglob("*.tmp"))
    assert cached.run("cache", "check", "--read-data").code == 0
    return sum(result.json["usage"]["cached"] > 0 for _, result in results)


def evicted(results: list[tuple[int, Result]], left: list[int]) -> bool:
    """Whether the rows that were computed, without any that two runs may both have stored, are more than those left."""
    longest: dict[int, int] = {}
    for number, result in results:
        prompt = result.json["usage"]["prompt"]
        longest[number % 4] = max(longest.get(number % 4, 0), prompt)
    return sum(longest.values()) * ROW > sum(left)


def test_runs_at_the_same_time_share_the_cache(cached: Command, model: Path) -> None:
    check_together(cached, model, 12)


@pytest.mark.slow
def test_a_hundred_runs_at_the_same_time_share_the_cache(cached: Command, model: Path) -> None:
    hits = check_together(cached, model, 100)
    print(f"{hits} of 100 runs found something")
    assert hits >= 10


def kill_at_random(cached: Command, model: Path, kills: int) -> None:
    file = cached.home / "document.txt"
    rng = random.Random(5)
    for number in range(kills):
        file.write_text(document(700, number % 6))
        running = cached.start("run", model, "-f", file, "?", *GREEDY, "--max-tokens", "40")
        time.sleep(rng.uniform(0.05, 0.6))
        victims = [running.pid] if running.process.poll() is None else []
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        running.process.wait()
    time.sleep(0.5)
    checked = cached.run("cache", "check", "--read-data", "--json")
    assert checked.code == 0, checked.out
    result = ask(cached, model, document(700, 0))
    assert result.json["text"] == ask(cached, model, document(700, 0), "?", "--no-cache").json["text"]


def test_kills_leave_the_cache_sound(cached: Command, model: Path) -> None:
    kill_at_random(cached, model, 10)


@pytest.mark.slow
def test_two_hundred_kills_leave_the_cache_sound(cached: Command, model: Path) -> None:
    kill_at_random(cached, model, 200)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("name", ["clear", "prune"])
def test_a_clean_up_that_is_killed_at_any_removal_leaves_the_cache_sound(
    cached: Command, model: Path, name: str
) -> None:
    expected = ask(cached, model, document(600), "?", "--no-cache").json["text"]
    calls, step, code = "unlink,unlinkat,rmdir,rename,renameat,renameat2", 0, -signal.SIGKILL
    while code:
        ask(cached, model, document(600))
        if name == "prune":
            pieces(cached)[0].write_bytes(b"damaged")
        inject = f"inject={calls}:signal=SIGKILL:when={(step := step + 1)}"
        prefix = ("strace", "-f", "-qq", "-o", str(cached.home / "trace"), "-e", f"trace={calls}", "-e", inject)
        code = cached.run("cache", name, prefix=prefix).code
        assert code in (0, -signal.SIGKILL)
        assert name == "clear" or cached.run("cache", name).code == 0
        assert cached.run("cache", "check", "--read-data").code == 0
        assert ask(cached, model, document(600)).json["text"] == expected
    assert step > 3


@pytest.mark.slow
def test_tiny_says_the_same_with_the_cache_a_hundred_times(cached: Command) -> None:
    """Once upon a time, in the default configuration at temperature 0: 100 of 100."""
    story = cached.run("run", "tiny", "Tell me a story about a fox and a lantern.", *GREEDY, "--json").json["text"]
    for number in range(100):
        question = ["Who was it about?", "Where did they live?", "Make it JSON.", "What was found?"][number % 4]
        text = f"{story} {document(number % 7 * 20, number)}"
        file = cached.home / "story.txt"
        file.write_text(text)
        arguments = ("run", "tiny", "-f", file, question, *GREEDY, "--json")
        outs = []
        for more in ((), (), ("--no-cache",)):
            forget_rates(cached.environment["INFER_CACHE_DIR"])
            outs.append(json.loads(cached.run(*arguments, *more).out))
        assert outs[0]["text"] == outs[1]["text"] == outs[2]["text"], question
        assert outs[1]["usage"]["cached"] > outs[2]["usage"]["cached"] == 0, question
