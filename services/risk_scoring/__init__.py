"""Risk scoring. Owns: the structured intake of every case, assessments with their reasons, the level in force.
Reacts to: reports, written assessments, sightings of the child, breached steps, closures (D-4.3.1, D-4.3.2).
Announces: risk.assessed, level-lowering.proposed. It never lowers a level by itself.
"""
