"""Actions: what the operator does in each state of a release. `helm/step.py` has the table of states and actions.

An action starts Helm, or makes one write, and returns; a later reconcile observes the result.
"""
