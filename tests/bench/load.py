"""A small HTTP/1.1 client for load: keep-alive connections, prepared requests, nothing else, so that it costs little CPU."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson


@dataclass(slots=True)
class Answers:
    """What came back: for each accepted report its id and when the answer arrived (perf_counter seconds)."""

    accepted: dict[str, float] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    refused: list[tuple[int, bytes]] = field(default_factory=list)


class Connection:
    """One keep-alive connection."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def request(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """Send one request and read its answer; on a fresh connection when the server had closed the idle one."""
        try:
            return await self._ask(head, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._reader = self._writer = None
            return await self._ask(head, body)

    async def _ask(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        if self._writer is None or self._reader is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await self._writer.drain()
        answer = await self._reader.readuntil(b"\r\n\r\n")
        status = int(answer[9:12])
        length = 0
        for line in answer.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        return status, await self._reader.readexactly(length) if length else b""

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def report_head(host: str, port: int, token: str, key: str) -> bytes:
    """The request line and headers of a report."""
    return (
        f"POST /api/v1/reports HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: {token}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\n"
    ).encode()


async def steady(
    address: tuple[str, int], token: str, bodies: Iterator[tuple[str, bytes]], *, per_second: float, seconds: float
) -> Answers:
    """Open loop: one report every 1/per_second, whatever the answers do."""
    answers = Answers()
    idle: list[Connection] = []

    async def one(key: str, body: bytes) -> None:
        connection = idle.pop() if idle else Connection(*address)
        await _send(connection, address, token, key, body, answers)
        idle.append(connection)

    async with asyncio.TaskGroup() as group:
        start = time.perf_counter()
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, start + number / per_second - time.perf_counter()))
            group.create_task(one(*next(bodies)))
    for connection in idle:
        connection.close()
    return answers


async def flat_out(
    address: tuple[str, int], token: str, bodies: Iterator[tuple[str, bytes]], *, connections: int, reports: int
) -> Answers:
    """Closed loop: `connections` clients, each sending its next report when the last was answered."""
    answers = Answers()
    left = iter(range(reports))

    async def client() -> None:
        connection = Connection(*address)
        for _ in left:
            await _send(connection, address, token, *next(bodies), answers)
        connection.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    return answers


async def _send(
    connection: Connection, address: tuple[str, int], token: str, key: str, body: bytes, answers: Answers
) -> None:
    started = time.perf_counter()
    status, answer = await connection.request(report_head(*address, token, key), body)
    ended = time.perf_counter()
    if status == 201:
        answers.accepted[orjson.loads(answer)["case_id"]] = ended
        answers.seconds.append(ended - started)
    else:
        answers.refused.append((status, answer[:300]))
