"""Owns areas, organisations, posts, staff, duty rosters, accounts and API clients, and issues the access tokens.
Reacts to no event: it is told by its loader and its API.
Announces `township.published.v1` on every change: the whole structure as ids and codes; names and phones stay here."""
