"""One download that can begin: which files, from where, to which places; and what is remembered afterwards."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infer.errors import IntegrityError, NetworkError
from infer.models import hub_cache, pins, web_cache
from infer.models.download import Item, Pulled, Report, here, link, pull, sweep
from infer.models.gguf import check_magic
from infer.models.hub import Hub, RemoteFile, require_endpoint
from infer.models.partial import in_directory, unwritable, write_whole
from infer.models.private import MODE, make_private, own_cache_unwritable, require_writable
from infer.models.ref import is_revision, shown
from infer.models.remote import RemoteModel, web_of
from infer.models.store import Store
from infer.models.transfer import Interruption, Web, origin, stall


@dataclass(frozen=True, slots=True)
class Job:
    """A download that can begin.

    name   as it was asked for         what     the file, for people
    items  in the order of the shards  remote   the model, None for a URL
    """

    name: str
    what: str
    items: tuple[Item, ...]
    web: Web
    remote: RemoteModel | None

    @property
    def size(self) -> int:
        """Bytes of what is not here yet, as far as known."""
        return sum(item.size or 0 for item in self.items if not here(item))


def hub_job(model: RemoteModel, hub: Hub, environment: Mapping[str, str]) -> Job:
    """The download of a model into the shared cache of huggingface_hub, in its layout."""
    repository, root = model.repository, hub_cache.directory(environment)
    home = hub_cache.home(root, repository.name)
    snapshot = hub_cache.snapshot(root, repository.name, repository.commit)

    def item(file: RemoteFile) -> Item:
        return Item(
            name=file.name,
            url=hub.url(repository.name, repository.commit, file.name),
            size=file.size,
            digest=file.digest,
            blob=home / "blobs" / file.digest,
            lock=root / ".locks" / home.name / f"{file.digest}.lock",
            link=snapshot / file.name,
        )

    what = f"{repository.name}/{model.variant.name}"
    return Job(model.name, what, tuple(map(item, model.variant.files)), web_of(hub), model)


def url_job(url: str, cache_dir: Path) -> Job:
    """The download of a URL's file into our own cache. Raises as `look`."""
    web, size = look(url)
    path = web_cache.place(url, cache_dir)
    item = Item(path.name, url, size, None, path, path.with_name("lock"), mode=MODE)
    return Job(url, shown(url), (item,), web, None)


def look(url: str) -> tuple[Web, int | None]:
    """Ask a URL's server for the first bytes: how to fetch from it, and the file's size, once they are those of a GGUF.

    Raises NetworkError, VariantNotFound, BadModelFile.
    """
    web = Web(*_credentials(url), stall=stall())
    try:
        answer = web.get(url, 0, 64)
        size, begin = answer.total, answer.read()
        answer.close()
    except Interruption as interruption:
        raise NetworkError(what=f"{shown(url)} cannot be fetched: {interruption.why}") from interruption
    check_magic(shown(url), begin[:64])
    return web, size


def run(job: Job, store: Store, report: Report) -> tuple[Pulled, ...]:
    """Download it, remember what the name means from now on, and only then show it under its name.

    Raises what `download.pull` raises, and before the first byte CacheUnwritable where what is remembered cannot be
    written and IntegrityError where a link leads out of the cache.
    """
    if job.remote is not None:
        places = {item.link.parent for item in job.items if item.link is not None}
        _require_inside(_home(job.remote, store), {*places, _reference(job.remote, store).parent})
    if store.cache_dir is not None:
        require_writable(store.cache_dir / "pins")
    if job.remote is None:
        make_private(job.items[0].blob.parent)
    while True:
        pulled = pull(job.items, job.web, report)
        if job.remote is not None:
            _remember(job.remote, store)
        elif store.cache_dir is not None:
            web_cache.remember(job.name, store.cache_dir)
        if link(job.items):  # else `infer rm` has taken a blob away meanwhile
            return pulled


def _home(model: RemoteModel, store: Store) -> Path:
    return hub_cache.home(hub_cache.directory(store.environment), model.repository.name)


def _reference(model: RemoteModel, store: Store) -> Path:
    """Where the commit stands that a revision points to. Raises IntegrityError."""
    if not is_revision(model.revision):  # ModelRef and the catalogue have refused it already
        raise IntegrityError(what=f"{model.revision[:60]!r} is no name of a revision")
    return _home(model, store) / "refs" / model.revision


def _require_inside(home: Path, directories: Iterable[Path]) -> None:
    """Nothing is written, nor swept away, through a link that somebody has put into a repository's directory.

    The repository's directory and its blobs may be links: people move these to another disk. Raises IntegrityError.
    """
    real = Path(os.path.realpath(home))  # Path.resolve raises for a link in a circle
    for directory in sorted(directories):
        target = Path(os.path.realpath(directory))
        if not target.is_relative_to(real):
            what = f"{directory} leads out of the Hugging Face cache, to {target}"
            raise IntegrityError(what=what, hint="nothing was downloaded; remove the link that leads there")


def _remember(model: RemoteModel, store: Store) -> None:
    """The repository's own reference for other tools, and our pin."""
    repository, files = model.repository, model.variant.files
    reference = _reference(model, store)
    try:
        # A pinned commit may be an old one: then the reference is only put back where it is gone.
        if model.revision != repository.commit and (model.moves or not os.path.exists(reference)):  # noqa: PTH110
            in_directory(reference.parent, lambda: write_whole(reference, repository.commit.encode()))
        sweep(reference.parent)
    except OSError as error:
        raise unwritable(error, reference) from error
    if store.cache_dir is not None:
        names, digests, sizes = zip(*((file.name, file.digest, file.size) for file in files), strict=True)
        pin = pins.Pin(model.name, repository.name, model.revision, repository.commit, names, digests, sizes)
        keep(pin, store.cache_dir)
        sweep(store.cache_dir / "pins")


def keep(pin: pins.Pin, cache_dir: Path) -> None:
    """Remember what a name stands for. Raises CacheUnwritable, which names infer's own cache."""
    try:
        pins.save(pin, cache_dir)
    except OSError as error:
        raise own_cache_unwritable(error, cache_dir / "pins") from error


def _credentials(url: str) -> tuple[str | None, str]:
    """The token and its home for a URL; only one that begins with the Hub's own address needs them."""
    endpoint = os.environ.get("HF_ENDPOINT", "")
    if "/resolve/" not in url:
        return None, ""
    if endpoint:
        require_endpoint(endpoint)
    if endpoint and origin(endpoint) != origin(url):
        return None, ""
    hub = Hub()
    return (hub.token, hub.endpoint) if origin(hub.endpoint) == origin(url) else (None, "")
