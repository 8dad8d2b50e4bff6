"""Imports what an operator imports until its first reconcile, and a sandbox until its first cluster. The process that both are forked from
imports this module once."""

import asyncio
import gc

import notebook_platform.cli.run
from kubernetes.aio import client
from notebook_platform.azure.arm.session_pool import SessionPool
from notebook_platform.workload.client import build_models

import sandbox.supervisor

__all__ = ["notebook_platform", "sandbox"]

asyncio.run(SessionPool.warm_up())
build_models()
assert (
    client.AppsV1Api and client.NetworkingV1Api and client.RbacAuthorizationV1Api and client.StorageV1Api
)  # imported when it is read
gc.collect()
gc.freeze()  # a collection in a forked operator would copy the pages that it shares with the other operators
