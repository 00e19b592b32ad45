"""The prompt cache's health: is what is stored sound, is it of use, does it keep its budget?"""

from pathlib import Path

from infer.engine.prefix.about import is_dead
from infer.engine.prefix.check import Report, check
from infer.engine.prefix.survey import survey
from infer.jobs.doctor.check import Check, amount

_MANY = 2_000  # pieces whose headers are read in a good part of a second
_PRUNE = "infer cache prune"
_NAME = "prompt-cache"


def switched_off(where: str) -> Check:
    """The line about a cache that the user does not want."""
    return Check(_NAME, "ok", f"switched off by {where}: every prompt is computed anew")


def look_at_cache(cache_dir: Path) -> list[Check]:
    """Read names and, unless there are very many, headers."""
    pieces = survey(cache_dir)
    dead = {text for text in {piece.fingerprint for piece in pieces} if is_dead(cache_dir, text)}
    unused = sum(piece.size for piece in pieces if piece.fingerprint in dead)
    if len(pieces) > _MANY:
        size = sum(piece.size for piece in pieces)
        text = f"{len(pieces):,} entries, {amount(size)}; too many to read here: infer cache check does"
        return [Check(_NAME, "ok", text)]
    return [judge_cache(check(cache_dir), unused)]


def judge_cache(report: Report, unused: int) -> Check:
    """unused: bytes of models that are gone."""
    text = f"{report.entries:,} entries, {amount(report.bytes)}"
    if report.damaged:
        text = f"{len(report.damaged):,} of {text} are damaged, for example {report.damaged[0]}"
        return Check(_NAME, "problem", text, "a run takes no harm; this removes them", _PRUNE)
    waste = []
    if unused:
        waste.append(f"{amount(unused)} of models that are gone")
    if report.temporary:
        waste.append(f"{len(report.temporary):,} half written by runs that were killed")
    if report.unreachable:
        waste.append(f"{len(report.unreachable):,} that nothing leads to any more")
    if waste:
        return Check(_NAME, "warning", f"{text}, and of no use: {', '.join(waste)}", "this removes them", _PRUNE)
    return Check(_NAME, "ok", f"{text}, all sound")
