"""The rules of dispatch, pure: who is sent what (routing), who must be told (notices), by when (clocks), what a change
does to running clocks (changes), and what happens when one runs out (escalation).
"""
