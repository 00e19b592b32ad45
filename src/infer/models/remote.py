"""What a reference means on the Hub, and whether it fits on this machine, before anything is downloaded."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from infer.errors import IntegrityError, NetworkError, NotDownloaded, VariantNotFound
from infer.models.catalog import CatalogEntry
from infer.models.gguf import Header, parse_header
from infer.models.hub import Hub, RemoteFile, Repository
from infer.models.metadata import describe
from infer.models.pins import Pin
from infer.models.plan import COMFORTABLE, Fit, fit, memory_need
from infer.models.ref import ModelRef, shown
from infer.models.store import MAIN, Store
from infer.models.transfer import Interruption, Web, stall
from infer.models.variants import Variant, choose, named, variants
from infer.types import Metadata


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """What a name means on the Hub at this moment. `name`: under which it is pinned; `revision`: what is followed.

    moves   whether `revision` points to this commit now
    """

    name: str
    repository: Repository
    revision: str
    variant: Variant
    note: str = ""
    moves: bool = True


@dataclass(frozen=True, slots=True)
class Fits:
    """How one model of a repository does on this machine.

    verdict  "fits", "partly" (with a smaller context only), "no"
    need     bytes for weights, KV cache of `context` tokens and buffers        have   bytes that are free
    """

    variant: Variant
    verdict: Fit
    context: int
    need: int
    have: int


@dataclass(frozen=True, slots=True)
class RemoteFacts:
    """What is known of a model that is not here: for `infer show`.

    model      which file the name would get           metadata   from that file's header, read by ranges
    fits       all models of its repository, smallest first
    """

    model: RemoteModel
    metadata: Metadata
    fits: tuple[Fits, ...]


def locate(ref: ModelRef, store: Store, hub: Hub, memory_free: int) -> RemoteModel:
    """The model of an alias or a repository, as the Hub has it now.

    Raises what `Hub.repository` raises, VariantNotFound (what there is instead), IntegrityError (not the file that
    the catalogue promises), NotDownloaded (a reference that is on no hub).
    """
    if ref.kind == "hub":
        repository = hub.repository(ref.name, ref.revision)
        return RemoteModel(*_named(ref, store, repository), choose(repository, ref, memory_free))
    entry = store.catalog.resolve(ref.name)
    if entry.repo is None:
        raise NotDownloaded(name=str(ref), hint="this model is a local file, there is nothing to download")
    repository = hub.repository(entry.repo, entry.revision)
    variant = named(repository, entry.files)
    note = _promised(entry, variant, repository)
    return RemoteModel(*_named(ref, store, repository), variant, note)


def _named(ref: ModelRef, store: Store, repository: Repository) -> tuple[str, Repository, str]:
    name, revision = store.pinned_as(ref) or (str(ref), MAIN)
    return name, repository, revision


def meant(ref: ModelRef, store: Store, hub: Hub, memory_free: int) -> RemoteModel:
    """What a name means: the very files it was pulled as, else what the Hub has for it now. Raises as `locate`."""
    pin = store.pin(ref)
    return _pinned(pin, hub) if pin else locate(ref, store, hub, memory_free)


def _pinned(pin: Pin, hub: Hub) -> RemoteModel:
    """The files of a pin. Raises VariantNotFound where they are gone, IntegrityError where they are others."""
    try:
        repository = hub.repository(pin.repo, pin.commit)
        variant = named(repository, pin.files)
    except VariantNotFound as error:
        hint = f"{pin.name} was pulled as {pin.files[0]} of it; infer update {pin.name} moves it to what is there now"
        raise VariantNotFound(**{**error.facts, "has": [], "hint": hint}) from error
    if pin.sha256:
        _require_same(variant, repository, pin.sha256, "what was pulled")
    return RemoteModel(pin.name, repository, pin.revision, variant, moves=False)


def remote_facts(ref: ModelRef, store: Store, hub: Hub, memory_free: int, context: int | None = None) -> RemoteFacts:
    """What `infer show` says about a model that is not here: one question to the Hub and a few small ranges.

    memory_free: bytes; context: tokens, None: what a comfortable run needs. Raises what `meant` raises, BadModelFile.
    """
    model = meant(ref, store, hub, memory_free)
    metadata = header(model, hub)
    return RemoteFacts(model, metadata, fits(model, metadata, memory_free, context))


def fits(model: RemoteModel, metadata: Metadata, memory_free: int, context: int | None) -> tuple[Fits, ...]:
    """All models of the repository against the free memory (bytes), from the header of one of them.

    The KV cache is the same for all; the weights of the others are taken from the sizes of their files.
    """
    context = context or min(COMFORTABLE, metadata.context_length)
    rest = max(0, model.variant.size - metadata.tensor_bytes)  # bytes of the header: the same in every file
    found = []
    for variant in variants(model.repository):
        one = replace(metadata, tensor_bytes=max(0, variant.size - rest), file_size=variant.size)
        need = memory_need(one, context)
        smaller: Fit = "no" if fit(one, memory_free, context) == "no" else "partly"
        found.append(Fits(variant, "fits" if need <= memory_free else smaller, context, need, memory_free))
    return tuple(found)


def header(model: RemoteModel, hub: Hub) -> Metadata:
    """What the headers of a model's files say, read by ranges of some MB. Raises BadModelFile, NetworkError."""
    web, repository = web_of(hub), model.repository

    def read(file: RemoteFile) -> Header:
        url = hub.url(repository.name, repository.commit, file.name)
        return parse_header(
            f"{repository.name}/{file.name}", file.size, lambda count, offset: _range(web, url, count, offset)
        )

    return describe([read(file) for file in model.variant.files])


