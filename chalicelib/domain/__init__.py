"""The rules. Facts in, decisions out: no clock, no environment, no logging, no I/O, no imports from outside.

Read in this order: account (what we know), policy (what a company promised), access and ending (the two
questions every promise asks), then one file per promise, then timeline (all their dates together), facts and
decide (what changes what we know).
"""
