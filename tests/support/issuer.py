"""Issuers for the tests: a key, its JWKS, and tokens as a real one would sign them."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from jwt.api_jws import encode as jws_encode

FAR_S = 4_102_444_800  # the year 2100
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Issuer:
    """Signs tokens with one ES256 key at a time."""

    issuer: str = "https://login.example"
    audience: str = "polaris"
    key_id: str = "one"
    lifetime: timedelta = timedelta(minutes=5)
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
            "exp": now + self.lifetime,
        }
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": self.key_id})

    def raw_token(self, **changes: str | None) -> str:
        """As `token`, with claims as JSON texts, which need not be what a library would sign."""
        return raw_token(
            self.key, issuer=self.issuer, audience=self.audience, key_id=self.key_id, **changes
        )


def raw_token(
    key: ec.EllipticCurvePrivateKey,
    *,
    issuer: str,
    audience: str,
    key_id: str,
    **changes: str | None,
) -> str:
    """A token whose claims are the JSON texts given; None removes one."""
    claims = {
        "iss": json.dumps(issuer),
        "aud": json.dumps(audience),
        "sub": '"ada"',
        "exp": str(FAR_S),
        **changes,
    }
    members = ",".join(f'"{name}":{text}' for name, text in claims.items() if text is not None)
    return jws_encode(f"{{{members}}}".encode(), key, algorithm="ES256", headers={"kid": key_id})


# What the API and the embedded Convex judge alike. Values are JSON texts; None: no such claim.
UNPARSABLE: dict[str, dict[str, str | None]] = {
    f"{name} {text}": {name: text}
    for name, texts in {
        "iss": (None, "null", "7", "true", '""', "[]", '["https://tests.example"]', "{}"),
        "sub": (None, "null", "7", "true", '""', "[]", '["ada"]', "{}"),
        "exp": (
            *(None, "null", "true", "[]", "{}", '"soon"', '"9999999999"', '"2099-01-01"', '""'),
            *("1e400", "-1e400", "1e300", "NaN", "0", "-1", "1.5"),
        ),
        "nbf": ('"soon"', "1e400", "[]", '"0"', "null", "true"),
        "iat": ('"soon"', "1e400", "{}", '"0"', "null", "true"),
    }.items()
    for text in texts
}
UNSTORABLE = ('"a\\u0000b"', '"\\ud800"')  # subjects
PARSABLE: dict[str, dict[str, str | None]] = {
    "a fraction of a second": {"exp": f"{FAR_S}.5", "iat": "1.5", "nbf": "0.5"},
    "an exponent": {"exp": "4.1e9"},
    "a time before 1970": {"nbf": "-5", "iat": "-5"},
}
