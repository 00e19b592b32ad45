"""What has changed on the Hub since a name was pulled."""

from dataclasses import dataclass

from infer.errors import ModelNotFound, NotDownloaded, VariantNotFound
from infer.models.hub import Hub
from infer.models.pins import Pin
from infer.models.ref import ModelRef
from infer.models.remote import RemoteModel, locate
from infer.models.store import Store
from infer.models.variants import named


@dataclass(frozen=True, slots=True)
class Change:
    """A pinned name and what it would mean now. `model` is None when it means the same, or when it is `gone`."""

    pin: Pin
    model: RemoteModel | None
    gone: str = ""


def look(pin: Pin, store: Store, hub: Hub, memory_free: int) -> Change:
    """Ask the Hub about one name. Raises NetworkError, IntegrityError, ConfigError."""
    try:
        model = _now(pin, store, hub, memory_free)
    except NotDownloaded as error:
        return Change(pin, None, error.hint)
    except ModelNotFound as error:
        return Change(pin, None, str(error))
    same = tuple(file.digest for file in model.variant.files) == pin.digests
    return Change(pin, None if same else model)


def _now(pin: Pin, store: Store, hub: Hub, memory_free: int) -> RemoteModel:
    ref = ModelRef.parse(pin.name)
    if ref.kind != "hub":
        return locate(ref, store, hub, memory_free)
    repository = hub.repository(pin.repo, ref.revision)
    try:
        # A bare repository goes on meaning the file that was chosen for it, whatever would be chosen today.
        variant = named(repository, pin.files)
    except VariantNotFound:
        return locate(ref, store, hub, memory_free)
    return RemoteModel(pin.name, repository, pin.revision, variant)
