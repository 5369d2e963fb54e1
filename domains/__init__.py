"""The four domains: order, shipment, billing and cash, as subscribers of the public streams.

A domain keeps the facts it was told and derives from them, by a pure function, what it says: the
records and their states, exceptions, what waits for its cause, what it announces. The order in
which facts come, and how often, has no part in it.
"""
