"""Throughput and latency of the whole platform, against a kernel without any domain."""
