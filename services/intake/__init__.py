"""Intake. Owns: reports, the case file of every child, the identity vault, grants and the access log, the timeline.
Reacts to: levels, responses and acts of departments, plans, visits, closures, notices, the township's structure.
Announces: report.received, contact.recorded, dispatch.overdue. No personal data leaves it but by a read that is logged.
"""
