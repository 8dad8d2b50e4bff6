"""Signing: the key with which the simulated Entra ID signs tokens, and the key set with which relying parties verify them."""

import json
from functools import cache, lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

KEY_ID = "sandbox-signing-key"


KNOWN_TOKENS = 1000
"""Tokens whose claims are remembered: a client sends one with each request."""


@cache
def _signing_key(issuer: str) -> rsa.RSAPrivateKey:
    """Generate an issuer's key, once in a process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@lru_cache(KNOWN_TOKENS)
def _verified(issuer: str, token: str) -> str:
    options = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    return json.dumps(jwt.decode(token, _signing_key(issuer).public_key(), algorithms=["RS256"], options=options))  # type: ignore[arg-type]


class Signer:
    """Signs with the RSA key of one issuer for the life of the process."""

    def __init__(self, issuer: str) -> None:
        self._issuer, self._key = issuer, _signing_key(issuer)

    def sign(self, claims: dict[str, Any]) -> str:
        """A JSON Web Token."""
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})

    def claims(self, token: str) -> dict[str, Any]:
        """What a token of ours says; its times are the simulator's and are not judged here. Raises jwt.InvalidTokenError."""
        return dict(json.loads(_verified(self._issuer, token)))

    def keys(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}


def signed_with(assertion: str, certificates: list[str], audience: str) -> bool:
    """Whether a client's assertion was signed with the key of one of its certificates (PEM), for this audience."""
    from cryptography.x509 import load_pem_x509_certificate

    for pem in certificates:
        key = load_pem_x509_certificate(pem.encode()).public_key()
        try:
            jwt.decode(assertion, key, algorithms=["RS256", "PS256"], audience=audience)  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            continue
        return True
    return False
