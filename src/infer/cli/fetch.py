"""Bringing a model here for a command that needs it: may we, is there room, how it goes."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from infer.cli.output import Output
from infer.cli.progress import DownloadProgress
from infer.cli.session import Session
from infer.cli.table import size
from infer.errors import InferError, NotDownloaded, Offline, UsageError
from infer.machine import detect
from infer.models import hub, stamp
from infer.models.download import Pulled
from infer.models.job import Job, hub_job, run, url_job
from infer.models.plan import Wish, plan
from infer.models.ref import ModelRef, shown
from infer.models.remote import RemoteModel, header, header_at, meant
from infer.models.store import Store
from infer.settings import Settings

ASK_ABOVE = 10 * 10**9  # bytes
_SHA256_LENGTH = 64  # hexadecimal digits
LOOK_ABOVE = 2 * 10**9  # bytes: from here on the file's header is read first, to see whether it fits


def require_network(name: str, settings: Settings) -> None:
    """Raises Offline, which names the switch, when the network may not be used."""
    why = settings.values["offline"].origin if settings["offline"] else hub.forbidden(os.environ)
    if why:
        raise Offline(name=name, why=why)


def fetch(
    ref: ModelRef,
    store: Store,
    settings: Settings,
    session: Session,
    *,
    yes: bool,
    wish: Wish | None,
) -> tuple[Pulled, ...]:
    """Download what a reference means and is not here. `wish`: how it is going to be run, None: it is only pulled.

    A name that was pulled once means what it meant then, whatever it would mean today.

    Raises Offline, UsageError (a large download that nobody has agreed to), DoesNotFit, and what downloads raise.
    """
    if pin := store.pin(ref):
        session.output.note(f"note: {ref} was pulled as {pin.files[0]} of {pin.repo} at {pin.commit[:8]}")
    require_network(ref.shown, settings)
    if ref.kind == "url":
        if store.cache_dir is None:
            raise NotDownloaded(name=ref.shown, hint="there is no cache directory to put it into")
        job = url_job(ref.name, store.cache_dir)
        _agree(job, session.output, yes=yes, pulled=wish is None)
        if wish is not None and job.size > LOOK_ABOVE:
            plan(header_at(job.web, ref.name, job.size), detect(), wish)
        return download(job, store, session.output)
    server = hub.Hub()
    machine = detect()
    model = meant(ref, store, server, machine.memory_free)
    for other in sorted(server.elsewhere):
        session.output.note(f"note: {shown(server.endpoint)} lets {other} say what {ref} is")
    if model.note:
        session.output.note(f"note: {model.note}")
    job = hub_job(model, server, store.environment)
    _agree(job, session.output, yes=yes, pulled=wish is None)
    if wish is not None and job.size > LOOK_ABOVE:
        plan(header(model, server), machine, wish)
    return download(job, store, session.output)


def update(model: RemoteModel, store: Store, server: hub.Hub, output: Output, *, yes: bool) -> Sequence[Pulled]:
    """Download a newer file of a name that is pinned, and pin that."""
    job = hub_job(model, server, store.environment)
    _agree(job, output, yes=yes, pulled=False, command="update")
    return download(job, store, output)


def download(job: Job, store: Store, output: Output) -> tuple[Pulled, ...]:
    """Run a job and show how it goes."""
    if job.size:
        place = job.items[0].blob.parent.parent
        output.note(f"downloading {job.what} ({size(job.size)}) into {place}")
    with DownloadProgress(output) as progress:
        pulled = run(job, store, progress.report)
    _remember_hash(pulled, store.cache_dir)
    return pulled


def _agree(job: Job, output: Output, *, yes: bool, pulled: bool, command: str = "pull") -> None:
    """Ask before a very large download. Raises UsageError when it is not wanted or nobody can be asked."""
    if yes or job.size <= ASK_ABOVE:
        return
    agreed = output.confirm(f"{job.what} has {size(job.size)}. Download it?")
    if agreed is False:
        raise UsageError(what=f"{job.what} was not downloaded", hint="")
    if agreed is None and not pulled:
        if command == "update":
            what = f"the newer {job.name} has {size(job.size)}, which are not downloaded unasked"
            raise UsageError(what=what, hint=f"infer update --yes {job.name} downloads it")
        what = f"{job.name} is not here, and its {size(job.size)} are not downloaded unasked"
        raise UsageError(what=what, hint=f"infer pull {job.name} downloads it; so does --yes")


def _remember_hash(pulled: Sequence[Pulled], cache_dir: Path | None) -> None:
    """Keep the sha256 that was computed on the way, of a model in one file."""
    digest = pulled[0].digest if len(pulled) == 1 else None
    if not digest or len(digest) != _SHA256_LENGTH:  # of a tiny file git's own kind of digest
        return
    with suppress(InferError):  # no usable model: whoever opens it says so
        known = stamp.read(pulled[0].path, cache_dir)
        stamp.save(os.path.abspath(pulled[0].path), cache_dir, replace(known, sha256=digest))  # noqa: PTH100
