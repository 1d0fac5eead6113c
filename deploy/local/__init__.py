"""The local stack: `python -m deploy.local run|demo|test|migrate`, behind `make run` and `make test`.

Order of the files is the order of a start: bootstrap (environment) → settings → ports → secrets → postgres, kafka →
databases → supervisor (services and gateway). Nothing here is imported by the product.
"""
