"""Guarantee groups: long tests that prove a promise, and records of when each was last proven.

``tests/proofs.toml`` lists the groups: the tests of each and the paths on which its promise
depends. ``tests/proofs.json`` records, for each part of a group, the hash of those paths at its
last complete pass. A group whose paths have changed since is due. `testkit.proofs.plugin` keeps the
groups out of ``make test``; ``python -m testkit.proofs`` runs them.
"""
