"""What happens when the period for replying to a criticism is over: it becomes final."""

from collections.abc import Sequence
from dataclasses import replace

from chassis.timers import Fired
from chassis.transaction import Transaction
from contracts.directory import AppraisalRecorded
from contracts.vocabulary import SYSTEM, Actor
from services.directory.domain.records import Appraisal
from services.directory.store import records


def announcement(appraisal: Appraisal, by: Actor, at: object) -> AppraisalRecorded:
    """An appraisal as others hear of it: codes and times, no words."""
    return AppraisalRecorded.model_validate(
        {
            "township": appraisal.township,
            "appraisal_id": appraisal.id,
            "subject_kind": appraisal.subject_kind,
            "subject": appraisal.subject,
            "sign": appraisal.sign,
            "ground": appraisal.ground,
            "state": appraisal.state,
            "period": appraisal.period,
            "reply_due_at": appraisal.reply_due_at,
            "by": by,
            "at": at,
        }
    )


async def on_deadlines_fired(fired: Sequence[Fired], tx: Transaction) -> None:
    """Make the appraisals final whose reply period ended, replied to or not. One withdrawn meanwhile has no clock left."""
    due = {one.deadline.subject: one for one in fired if one.deadline.subject is not None}
    for identity, appraisal in (await records.find_appraisals(tx.db, list(due))).items():
        if appraisal.state not in {"recorded", "replied"}:
            continue
        final = replace(appraisal, state="final", settled_at=tx.now, version=appraisal.version + 1)
        await records.save_appraisal(tx, final)
        tx.end(due[identity].deadline.id, "met", tx.now)
        tx.publish(final.township, announcement(final, SYSTEM, tx.now), cause=due[identity])
