"""How the product is run: the local stack, the container image, the gateway, Kubernetes, monitoring."""
