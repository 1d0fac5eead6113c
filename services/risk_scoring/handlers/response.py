"""Events of the response that change the file but no level: who has a role in the case, what was done."""

from collections.abc import Sequence

from chassis.transaction import Transaction
from contracts.assistance import CaseClosed, PlanAgreed
from contracts.dispatch import ReferralAct, ReferralRevoked, ResponseOpened, ResponseRevised, ReturnDecided
from contracts.envelope import Event
from services.risk_scoring.domain import learning
from services.risk_scoring.domain.case_file import CaseFile
from services.risk_scoring.handlers.loading import fold


async def on_response(events: Sequence[Event], tx: Transaction) -> None:
    """A response was opened or revised: its departments and place decide who may read the assessments."""

    def change(file: CaseFile, data: ResponseOpened | ResponseRevised) -> CaseFile:
        return learning.with_response(file, data)

    await fold(events, tx, change)


async def on_return_decided(events: Sequence[Event], tx: Transaction) -> None:
    """A task moved to another department, or stayed."""

    def change(file: CaseFile, data: ReturnDecided) -> CaseFile:
        return learning.with_return(learning.done(file, data.met), data)

    await fold(events, tx, change)


async def on_revoked(events: Sequence[Event], tx: Transaction) -> None:
    """A task was taken back: its department reads the case no more."""

    def change(file: CaseFile, data: ReferralRevoked) -> CaseFile:
        return learning.revoked(learning.done(file, data.met), data)

    await fold(events, tx, change)


async def on_act(events: Sequence[Event], tx: Transaction) -> None:
    """Any other act on a referral: only what it finished late matters here, so most acts cost nothing."""

    def change(file: CaseFile, data: ReferralAct) -> CaseFile:
        return learning.done(file, data.met)

    await fold([event for event in events if any(step.late_seconds for step in event.data.met)], tx, change)


async def on_plan_agreed(events: Sequence[Event], tx: Transaction) -> None:
    """The conference agreed the plan: S9 is done."""

    def change(file: CaseFile, _: PlanAgreed) -> CaseFile:
        return learning.done(file, steps=("S9",))

    await fold(events, tx, change)


async def on_case_closed(events: Sequence[Event], tx: Transaction) -> None:
    """The case is closed on the ledger: its level stands, and nothing waits for a decision or an assessment any more."""

    def change(file: CaseFile, data: CaseClosed) -> CaseFile:
        return learning.closed(file, data)

    await fold(events, tx, change)
