"""Who learns from the response that a case exists."""

from contracts.dispatch import ReferralIssued, ReferralRevoked, ResponseRevised
from contracts.vocabulary import SYSTEM, Role
from services.risk_scoring.domain.learning import revoked, with_response
from tests.unit.risk_scoring.test_reassessing import NOW, file, id_of


def revised(role: Role, *, safety_only: bool) -> ResponseRevised:
    school = ReferralIssued(
        referral_id=id_of("school"), department="school", organisation="SC", role=role, safety_only=safety_only
    )
    return ResponseRevised(
        case_id=id_of("case"), case_number="YX-1", response_id=id_of("response"), township="YX",
        cause="safety_only_task", level_before="red", level="red", restricted=True, concerns=(), case_lead="police",
        coordinator="civil_affairs", referrals=(school,), revised_at=NOW, policy_version="2026-11",
    )  # fmt: skip


def test_a_department_with_a_safety_only_task_gets_no_role() -> None:
    before = file(restricted=True, departments={"police": "lead"})
    assert with_response(before, revised("assist", safety_only=True)).departments == {"police": "lead"}
    assert with_response(before, revised("assist", safety_only=False)).departments["school"] == "assist"


def test_a_department_left_with_a_safety_only_task_loses_the_role_it_had() -> None:
    before = file(restricted=True, departments={"police": "lead", "school": "assist"})
    assert with_response(before, revised("assist", safety_only=True)).departments == {"police": "lead"}


def test_a_department_that_was_withdrawn_or_revoked_has_no_role_any_more() -> None:
    before = file(restricted=True, departments={"police": "lead", "school": "assist", "justice": "assist"})
    left = revised("assist", safety_only=True).model_copy(update={"referrals": (), "left": ("school",)})
    assert with_response(before, left).departments == {"police": "lead", "justice": "assist"}
    taken_back = ReferralRevoked(
        case_id=id_of("case"), case_number="YX-1", referral_id=id_of("justice"), department="justice", organisation="JU",
        role="assist", level="red", township="YX", by=SYSTEM, at=NOW, reason="sent_in_error",
    )  # fmt: skip
    assert revoked(before, taken_back).departments == {"police": "lead", "school": "assist"}
