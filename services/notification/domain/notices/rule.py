"""The shape of a rule: one event and the teller give the messages."""

from collections.abc import Callable, Iterator
from typing import Any

from contracts.envelope import Payload
from services.notification.domain.message import Message
from services.notification.domain.notices.teller import Teller

Rules = dict[type[Payload], Callable[[Any, Teller], Iterator[Message]]]
