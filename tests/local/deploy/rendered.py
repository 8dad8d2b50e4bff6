"""What the directories of deploy/kustomize render, once for all tests, which read it and do not change it."""

from functools import cache

from sandbox import operator_process

kustomized = cache(operator_process.kustomized)
