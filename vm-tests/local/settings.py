"""Settings as TOML, which Python's standard library reads but does not write."""

import json
from typing import Any


def to_toml(table: dict[str, Any]) -> str:
    """The same table as a TOML document; tables within are written inline."""
    return "".join(f"{json.dumps(key)} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    match value:
        case bool() | int() | float() | str():
            # JSON's strings, numbers and truth values are TOML's too.
            return json.dumps(value, ensure_ascii=False)
        case list():
            return f"[{', '.join(_value(one) for one in value)}]"
        case dict():
            return f"{{ {', '.join(f'{json.dumps(key)} = {_value(one)}' for key, one in value.items())} }}"
    raise TypeError(f"{value!r} has no form in TOML here")
