"""The numbers people quote: of reports and cases, and the code a reporter asks with."""

import hashlib
import hmac
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that is read as a digit on the telephone."""
_CODE_LENGTH, _CODE_GROUP = 16, 4
_READ_AS = str.maketrans("OIL", "011", "- ")


def case_number(township: str, received_at: datetime, serial: int) -> str:
    """The number of a child's case, `YX-2026-000123`: the year is that of receipt, by local time."""
    return f"{township}-{received_at.astimezone(ZONE).year}-{serial:06d}"


def report_number(township: str, received_at: datetime, serial: int) -> str:
    """The number of a report, `YX-R2026-000123`; both reporters of one case get their own."""
    return f"{township}-R{received_at.astimezone(ZONE).year}-{serial:06d}"


def receipt_code(secret: bytes, report_id: UUID) -> str:
    """The reporter's query code (policy `data_protection.reporter.query_code`): 80 bits nobody can guess without `secret`.

    Derived, not drawn: a repeated report gives the same code, and no table holds it.
    """
    value = int.from_bytes(hmac.digest(secret, report_id.bytes, "sha256")[:10])
    code = "".join(_ALPHABET[value >> 5 * place & 31] for place in range(_CODE_LENGTH))
    return "-".join(code[i : i + _CODE_GROUP] for i in range(0, _CODE_LENGTH, _CODE_GROUP))


def receipt_hash(code: str) -> bytes:
    """What is stored of a receipt code, whatever the hyphens, case and look-alike letters of the code as typed."""
    return hashlib.sha256(code.upper().translate(_READ_AS).encode()).digest()
