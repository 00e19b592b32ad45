"""list, show, rm and verify through the real command: other tools' files in place, nothing of theirs touched."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cli.command import Command, Result
from ggufs import write_gguf
from infer.cli.app import run_command_line
from models.tools import OTHER, hub_file, ollama_manifest, ollama_model, put

RUN = ("-n", "-t", "0", "--max-tokens", "4")
LOCKS = {".locks", ".locks/models--org--repo"}  # directories that huggingface_hub expects to stay


@pytest.fixture(scope="module")
def model(models_dir: Path) -> Path:
    return write_gguf(models_dir / "store.gguf", context=512)


@pytest.fixture(scope="module")
def raw(model: Path) -> bytes:
    return model.read_bytes()


class Inside(Command):
    """The same command line in this process: what it does is what counts, not how it starts. For tables of cases."""

    def __init__(self, home: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        super().__init__(home)
        self._patch, self._capture = patch, capture

    def run(self, *arguments: str | bytes | Path, timeout: float = 0, **options: Any) -> Result:
        assert not options
        for name, value in self.environment.items():
            self._patch.setenv(name, value)
        self._capture.readouterr()
        code = run_command_line([os.fsdecode(argument) for argument in arguments])
        captured = self._capture.readouterr()
        return Result(code, captured.out.encode(), captured.err, timeout)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Inside:
    monkeypatch.chdir(tmp_path)
    return Inside(tmp_path, monkeypatch, capfd)


def hub(command: Command) -> Path:
    return Path(command.environment["XDG_CACHE_HOME"]) / "huggingface" / "hub"


def listed(command: Command) -> dict[str, dict[str, Any]]:
    result = command.run("list", "--json")
    assert result.code == 0, result.err
    return {row["name"]: row for row in result.json}


def tree(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*")}


def test_every_tools_models_are_listed_and_run_in_place(
    lonely: Command, inside: Inside, model: Path, raw: bytes
) -> None:
    """The layouts of Ollama, LM Studio, llama.cpp and the Hugging Face cache; nothing is copied or changed."""
    home = lonely.home
    blob = ollama_model(home / ".ollama/models", "qwen3/4b", model)
    studio = put(model, home / ".lmstudio/models/pub/Model-GGUF/Model-Q8_0.gguf")
    llama = put(model, home / "cache/llama.cpp/org_other-GGUF_m-Q4_0.gguf")
    link = hub_file(hub(lonely), "org/repo-GGUF", "m-Q4_K_M.gguf", raw)
    before = {place: tree(place) for place in (home / ".ollama", home / ".lmstudio", llama.parent, hub(lonely))}
    rows = listed(inside)
    expected = {
        "tiny": ("embedded", None),
        "ollama:qwen3:4b": ("ollama", blob),
        "lmstudio:pub/Model-GGUF": ("lmstudio", studio),
        str(llama): ("llama.cpp", llama),
        "org/repo-GGUF:Q4_K_M": ("hub", link),
    }
    assert rows.keys() == expected.keys()
    for name, (origin, path) in expected.items():
        row = rows[name]
        assert (row["origin"], row["problem"], row["used"]) == (origin, None, None)
        if path is None:
            continue
        assert (row["path"], row["size"], row["context"]) == (str(path), len(raw), 512)
        answer = lonely.run("run", name, "fox", *RUN, "--json", env={"INFER_OFFLINE": "1"})
        assert answer.code == 0, answer.err
        assert answer.json["model"]["file"] == str(path)
    assert {place: tree(place) for place in before} == before
    used = listed(inside)
    assert all(used[name]["used"] for name in expected if name != "tiny")
    assert next(iter(used)) != "tiny"  # the last used come first


def test_the_table_says_what_people_look_for(inside: Inside, model: Path) -> None:
    ollama_model(inside.home / ".ollama/models", "qwen3/4b", model)
    result = inside.run("list")
    head, *rows = result.out.decode().splitlines()
    assert head.split() == ["name", "size", "quant", "context", "used", "from"]
    (row,) = [row.split() for row in rows if "ollama" in row]
    assert row == ["ollama:qwen3:4b", *row[1:3], "F16", "512", "-", "Ollama"]
    assert "\x1b" not in result.out.decode()


def test_an_empty_machine_has_tiny(inside: Inside) -> None:
    rows = listed(inside)
    assert list(rows) == ["tiny"]
    assert rows["tiny"]["size"] > 1_000_000
    assert rows["tiny"]["context"] == 1024


def test_a_broken_manifest_is_named_and_the_rest_is_listed(lonely: Command, inside: Inside, model: Path) -> None:
    root = lonely.home / ".ollama/models"
    ollama_model(root, "good/latest", model)
    ollama_manifest(root, "bad/latest", b"{")
    ollama_manifest(root, "evil/\x1b]0;x\x07\n", {"layers": [{"mediaType": "x", "digest": "sha256:../../x"}]})
    result = lonely.run("list", stdout="tty", stderr="tty")
    assert result.code == 0
    assert b"\x1b" not in result.out.replace(b"\x1b[0m", b"")
    assert "\x1b]" not in result.err
    assert "note: ollama:bad:latest: its manifest cannot be used: not JSON" in result.err
    assert b"ollama:good:latest" in result.out
    rows = listed(inside)
    assert rows["ollama:bad:latest"]["problem"]
    assert rows["ollama:good:latest"]["problem"] is None
    refused = lonely.run("run", "ollama:bad", "x", *RUN)
    assert refused.code == 3
    assert refused.lines == ["error: cannot read ollama:bad: its manifest cannot be used: not JSON"]


def test_files_that_are_no_models_are_said_to_be_none(inside: Inside) -> None:
    place = inside.home / ".lmstudio/models/a"
    for name, data in (("html/m.gguf", b"<html>"), ("empty/m.gguf", b""), ("cut/m.gguf", b"GGUF\x03\0\0")):
        (place / name).parent.mkdir(parents=True)
        (place / name).write_bytes(data)
    (place / "fifo").mkdir()
    os.mkfifo(place / "fifo/m.gguf")
    rows = listed(inside)
    assert rows["lmstudio:a/html"]["problem"] == rows["lmstudio:a/empty"]["problem"] == "it is no GGUF file"
    assert rows["lmstudio:a/fifo"]["problem"]
    assert rows["lmstudio:a/cut"]["quantization"] is None


def test_entries_of_config_toml_are_listed_and_shown(inside: Inside, model: Path, raw: bytes) -> None:
    link = hub_file(hub(inside), "org/repo", "m-Q4_K_M.gguf", raw)
    inside.configure(
        f'[models.mine]\npath = "{model}"\nlicense = "mit"\ncapabilities = ["chat"]\nsampling = {{ top_k = 7 }}\n'
        '[models.again]\nalias = "mine"\n'
        '[models.cached]\nrepo = "org/repo"\nfile = "m-Q4_K_M.gguf"\n'
        '[models.gone]\npath = "/nowhere/m.gguf"\n'
        '[models.bad]\nfil = "x"\n'
    )
    rows = listed(inside)
    assert (rows["mine"]["origin"], rows["mine"]["path"]) == ("file", str(model))
    assert (rows["cached"]["path"], rows["cached"]["also"]) == (str(link), ["org/repo:Q4_K_M"])
    assert "no such file" in rows["gone"]["problem"]
    assert "unknown key 'fil'" in rows["bad"]["problem"]
    shown = inside.run("show", "mine", "--json").json
    assert (shown["license"], shown["capabilities"], shown["sampling"]) == ("mit", ["chat"], {"top_k": 7})
    assert inside.run("show", "again", "--json").json["path"] == str(model)


def test_a_file_of_ones_own_is_listed_once_it_was_run(lonely: Command, inside: Inside, model: Path) -> None:
    own = put(model, lonely.home / "my models/m.gguf")
    assert inside.run("show", own).code == 0
    assert str(own) not in listed(inside)
    assert lonely.run("run", own, "fox", *RUN).code == 0
    row = listed(inside)[str(own)]
    assert (row["origin"], bool(row["used"])) == ("file", True)
    assert b"~/my models/m.gguf" in inside.run("list").out
    own.unlink()
    assert str(own) not in listed(inside)


def test_the_catalogue_says_what_fits_and_what_is_here(inside: Inside) -> None:
    result = inside.run("list", "--catalog", "--json")
    rows = {row["name"]: row for row in result.json}
    assert len(rows) >= 40
    assert rows["tiny"]["installed"]
    assert rows["tiny"]["fits"] == "fits"
    assert not rows["qwen3:4b"]["installed"]
    assert rows["qwen3:4b"]["repo"] == "Qwen/Qwen3-4B-GGUF"
    assert all(row["fits"] in ("fits", "partly", "no") for row in rows.values() if row["size"])
    text = inside.run("list", "--catalog").out.decode()
    assert text.splitlines()[0].split() == ["name", "params", "size", "quant", "context", "fits", "here", "can"]
    assert "of free memory" in text


def test_show_says_what_a_model_is(inside: Inside, model: Path) -> None:
    result = inside.run("show", model)
    text = result.out.decode()
    assert result.code == 0
    for line in ("architecture  llama", "quantisation  F16", "context       512 tokens, as trained", "layers        2"):
        assert line in text
    assert f"file          {model}" in text
    assert "fits (as trained)" in text
    shown = inside.run("show", model, "--json").json
    assert (shown["embedding"], shown["heads"], shown["heads_kv"], shown["template"]) == (64, 2, 1, True)
    (memory,) = shown["memory"]
    assert memory["context"] == 512
    assert memory["need"] > memory["need_q8_0"] > shown["size"] * 0.5
    assert memory["fit"] == "fits"


def test_show_prints_the_template_alone(inside: Inside, model: Path, models_dir: Path) -> None:
    result = inside.run("show", model, "--template")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(b"{% for message in messages %}")
    plain = write_gguf(models_dir / "plain.gguf", chat_template=None)
    refused = inside.run("show", plain, "--template")
    assert (refused.code, refused.out) == (2, b"")
    assert "has no chat template" in refused.err


def test_show_guesses_what_the_template_can(inside: Inside, models_dir: Path) -> None:
    template = "{% if tools %}{{ tools }}{% endif %}{% if enable_thinking %}<think>{% endif %}"
    thinking = write_gguf(models_dir / "thinking.gguf", chat_template=template)
    shown = inside.run("show", thinking, "--json").json
    assert shown["capabilities"] == ["chat", "thinking", "tools"]
    assert shown["capabilities_source"] == "its chat template"


def test_show_of_what_is_not_here_says_what_the_catalogue_knows(inside: Inside) -> None:
    result = inside.run("show", "qwen3:4b", "--offline")
    assert result.code == 0
    assert "not on this machine" in result.out.decode()
    assert "--offline forbids the network" in result.err
    shown = inside.run("show", "qwen3", "--offline", "--json").json
    assert (shown["name"], shown["installed"], shown["size"]) == ("qwen3:4b", False, 2497280256)
    for text, code in (("qwen3:4", 3), ("org/repo", 4), ("ollama:x", 3), ("./no.gguf", 3), ("", 2)):
        assert inside.run("show", text, "--offline").code == code


def test_rm_of_what_is_not_ours_says_who_removes_it(inside: Inside, model: Path) -> None:
    """Nothing is removed, with --yes or without."""
    blob = ollama_model(inside.home / ".ollama/models", "qwen3/4b", model)
    studio = put(model, inside.home / ".lmstudio/models/a/b/m.gguf")
    llama = put(model, inside.home / "cache/llama.cpp/org_r_m.gguf")
    llama.with_name("org_r_m.gguf.json").write_text('{"url": "https://huggingface.co/org/r/resolve/main/m.gguf"}')
    own = put(model, inside.home / "own one.gguf")
    inside.configure(f'[models.mine]\npath = "{own}"\n')
    expected = {
        "tiny": "error: tiny is part of infer and cannot be removed",
        "ollama:qwen3:4b": "hint: ollama rm qwen3:4b",
        str(blob): f"error: {blob} belongs to Ollama",
        "lmstudio:a/b": f"hint: remove it in LM Studio, under My Models, or by hand: rm {studio}",
        str(llama): f"hint: rm {llama}",
        "org/r": f"hint: rm {llama}",
        str(own): f"hint: rm '{own}'",
        "mine": f"hint: rm '{own}' and take its entry out of config.toml",
    }
    for name, line in expected.items():
        result = inside.run("rm", "--yes", name)
        assert (result.code, result.out) == (2, b""), name
        assert line in result.lines
    assert all(path.exists() for path in (blob, studio, llama, own))
    for name, code in (("nothing", 3), ("org/none", 3), ("ollama:none", 3)):
        assert inside.run("rm", "--yes", name).code == code


def test_rm_takes_a_model_out_of_the_shared_cache(lonely: Command, inside: Inside, raw: bytes) -> None:
    """Links of every snapshot with these bytes, the blob, what is empty then; other files stay."""
    root = hub(lonely)
    first = hub_file(root, "org/repo", "m-Q4_K_M.gguf", raw)
    hub_file(root, "org/repo", "m-Q4_K_M.gguf", raw, OTHER, ref="old/one")
    other = hub_file(root, "org/repo", "m-Q8_0.gguf", raw + b"x")
    (root / "models--org--repo/.no_exist" / OTHER).mkdir(parents=True)
    (root / "models--org--repo/.no_exist" / OTHER / "config.json").touch()
    result = lonely.run("rm", "--yes", "org/repo:Q4_K_M", "--json")
    assert result.code == 0, result.err
    (row,) = result.json
    assert (row["name"], row["bytes"], len(row["files"])) == ("org/repo:Q4_K_M", len(raw), 3)
    assert not first.is_symlink()
    assert other.resolve().is_file()
    left = tree(root / "models--org--repo")
    assert not any(OTHER in name or "old" in name for name in left)
    assert lonely.run("rm", "--yes", "org/repo:Q8_0").out == f"removed org/repo:Q8_0: {_size(raw)} freed\n".encode()
    assert tree(root) == LOCKS
    assert list(listed(inside)) == ["tiny"]


def _size(raw: bytes) -> str:
    return f"{(len(raw) + 1) / 1000:.1f} KB"


def test_rm_of_one_revision_keeps_the_bytes_for_the_others(inside: Inside, raw: bytes) -> None:
    root = hub(inside)
    first = hub_file(root, "org/repo", "m-Q4_K_M.gguf", raw)
    second = hub_file(root, "org/repo", "m-Q4_K_M.gguf", raw, OTHER, ref=None)
    result = inside.run("rm", "--yes", f"org/repo:Q4_K_M@{OTHER}")
    assert result.out == f"removed org/repo:Q4_K_M@{OTHER}: 0 B freed\n".encode()
    assert not second.is_symlink()
    assert not second.parent.exists()
    assert first.resolve().is_file()


def test_rm_follows_no_link_out_of_the_cache(inside: Inside, model: Path) -> None:
    precious = put(model, inside.home / "precious.gguf")
    link = hub(inside) / "models--org--repo/snapshots" / OTHER / "m.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(precious)
    assert inside.run("rm", "--yes", "org/repo").code == 0
    assert precious.exists()
    assert not link.is_symlink()


def test_rm_takes_all_shards(inside: Inside, raw: bytes) -> None:
    for number in (1, 2):
        hub_file(hub(inside), "org/repo", f"m-Q4_0-0000{number}-of-00002.gguf", raw + bytes([number]))
    row = listed(inside)["org/repo:Q4_0"]
    assert (row["files"], row["size"]) == (2, 2 * len(raw) + 2)
    assert inside.run("rm", "--yes", "org/repo:Q4_0").code == 0
    assert tree(hub(inside)) == LOCKS


@pytest.mark.slow
def test_rm_takes_the_prompt_cache_along(lonely: Command, models_dir: Path) -> None:
    lonely.environment["INFER_NO_CACHE"] = ""
    slow = write_gguf(models_dir / "rm.gguf", context=4096, layers=8, width=256, heads=8, kv_heads=2, ffn=1024)
    hub_file(hub(lonely), "org/repo", "m.gguf", slow.read_bytes())
    assert lonely.run("run", "org/repo", "fox the on " * 400, *RUN).code == 0
    assert lonely.run("cache", "list", "--json").json
    result = lonely.run("rm", "--yes", "org/repo")
    assert "of its prompt cache" in result.out.decode()
    assert lonely.run("cache", "list", "--json").json == []


def test_rm_asks_on_a_terminal(lonely: Command, raw: bytes) -> None:
    link = hub_file(hub(lonely), "org/repo", "m.gguf", raw)
    alone = lonely.run("rm", "org/repo")
    assert (alone.code, alone.out) == (2, b"")
    assert "other programs use" in alone.err
    assert "hint: --yes removes it unasked" in alone.lines
    for answer, there in ((b"n\n", True), (b"\n", True), (b"y\n", False)):
        running = lonely.start("rm", "org/repo", stdin="tty", stderr="tty")
        running.until(lambda running=running: "[y/N]" in running.err)  # type: ignore[misc]
        os.write(running._keep[0], answer)
        result = running.finish()
        assert result.code == 0
        assert link.is_symlink() == there
        assert ("nothing has been removed" in result.err) == there


def test_ctrl_c_at_the_question_removes_nothing(lonely: Command, raw: bytes) -> None:
    link = hub_file(hub(lonely), "org/repo", "m.gguf", raw)
    running = lonely.start("rm", "org/repo", stdin="tty", stderr="tty")
    running.until(lambda: "[y/N]" in running.err)
    running.signal(2)
    assert running.finish().code == 130
    assert link.is_symlink()


@pytest.mark.slow
def test_a_running_model_may_be_removed(lonely: Command, models_dir: Path) -> None:
    long = write_gguf(models_dir / "long-rm.gguf", context=65536)
    hub_file(hub(lonely), "org/repo", "m.gguf", long.read_bytes())
    running = lonely.start("run", "org/repo", "fox", "-n", "-t", "0", "--max-tokens", "400")
    running.until(lambda: running.out)
    assert lonely.run("rm", "--yes", "org/repo").code == 0
    assert running.finish().code == 0


def test_verify_compares_with_what_was_promised(lonely: Command, inside: Inside, model: Path, raw: bytes) -> None:
    ollama_model(lonely.home / ".ollama/models", "m/latest", model)
    hub_file(hub(lonely), "org/repo", "m.gguf", raw)
    own = put(model, lonely.home / "own.gguf")
    result = inside.run("verify", "tiny", "org/repo", "ollama:m", own, "--json")
    assert result.code == 0
    rows = {row["name"]: row for row in result.json}
    assert {name: row["status"] for name, row in rows.items()} == {
        "tiny": "unknown",
        "org/repo": "ok",
        "ollama:m": "ok",
        str(own): "unknown",
    }
    (file,) = rows["org/repo"]["files"]
    assert file["sha256"] == file["expected"] == rows[str(own)]["files"][0]["sha256"]
    assert (file["bytes"], file["source"]) == (len(raw), "the Hugging Face cache")
    assert inside.run("show", own, "--json").json["sha256"] == file["sha256"]
    assert lonely.run("run", own, "fox", *RUN, "--json").json["model"]["sha256"] == file["sha256"]


def test_verify_finds_damage(lonely: Command, inside: Inside, model: Path, raw: bytes) -> None:
    """One flipped bit in the weights, a cut file: exit code 5, what to do, whose file it is."""
    link = hub_file(hub(lonely), "org/repo", "m.gguf", raw)
    flip(link.resolve())
    result = lonely.run("verify", "org/repo")
    assert result.code == 5
    assert result.out.startswith(b"damaged     org/repo")
    assert f"error: {link} is damaged: its sha256 is " in result.err
    assert "hint: infer rm org/repo, then infer pull org/repo" in result.lines
    blob = ollama_model(lonely.home / ".ollama/models", "m/latest", model)
    os.truncate(blob, 1000)
    everything = inside.run("verify", "--all", "--json")
    assert everything.code == 5
    statuses = {row["name"]: row["status"] for row in everything.json}
    assert statuses == {"tiny": "unknown", "org/repo:m.gguf": "damaged", "ollama:m:latest": "damaged"}
    assert "(and 1 other models)" in everything.err
    (first, _) = everything.lines
    assert first.startswith("error: ")


def flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-100, 2)
        byte = file.read(1)
        file.seek(-100, 2)
        file.write(bytes([byte[0] ^ 1]))


def test_verify_reads_the_header_as_well(inside: Inside) -> None:
    bad = inside.home / "m.gguf"
    bad.write_bytes(b"<html>")
    result = inside.run("verify", bad)
    assert result.code == 5
    assert "it is an HTML page" in result.err
    missing = inside.run("verify", "./none.gguf")
    assert missing.code == 3
    assert inside.run("verify").code == 2


def test_a_hash_of_config_toml_is_a_promise(inside: Inside, model: Path) -> None:
    inside.configure(f'[models.mine]\npath = "{model}"\nsha256 = "{"0" * 64}"\n')
    result = inside.run("verify", "mine")
    assert result.code == 5
    assert f"the catalogue says {'0' * 64}" in result.err


@pytest.mark.slow
def test_verify_draws_progress_on_a_terminal_only(lonely: Command, models_dir: Path) -> None:
    large = models_dir / "large.gguf"
    write_gguf(large, layers=4, width=512, heads=4, ffn=4096)
    with large.open("ab") as file:
        file.truncate(400_000_000)
    assert "verifying" not in lonely.run("verify", large).err
    with TemporaryDirectory() as short:  # the line is cut to the terminal's width, and pytest's paths are long
        (link := Path(short) / "m.gguf").hardlink_to(large)
        assert " % of 400.0 MB, " in lonely.run("verify", link, stderr="tty").err


def test_nothing_here_opens_a_socket(lonely: Command, model: Path, raw: bytes) -> None:
    """Seen by the kernel: no connection, no name looked up, whether or not --offline is given."""
    if shutil.which("strace") is None:
        pytest.skip("no strace")
    hub_file(hub(lonely), "org/repo", "m.gguf", raw)
    log = lonely.home / "strace.log"
    for arguments in (["list"], ["show", "org/repo"], ["verify", "--all"], ["rm", "-y", "org/repo"]):
        prefix = ("strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(log))
        result = lonely.run(*arguments, prefix=prefix)
        assert result.code == 0, result.err
        assert "socket(" not in log.read_text()


HEAVY = ("huggingface_hub", "llama_cpp", "numpy", "jinja2", "httpx", "http.client", "ssl", "asyncio")


@pytest.mark.parametrize("arguments", [["list"], ["show", "tiny"], ["verify", "tiny"]])
def test_nothing_heavy_is_imported(infer: Command, arguments: list[str]) -> None:
    script = (
        "import sys\nfrom infer.cli.app import run_command_line\n"
        f"code = run_command_line({arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=infer.environment, capture_output=True, check=True, stdin=subprocess.DEVNULL
    )
    assert done.stderr.decode().splitlines()[-1] == "[] 0"


@pytest.mark.slow
def test_a_thousand_files_are_listed_in_a_moment(lonely: Command, model: Path, raw: bytes) -> None:
    """Below 0.3 s on a quiet machine; here the CPU's time of both, generously."""
    for number in range(500):
        hub_file(hub(lonely), f"org{number}/repo", "m-Q4_K_M.gguf", raw[:30_000] + str(number).encode())
        put(model, lonely.home / f".lmstudio/models/p/r{number}/m-Q8_0.gguf")
    for _ in range(2):
        before = os.times()
        assert len(listed(lonely)) == 1001
        after = os.times()
        seconds = after.children_user + after.children_system - before.children_user - before.children_system
        print(f"{seconds:.2f} s of CPU")
        assert seconds < 1.0


