"""The one address in containers: nginx. `python -m deploy.gateway` writes routes.conf from deploy/routes.yaml.

nginx.conf holds limits, headers and answers and is written by hand; names.conf says how service names are resolved.
"""
