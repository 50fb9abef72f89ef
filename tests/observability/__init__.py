"""The platform as its watchers see it: a real collector, Prometheus and Alertmanager."""
