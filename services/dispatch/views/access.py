"""Who may see a response or a referral, and which actions are open to the reader."""

from dataclasses import replace
from datetime import datetime

from contracts.access import Denied, Resource, Subject, decide
from contracts.policy import load_policy
from services.dispatch.domain.referral import available_actions
from services.dispatch.domain.response import Referral, ResponseFile


def case_resource(file: ResponseFile, subject: Subject) -> Resource:
    """A response as the access policy sees it."""
    blocked = subject.department if subject.department in file.blocked else min(file.blocked, default=None)
    return Resource(
        township=file.township,
        village=file.place.village,
        group=file.place.group,
        level=file.level,
        restricted=file.restricted,
        conflict_unit=blocked,
        case_lead=file.case_lead,
        departments={
            one.department: one.role for one in file.referrals if one.state != "ended" and not one.safety_only
        },
        entered_by=file.entered_by,
    )


def referral_resource(referral: Referral, file: ResponseFile, subject: Subject) -> Resource:
    """A referral as the access policy sees it."""
    whole = case_resource(file, subject)
    return replace(
        whole,
        department=referral.department,
        organisation=referral.organisation,
        role=referral.role,
        restricted=file.restricted and not referral.safety_only,
    )


def open_actions(referral: Referral, file: ResponseFile, subject: Subject, now: datetime) -> list[str]:
    """What is open in this state and allowed to this reader."""
    seen = referral_resource(referral, file, subject)

    def allowed(action: str) -> bool:
        return not isinstance(decide(subject, access_action(action), seen), Denied)

    found = available_actions(referral, file, now, load_policy(file.policy_version))
    return [action for action in found if allowed(action)]


def access_action(name: str) -> str:
    """The access policy's name of an action."""
    return "referral." + name.replace("-", "_")
