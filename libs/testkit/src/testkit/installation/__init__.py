"""Whole installations: services, console, hub, issuer, Kafka and PostgreSQL on 127.0.0.1.

`supervised` starts one by ``ltc up``; `controlled` starts the same processes without a supervisor,
so that a test kills, pauses and restarts them itself; the others vary what surrounds them.
"""
