"""Owns areas, organisations, posts, staff, duty rosters, village stations, providers, accounts and API clients, issues the
access tokens, and keeps the programme's records: phases, trainings, publicity, activities, appraisals.
Reacts to no event: it is told by its loader and its API.
Announces `township.published.v1` on every change (ids and codes; names and phones stay here), `roster-gap.found.v1` while
somebody is missing, and what was recorded: trainings, publicity, appraisals."""
