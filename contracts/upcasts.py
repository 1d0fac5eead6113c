"""Old versions of events made new on the way in: each entry turns the data of one type into that of its next version.

An upcast is pure and total over everything its old type ever carried; what the old version did not say stays absent or
gets the meaning it silently had. Consumers see only the newest version, so no handler knows that an older one existed.
"""

from collections.abc import Callable, Mapping
from typing import Any

Data = dict[str, Any]
Upcasts = Mapping[str, tuple[str, Callable[[Data], Data]]]
"""Old type → (next type, how its data becomes the next type's). Chains are followed to the end."""

UPCASTS: Upcasts = {}


def newest(type_name: str, upcasts: Upcasts = UPCASTS) -> str:
    """The type that an event of this type is handled as."""
    while type_name in upcasts:
        type_name = upcasts[type_name][0]
    return type_name


def upcast(type_name: str, data: Data, upcasts: Upcasts = UPCASTS) -> tuple[str, Data]:
    """The newest type and the data made to fit it. Types nobody replaced come back as they are; `data` is not changed."""
    while type_name in upcasts:
        type_name, renew = upcasts[type_name]
        data = renew(dict(data))
    return type_name, data
