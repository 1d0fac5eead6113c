"""What the person at the terminal reads: Chinese first, English second, one line each."""

from __future__ import annotations

import sys


class LocalError(Exception):
    """The local stack cannot go on; `zh` and `en` say why and what to do, each in one line."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh = zh
        self.en = en


def say(zh: str, en: str) -> None:
    """Tell of a step."""
    print(f"• {zh} / {en}", flush=True)


def note(zh: str, en: str) -> None:
    """A notice that must be read, on lines of its own."""
    print(f"\n! {zh}\n! {en}\n", flush=True)


def fail(error: LocalError) -> None:
    """The one line that says why nothing runs."""
    print(f"错误：{error.zh} / error: {error.en}", file=sys.stderr, flush=True)


class Progress:
    """A count of what is done: rewritten in place on a terminal, an occasional line elsewhere."""

    def __init__(self, zh: str, en: str, total: int | None = None) -> None:
        self._label = f"{zh} / {en}"
        self._total = total
        self._terminal = sys.stdout.isatty()
        self._shown = 0

    def show(self, done: int, detail: str = "") -> None:
        """`done` of the total are finished; `detail` names what is under way."""
        count = f"{done}/{self._total}" if self._total is not None else str(done)
        if self._terminal:
            print(f"\r\033[K• {self._label} {count} {detail}"[:150], end="", flush=True)
        elif done == 0 or done - self._shown >= 25:
            print(f"• {self._label} {count} {detail}", flush=True)
            self._shown = done

    def done(self, detail: str = "") -> None:
        """Everything is finished."""
        start = "\r\033[K" if self._terminal else ""
        print(f"{start}• {self._label} ✓ {detail}".rstrip(), flush=True)