def test_a_damaged_index_is_as_good_as_none(inside: Inside, model: Path) -> None:
    put(model, inside.home / ".lmstudio/models/p/r/m-Q8_0.gguf")
    good = listed(inside)
    index = Path(inside.environment["INFER_CACHE_DIR"]) / "listing-v1.json"
    whole = index.read_bytes()
    assert whole
    wrong = json.dumps({path: [[0], *row[1:]] for path, row in json.loads(whole).items()}).encode()
    for damage in (b"", b"[]", b"{", b"[" * 200_000, b'{"x": [1]}', whole[:-9], wrong):
        index.write_bytes(damage)
        assert listed(inside) == good
        assert index.read_bytes() == whole


def test_listings_at_a_time_do_not_disturb_each_other(lonely: Command, model: Path) -> None:
    for number in range(20):
        put(model, lonely.home / f".lmstudio/models/p/r{number}/m-Q8_0.gguf")
    running = [lonely.start("list", "--json") for _ in range(4)]
    for result in [one.finish() for one in running]:
        assert result.code == 0
        assert len(json.loads(result.out)) == 21
    index = Path(lonely.environment["INFER_CACHE_DIR"]) / "listing-v1.json"
    assert len(json.loads(index.read_bytes())) == 21
    assert index.stat().st_mode & 0o777 == 0o600
