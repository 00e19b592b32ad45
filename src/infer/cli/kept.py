"""What a session remembers of the settings."""

from typing import Any

from infer.jobs.conversation import Conversation
from infer.settings import SAMPLING_KEYS, parse, setting

_KEPT = (*SAMPLING_KEYS, "max_tokens", "stop", "ctx", "think")


def kept_settings(conversation: Conversation) -> dict[str, Any]:
    """The settings that were made in a conversation. Raises ConfigError where somebody has written another thing."""
    values = conversation.values
    return {
        key: parse(setting(key), values[key], f"the session: {key}") for key in _KEPT if values.get(key) is not None
    }
