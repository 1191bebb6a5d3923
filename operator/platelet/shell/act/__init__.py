"""What the leader does: drives Remediations, runs effects, keeps revision records, sweeps what is left.

Each write on a user's object leaves from here. Why it is to be done is the core's business.
"""