def header_at(web: Web, url: str, size: int) -> Metadata:
    """What the header of a URL's file of so many bytes says, read as `header` reads. Raises as that does."""
    return describe([parse_header(shown(url), size, lambda count, offset: _range(web, url, count, offset))])


def _promised(entry: CatalogEntry, variant: Variant, repository: Repository) -> str:
    """What to say when the repository has moved on from what the catalogue knows.

    Raises IntegrityError when the very commit of the catalogue has other bytes.
    """
    found = tuple(file.digest for file in variant.files)
    if not entry.sha256 or entry.sha256 == found:
        return ""
    if entry.revision == repository.commit:
        _require_same(variant, repository, entry.sha256, "the catalogue")
        return ""
    return f"{repository.name} has a newer {variant.name} than the catalogue knows"


def _require_same(variant: Variant, repository: Repository, sha256: tuple[str, ...], who: str) -> None:
    """Raises IntegrityError when a commit's files have other bytes than those that somebody knows it by."""
    for file, known in zip(variant.files, sha256, strict=False):
        if file.digest != known:
            what = f"{repository.name} has the sha256 {file.digest} for {file.name}, {who} {known}"
            raise IntegrityError(what=what, hint="nothing was downloaded; is HF_ENDPOINT a mirror that can be trusted?")


def web_of(hub: Hub) -> Web:
    """How files of a hub are fetched: with its token, which goes nowhere else."""
    return Web(hub.token, hub.endpoint, stall())


def _range(web: Web, url: str, count: int, offset: int) -> bytes:
    """Up to `count` bytes at `offset` of a URL's file. Raises NetworkError."""
    for attempt in (1, 2, 3):
        try:
            answer = web.get(url, offset, offset + count)
            try:
                return _read(answer.read, offset - answer.start, count)
            finally:
                answer.close()
        except Interruption as interruption:
            if interruption.beyond:
                return b""  # as a local file answers at its end: then it is called truncated
            if attempt == 3:
                what = f"the header of {shown(url)} cannot be read: {interruption.why}"
                raise NetworkError(what=what) from interruption
    raise AssertionError


def _read(read: Callable[[], bytes], skip: int, count: int) -> bytes:
    data = bytearray()
    while len(data) < skip + count and (more := read()):
        data += more
    return bytes(data[skip : skip + count])
