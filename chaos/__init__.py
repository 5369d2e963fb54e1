"""Chaos: seeded rounds of real traffic at real gateways while they are hurt, and what was proved.

`make chaos ARGS="--rounds 20 --seed 1 --store postgresql"`. What it tries and what it leaves out
is written in `docs/reliability.md`.
"""
