"""Assistance. Owns: plans and their measures, visits, and the closure ledger of every round of a case.
Reacts to: reports, levels, responses, referral acts, safety, written assessments, feedback (D-4.5.1, D-5.3.2).
Announces: plan.opened, plan.agreed, visit.recorded, closure.requested, closure.refused, case.closed.
"""
