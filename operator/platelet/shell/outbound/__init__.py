"""Requests to others than the API server: HTTP checks, Prometheus, sinks; only to hosts that the settings allow."""
