"""nginx locations out of the one table of routes."""

from deploy.local.routes import Routes

_HEAD = "# Written by `python -m deploy.gateway` from deploy/routes.yaml: edit that file and run it again.\n"


def host_of(service: str) -> str:
    """The service's name on the container network. Host names have no underscore."""
    return service.replace("_", "-")


def routes_conf(routes: Routes) -> str:
    """Locations of every prefix and every service's documentation, in the order of the table.

    A prefix covers itself and everything below it, whole path segments only, as the gateway of the local stack does.
    """
    blocks = [_HEAD]
    for service in routes.services:
        prefixes = sorted(prefix for prefix, owner in routes.prefixes if owner == service)
        blocks.append(f"\n# {service}\n")
        blocks.extend(_prefix(service, prefix) for prefix in prefixes)
        blocks.append(_docs(service))
    return "".join(blocks)


def _prefix(service: str, prefix: str) -> str:
    to = f"{{ set $service {service}; proxy_pass http://{host_of(service)}$domain:8000; }}\n"
    exact = f"location = {prefix} {to}"
    return exact if prefix == "/" else f"{exact}location {prefix}/ {to}"


def _docs(service: str) -> str:
    lines = [f"set $service {service};"]
    lines.append("rewrite ^/docs/[^/]+(/.*)$ /docs$1 break;")
    lines.append(f"proxy_pass http://{host_of(service)}$domain:8000;")
    names = dict.fromkeys((service, host_of(service)))
    return "".join(f"location /docs/{name}/ {{ {' '.join(lines)} }}\n" for name in names)
