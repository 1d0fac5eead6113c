"""Risk scoring. Owns: the structured intake of every case, assessments with their reasons, the level in force, reassessments.
Reacts to: reports, findings, sightings, breached steps, visits, placements, orders, benefits, closures (D-4.3.1, D-4.3.2).
Announces: risk.assessed, level-lowering.proposed, reassessment.*, child.screened. It never lowers a level by itself.
"""
