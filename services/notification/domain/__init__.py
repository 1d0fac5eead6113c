"""Who is told what: pure. `case` what is known of a case, `duty` who holds a post now, `notices` the rules per event,
`message` one recipient told of one thing, `delivery` how it goes out, `texts` what it says.
"""
