"""Intake. Owns: reports, the case file of every child, tags, registers, surveys, the vault, grants, access log, timeline.
Reacts to: levels, responses and acts of departments, plans, visits, closures, notices, the township's structure.
Announces: reports and amendments, tags, surveyed children, contacts, calls, hand-overs, and what is overdue at the desk.
No personal data leaves it but by a read that is logged.
"""
