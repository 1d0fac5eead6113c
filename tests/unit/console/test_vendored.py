"""What came from elsewhere is named with version, licence and sum, and is what it was."""

import hashlib
import re

from services.console.web.rendering import STATIC

VENDOR = STATIC / "vendor"


def test_every_vendored_file_is_listed_with_its_sum_and_its_licence_lies_beside_it() -> None:
    listed = dict(
        re.findall(
            r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|",
            (VENDOR / "VENDORED.md").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )
    present = {path.name: path for path in VENDOR.iterdir() if path.suffix in {".js", ".svg", ".css"}}
    assert present.keys() == listed.keys()
    for name, path in present.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == listed[name], name
        assert (VENDOR / f"LICENSE-{name.partition('-')[0]}.txt").is_file()
