"""Notification. Owns: who was told what, by which channel and when (the delivery ledger), and everybody's inbox.
Reacts to: responses, referral acts, fired deadlines, overdue dispatches, proposals and closures; the township's structure.
Announces: notices.recorded, in the commit that writes the ledger. Ids and codes only; an SMS holds case number and level.
"""
