"""config.toml and the variables INFER_*: everything that is wrong with them, not only the first thing."""

from collections.abc import Mapping
from pathlib import Path

from infer import settings
from infer.errors import InferError, NotDownloaded
from infer.jobs.doctor.check import Check
from infer.models.ref import ModelRef
from infer.models.store import Store


def look_at_config(environment: Mapping[str, str], cache_dir: Path) -> list[Check]:
    """Every key, every variable, and the files that [models] names."""
    path = settings.config_path(environment)
    faults, values = settings.faults(environment)
    checks = [_fault(error) for error in faults]
    checks += [_entry(error) for error in _bad_entries(values, cache_dir, environment)] if values is not None else []
    state = f"{path}" if path.exists() else f"{path} (none: the defaults hold)"
    if not any(check.level == "problem" for check in checks):
        checks.insert(0, Check("config", "ok", state))
    for name, near in settings.unknown_variables(environment):
        text = f"{name} is set but is no setting of infer"
        checks.append(Check("environment", "warning", text, near, f"unset {name}"))
    if not any(check.name == "environment" for check in checks):
        names = sorted(name for name in environment if name.startswith("INFER_"))
        checks.append(Check("environment", "ok", ", ".join(names) or "no variable INFER_* is set"))
    return checks


def _fault(error: InferError) -> Check:
    """A setting that cannot be used: every command ends with exit code 2 until it is mended."""
    where = str(error.facts["where"])
    if where.startswith("INFER_"):
        return Check("environment", "problem", str(error), "set it to that, or take it away", f"unset {where}")
    return Check("config", "problem", str(error), error.hint or "an editor mends it; infer config lists the settings")


def _entry(error: InferError) -> Check:
    return Check("config", "warning", str(error), error.hint or "mend its entry in config.toml, or take it out")


def _bad_entries(settled: settings.Settings, cache_dir: Path, environment: Mapping[str, str]) -> list[InferError]:
    """What is wrong with the models of config.toml. One that has to be downloaded first is all right."""
    store, found = Store(cache_dir, settled.models, environment=environment), list[InferError]()
    for name in settled.models:
        try:
            store.owned(ModelRef("alias", name))
        except NotDownloaded:
            continue
        except InferError as error:
            found.append(error)
    return found
