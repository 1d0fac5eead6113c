"""The ways out of the system. One protocol; real providers of calls and text messages come in behind it."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

import orjson

from chassis.log import logger
from services.notification.domain.message import CALL, MANUAL, SMS

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a channel gets: an id to recognise a repeat by, whom (a staff id or code), and a text without personal data.

    `stands_for` counts the messages this one carries. A provider looks the number up in the directory at that moment.
    """

    delivery_id: UUID
    channel: str
    recipient_kind: str
    recipient: str
    text: str
    stands_for: int = 1


class ChannelUnavailable(Exception):
    """The channel did not take the message. `code` is short and stable, for the ledger."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Channel(Protocol):
    """Hands one message over. Raises ChannelUnavailable when it was not taken; a repeat of an id must do no harm."""

    async def hand_over(self, message: Outgoing) -> None: ...


class Sink:
    """Stands where no provider is connected: appends JSON lines to a file, writes them out, or only logs them."""

    def __init__(self, file: Path | None, *, console: bool = False) -> None:
        self._file = file
        self._console = console

    async def hand_over(self, message: Outgoing) -> None:
        """Write the message down."""
        line = orjson.dumps(asdict(message) | {"delivery_id": str(message.delivery_id)}) + b"\n"
        try:
            if self._file is not None:
                await asyncio.to_thread(_append, self._file, line)
        except OSError as error:
            raise ChannelUnavailable(type(error).__name__) from None
        if self._console:
            sys.stdout.write(line.decode())
        log.info("notice_handed_over", delivery=str(message.delivery_id), channel=message.channel)


def _append(file: Path, line: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as stream:
        stream.write(line)


def sinks(file: Path | None, *, console: bool = False) -> Mapping[str, Channel]:
    """Every channel to the outside, all leading to one sink."""
    sink = Sink(file, console=console)
    return {CALL: sink, SMS: sink, MANUAL: sink}
