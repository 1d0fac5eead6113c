"""Console. Owns: the web pages, their sessions and drafts, and a read model of its own for board and indicators.
Reacts to: every event of every service; the read model can be made anew from them by one command.
Announces: nothing. What people do on its pages goes to the owning service by HTTP, with their own token.
"""
