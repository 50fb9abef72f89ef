"""Test harness of the workspace: servers, installations, actors and probes.

Only tests, campaigns and benchmarks import it. Nothing that runs in production does
(import-linter's contract ``testkit``).
"""
