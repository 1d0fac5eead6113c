"""Writes deploy/gateway/routes.conf."""

from pathlib import Path

from deploy.gateway.routes import routes_conf
from deploy.local.routes import load_routes

ROUTES_CONF = Path(__file__).with_name("routes.conf")

if __name__ == "__main__":
    ROUTES_CONF.write_text(routes_conf(load_routes()), encoding="utf-8")
    print(f"written: {ROUTES_CONF}")
