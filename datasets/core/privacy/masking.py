"""Masks personal data in the arguments of tool calls."""

import json
from typing import Any

from datasets.core.privacy import detection


def mask_arguments(arguments: Any) -> Any:
    """JSON stays valid, and text without findings stays as written."""
    if not isinstance(arguments, str):
        return _mask_value(arguments)
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return detection.redacted(arguments)
    masked = _mask_value(value)
    return arguments if masked == value else json.dumps(masked, ensure_ascii=False)


def _mask_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _mask_value(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_mask_value(part) for part in value]
    if not isinstance(value, str | int) or isinstance(value, bool):
        return value
    masked = detection.redacted(str(value))
    return value if masked == str(value) else masked
