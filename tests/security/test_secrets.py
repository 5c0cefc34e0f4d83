"""Secrets are recognised by their names and forms, and ordinary words are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.security.secrets import (
    MASKED,
    is_secret_name,
    mask_argv,
    mask_text,
    mask_value,
)

# Secrets with a form of their own; put together here, so that no scanner takes them for real.
FORMS = {
    "AWS": "AKIA" + "IOSFODNN7EXAMPLE",
    "GitHub": "ghp_" + "a1B2" * 9,
    "GitHub fine-grained": "github_" + "pat_" + "11ABCDEFG0123456789abc",
    "GitLab": "glpat-" + "x7Yz_1234567890-abcd",
    "Hugging Face": "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz123456",
    "AI service": "sk-" + "proj-abcdefghij0123456789",
    "Slack": "xoxb-" + "123456789012-abcdef",
    "Google": "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "web token": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3",
    "private key": (
        "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA " + "PRIVATE KEY-----"
    ),
}


# -- by name -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("password", "PASSWORD", "db_password", "db-password", "dbPassword", "db.password"),
        *("passwd", "pwd", "passphrase", "secret", "client_secret", "clientSecret", "secrets"),
        *("token", "hf_token", "HF_TOKEN", "access_token", "refreshToken", "auth", "credentials"),
        *("api_key", "apikey", "API-KEY", "apiKey", "APIKey", "OPENAI_API_KEY", "x-api-key"),
        *("access_key", "AWS_SECRET_ACCESS_KEY", "private_key", "privateKey", "ssh_private_key"),
        *("cookie", "cookies", "session_id", "connection_string", "dsn", "SENTRY_DSN"),
        *("signature_key", "encryption_key", "secret-key-base64", "--password", "user[password]"),
    ],
)
def test_a_telling_name_is_recognised(name: str) -> None:
    assert is_secret_name(name)
    assert mask_value(name, "abc") == MASKED


@pytest.mark.parametrize(
    "name",
    [
        *("dbpassword", "PGPASSWORD", "DBPassword", "userpasswd", "secretkey", "clientsecret"),
        *("Authorization", "proxy_authorization", "passcode", "account_key"),
        *("signing_key", "HTTPToken"),
    ],
)
def test_a_telling_name_is_recognised_in_one_word(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("author", "authors", "authentic", "authored_at", "tokenizer", "tokenize", "tokenization"),
        *("keyboard", "monkey", "key", "key_count", "secretary", "passenger", "compass", "bypass"),
        *("passes", "pass_rate", "first_pass", "cookiecutter", "session", "idsn"),
        *("learning_rate", "seed", "accessory", "hockey", "turkey", "private", "signature", ""),
    ],
)
def test_an_ordinary_name_is_left_alone(name: str) -> None:
    assert not is_secret_name(name)
    assert mask_value(name, "abc") == "abc"


@pytest.mark.parametrize(
    "name",
    [
        *("max_tokens", "num_tokens", "maxNewTokens", "tokens_per_second", "token_count"),
        *("pad_token", "pad_token_id", "eos_token", "bos_token_id", "mask_token", "n_tokens"),
    ],
)
def test_the_tokens_of_a_language_model_are_left_alone(name: str) -> None:
    assert mask_value(name, "512") == "512"


def test_settings_add_parts_of_names() -> None:
    assert is_secret_name("customer_pin", ("pin",))
    assert is_secret_name("customerPin", ("PIN",))
    assert not is_secret_name("customer_pin", ("",))
    assert mask_text("https://example.org/?pin=1234&page=2", ("pin",)) == (
        "https://example.org/?pin=[masked]&page=2"
    )


def test_settings_may_write_parts_with_a_hyphen() -> None:
    assert is_secret_name("--customer-pin", ("customer-pin",))


# -- by form -------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", FORMS.values(), ids=FORMS.keys())
def test_a_known_form_is_masked_wherever_it_stands(secret: str) -> None:
    assert mask_text(secret) == MASKED
    assert mask_text(f"see ({secret}), please") == f"see ({MASKED}), please"
    assert mask_value("comment", f"x={secret}") == f"x={MASKED}"


def test_a_key_without_an_end_is_masked_to_the_end() -> None:
    assert mask_text("a -----BEGIN PRIVATE " + "KEY-----\nMIIEow\nIB") == f"a {MASKED}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://ann:hunter2@example.org/x", "https://[masked]@example.org/x"),
        ("postgresql+psycopg://ann:hunter2@db:5432/x", "postgresql+psycopg://[masked]@db:5432/x"),
        ("redis://:hunter2@cache", "redis://[masked]@cache"),
        ("https://0123456789abcdef0123@example.org", "https://[masked]@example.org"),
        ("from s3://ann:a@x to s3://ann:b@y", "from s3://[masked]@x to s3://[masked]@y"),
        (
            "https://example.org/?a=1&api_key=abc&b=2#c",
            "https://example.org/?a=1&api_key=[masked]&b=2#c",
        ),
        ("https://example.org/?token=abc", "https://example.org/?token=[masked]"),
        ("Server=db;Uid=ann;Pwd=hunter2;", "Server=db;Uid=ann;Pwd=[masked];"),
        ("Authorization: Bearer abcdef0123456789==", "Authorization: Bearer [masked]"),
        ("Authorization: Basic YW5uOmh1bnRlcjI=", "Authorization: Basic [masked]"),
    ],
)
def test_what_stands_in_a_known_place_is_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("{'password': 'hunter2', 'lr': 0.1}", "{'password': '[masked]', 'lr': 0.1}"),
        ('{"db": {"api_key": "abc"}, "n": 1}', '{"db": {"api_key": "[masked]"}, "n": 1}'),
        ("host=db user=ann password=hunter2", "host=db user=ann password=[masked]"),
        ("X-Api-Key: abc0123", "X-Api-Key: [masked]"),
        ("https://ann:hunt@er2@example.org/x", "https://[masked]@example.org/x"),
    ],
)
def test_what_stands_beside_a_telling_name_is_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a?page=2&author=ann",
        "ann@example.org",
        "git@example.org:team/churn.git",
        "https://example.org:8080/@ann",
        "https://ann@example.org/x",
        "sk-learn, task-0123456789abcdefghij and ask-me",
        "a = 1; b = 2; c == 3",
        "the bearer of bad news",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "",
    ],
)
def test_an_ordinary_text_is_left_alone(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "text", ["a basic transformer", "Basic preprocessing", "bearer capability"]
)
def test_prose_is_left_alone(text: str) -> None:
    assert mask_text(text) == text


@given(st.text())
def test_masking_again_changes_nothing(text: str) -> None:
    assert mask_text(mask_text(text)) == mask_text(text)


# -- command lines -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "masked"),
    [
        ("fit.py --api-key abc --depth 3", "fit.py --api-key [masked] --depth 3"),
        ("fit.py --api-key=abc -token abc", "fit.py --api-key=[masked] -token [masked]"),
        ("fit.py password=abc db.password=a=b", "fit.py password=[masked] db.password=[masked]"),
        ("fit.py --token --verbose run", "fit.py --token --verbose run"),
        ("fit.py --url=https://a:b@c/x", "fit.py --url=https://[masked]@c/x"),
        ("fit.py --tokenizer bert --author ann", "fit.py --tokenizer bert --author ann"),
        ("fit.py token", "fit.py token"),
        ("", ""),
    ],
)
def test_the_values_of_telling_options_are_masked(argv: str, masked: str) -> None:
    assert mask_argv(argv.split()) == masked.split()


def test_a_known_form_is_masked_in_a_command_line() -> None:
    assert mask_argv(["curl", "-H", f"x: {FORMS['GitHub']}"]) == ["curl", "-H", "x: [masked]"]


@pytest.mark.parametrize("sign", ["+", "++", "~"])
def test_the_overrides_of_a_configuration_are_masked(sign: str) -> None:
    assert mask_argv([f"{sign}db.password=abc"]) == [f"{sign}db.password={MASKED}"]
