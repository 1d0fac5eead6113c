"""Assistance. Owns: plans, measures, advice, conferences, money, the ladder, placements, visits, the ledger of every round.
Reacts to: townships, reports, merges, levels, responses, referral acts, safety, written assessments, feedback (D-4.5.1, D-5.3.2).
Announces: plan.opened, plan.agreed, measure.changed, eligibility.advised, conference.held, disbursement.changed,
visit.planned, visit.recorded, visit.failed, closure.requested, closure.refused, case.closed, ladder-step.recorded,
compliance.checked, order.ended, placement.changed, task.fired.
"""
