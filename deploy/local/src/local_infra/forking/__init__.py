"""A fork server: one process imports the code of all services once and forks each of them.

`client.ForkServer` is what callers use. ``python -m local_infra.forking`` is the server (`server`).
`loaded` decides what may be forked, and `program` turns a forked child into the program asked for.
Whatever cannot be forked is started by exec, as in a container. For one machine and its tests;
nothing that serves imports this package.
"""
