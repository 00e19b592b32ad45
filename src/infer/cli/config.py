"""`infer config`: every setting, its value and where it came from."""

import json
import os
from collections.abc import Mapping

import typer

from infer.cli import options
from infer.cli.session import Session


def config(context: typer.Context, json_: options.Json = False) -> int:
    """Show every setting, its value and where it came from."""
    from infer.settings import SETTINGS, cache_dir, config_path, resolve

    session: Session = context.obj
    settings = resolve({})
    for warning in settings.warnings:
        session.output.note(f"warning: {warning}")
    rows = [
        {"key": s.key, "value": settings[s.key], "origin": settings.values[s.key].origin, "about": s.about}
        for s in SETTINGS
    ]
    if json_:
        session.output.json(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return 0
    width = max(len(setting.key) for setting in SETTINGS)
    shown = [(row["key"], _shown(row["value"]), row["origin"]) for row in rows]
    middle = max(len(value) for _, value, _ in shown)
    tuned = [f"tuned: {one.model} on {one.machine}: {_pairs(one.values)}" for one in settings.tuned]
    lines = [f"{key:<{width}}  {value:<{middle}}  {origin}" for key, value, origin in shown]
    places = [f"config.toml: {config_path(os.environ)}", f"cache: {cache_dir(os.environ)}"]
    session.output.data("\n".join([*lines, "", *places, *tuned]) + "\n")
    return 0


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key} = {_shown(value)}" for key, value in values.items())


def _shown(value: object) -> str:
    """As one would write it in config.toml; a dash for what is not set."""
    return "-" if value is None or value == () else json.dumps(value, ensure_ascii=False)
