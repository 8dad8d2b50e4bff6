"""Tests with a server on loopback, another process or time that passes. They need no control plane and no simulated Azure."""
