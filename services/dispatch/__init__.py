"""Dispatch. Owns: responses, referrals and department queues, the three-tier clocks and their escalation (D-4.2.1).
Reacts to: scored reports, amendments, levels, the township's structure, plans, visits, ladder, placements, closures, notices.
Announces: response.opened, response.revised, acts on referrals, steps met, pauses, extensions, supervision, deadline.fired.
"""
