"""Issuers for the tests: a key, its JWKS, and tokens as a real one would sign them."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Issuer:
    """Signs tokens with one ES256 key at a time."""

    issuer: str = "https://login.example"
    audience: str = "polaris"
    key_id: str = "one"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def jwks(self) -> dict[str, Any]:
        jwk: dict[str, Any] = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [jwk | {"kid": self.key_id, "alg": "ES256", "use": "sig"}]}

    @property
    def data_url(self) -> str:
        encoded = base64.b64encode(json.dumps(self.jwks).encode()).decode()
        return f"data:application/json;base64,{encoded}"

    def rotate(self, key_id: str) -> None:
        self.key_id = key_id
        self.key = ec.generate_private_key(ec.SECP256R1())

    def token(self, subject: str = "ada", **changes: Any) -> str:
        """A good token; `changes` replace claims, None removes one."""
        now = datetime.now(UTC)  # noqa: TID251 - PyJWT reads the real clock
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": subject,
            "iat": now,
            "exp": now + timedelta(minutes=5),
        }
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": self.key_id})
