"""Dispatch. Owns: responses, referrals and department queues, the three-tier clocks and their escalation (D-4.2.1).
Reacts to: scored reports and level changes, the township's structure, plans, visits, closures, recorded notices.
Announces: response.opened, response.revised, every act on a referral, deadline.fired.
"""
