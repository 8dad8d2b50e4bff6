"""Imports what an operator imports until its first reconcile. The process that operators are forked from imports this module once."""

import asyncio
import gc

import notebook_platform.cli.run
from notebook_platform.azure.arm.session_pool import SessionPool
from notebook_platform.workload.client import build_models

__all__ = ["notebook_platform"]

asyncio.run(SessionPool.warm_up())
build_models()
gc.collect()
gc.freeze()  # a collection in a forked operator would copy the pages that it shares with the other operators
