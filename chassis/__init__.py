"""What every service stands on: transactions, the outbox and its relay, the inbox, deadlines, HTTP, identity, metrics.

Its law: it knows no word of the field it serves. Everything it needs from a service comes through `chassis.service.Service`.
"""
