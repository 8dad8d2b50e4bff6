"""The kubectl plugin as a user gets it: built, installed by krew, run by kubectl."""
