"""Channels: what really arrives, and where nothing is ever sent to."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import socket
import ssl
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lite_mlops.errors import Invalid
from lite_mlops.monitoring.alerts.channels import Channel, NotSent, channels_of, webhook
from lite_mlops.monitoring.alerts.channels.message import NEWS
from lite_mlops.monitoring.alerts.channels.webhook import is_public
from lite_mlops.settings import FILE_NAME
from tests.monitoring.alerts.conftest import Receiver, message, post_office, receiving


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_PAUSES", (0.0, 0.0))


def channel(folder: Path, **values: Any) -> Channel:
    """The channel that a file with these values says."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    (folder / FILE_NAME).write_text("\n".join(["[channel.team]", *lines]), encoding="utf-8")
    return channels_of(folder)["team"]


def hook(folder: Path, receiver: Receiver, **values: Any) -> Channel:
    return channel(folder, **{"type": "webhook", "url": receiver.url, "private": True, **values})


# -- webhooks -----------------------------------------------------------------------------------


def test_a_webhook_gets_json_that_slack_shows(tmp_path: Path, receiver: Receiver) -> None:
    hook(tmp_path, receiver).send(message())
    ((path, headers, _),) = receiver.got
    (told,) = receiver.bodies
    assert path == "/hook?key=s3cret"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Idempotency-Key"] == told["id"] == "6b07df7bff0262fbe569"
    assert "X-Lite-Mlops-Signature" not in headers
    assert told["text"] == "churn (churn/1): 1 firing\n- [alert, new] age: KS 0.674 (ff324a)"
    assert (told["severity"], told["repeat"]) == ("alert", False)
    assert told["incidents"][0]["subject"] == "age"


def test_the_signature_proves_the_body_and_its_time(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_SECRET", "hunter2")
    hook(tmp_path, receiver, secret_env="TEAM_SECRET").send(message())  # noqa: S106
    ((_, headers, body),) = receiver.got
    parts = dict(one.split("=", 1) for one in headers["X-Lite-Mlops-Signature"].split(","))
    signed = f"{parts['t']}.".encode() + body
    assert parts["v1"] == hmac.new(b"hunter2", signed, hashlib.sha256).hexdigest()
    assert abs(int(parts["t"]) - datetime.now(UTC).timestamp()) < 60
    assert b"hunter2" not in body


def test_it_is_tried_three_times(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [500, 429]
    hook(tmp_path, receiver).send(message())
    assert len(receiver.got) == 3
    receiver.answers = [503, 503, 503]
    with pytest.raises(NotSent, match=r"^127\.0\.0\.1 answered 503$") as error:
        hook(tmp_path, receiver).send(message())
    assert error.value.later
    assert len(receiver.got) == 6


def test_what_is_refused_is_not_tried_again(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [404]
    with pytest.raises(NotSent, match=r"^127\.0\.0\.1 answered 404$") as error:
        hook(tmp_path, receiver).send(message())
    assert not error.value.later
    assert len(receiver.got) == 1


def test_redirects_are_not_followed(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers, receiver.location = [302], receiver.url
    with pytest.raises(NotSent, match="answered 302; redirects are not followed"):
        hook(tmp_path, receiver).send(message())
    assert len(receiver.got) == 1


def test_private_addresses_need_a_flag(tmp_path: Path, receiver: Receiver) -> None:
    with pytest.raises(NotSent, match=r"127\.0\.0\.1 is 127\.0\.0\.1, which is no address of the"):
        hook(tmp_path, receiver, private=False).send(message())
    localhost = receiver.url.replace("127.0.0.1", "localhost")
    with pytest.raises(NotSent, match="no address of the internet; set private = true"):
        hook(tmp_path, receiver, url=localhost, private=False).send(message())
    assert receiver.got == []


def test_a_name_is_resolved_once_and_that_address_is_connected_to(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def rebinding(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected = []

    def connect(address: tuple[str, int], timeout: float | None) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", connect)
    changing = receiver.url.replace("127.0.0.1", "changing.example")
    with pytest.raises(NotSent, match=r"changing\.example is 127\.0\.0\.1, which is no address"):
        hook(tmp_path, receiver, url=changing, private=False).send(message())
    assert asked == ["changing.example"] * 2  # once for each attempt
    assert connected == ["93.184.216.34"]  # as it was checked, and never what came after


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
        "224.0.0.1", "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "::", "ff0e::1",
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_internet(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "64:ff9b::5db8:d822"])
def test_addresses_of_the_internet(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_who_does_not_answer_is_left(tmp_path: Path, receiver: Receiver) -> None:
    over = threading.Event()

    def hold() -> None:
        over.wait(30)

    receiver.hold = hold
    try:
        with pytest.raises(NotSent, match=r"^127\.0\.0\.1 did not answer: it took too long$"):
            hook(tmp_path, receiver, timeout=0.1).send(message())
    finally:
        over.set()


def test_the_address_is_a_secret(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"type": "webhook", "url_env": "TEAM_HOOK", "private": True}
    found = channel(tmp_path, **values)
    with pytest.raises(NotSent, match="team needs the environment variable TEAM_HOOK, which is"):
        found.send(message())
    monkeypatch.setenv("TEAM_HOOK", receiver.url)
    receiver.answers = [400]
    with pytest.raises(NotSent) as error:
        found.send(message())
    assert "s3cret" not in str(error.value)
    assert found.told() == "$TEAM_HOOK"
    monkeypatch.setenv("TEAM_HOOK", "ftp://s3cret.example")
    with pytest.raises(NotSent, match=r"^the address cannot be used: it has to begin with https"):
        found.send(message())


# -- TLS ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*certificate)
    return made


def test_a_certificate_that_nobody_knows_is_refused(
    tmp_path: Path, context: ssl.SSLContext, certificate: tuple[Path, Path], monkeypatch: Any
) -> None:
    with receiving(context) as receiver:
        with pytest.raises(NotSent, match="did not answer: SSLCertVerificationError"):
            hook(tmp_path, receiver).send(message())
        assert receiver.got == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        hook(tmp_path, receiver).send(message())
        assert len(receiver.got) == 1


# -- mail ---------------------------------------------------------------------------------------


def mail(folder: Path, port: int, **values: Any) -> Channel:
    usual = {"type": "email", "host": "127.0.0.1", "port": port}
    people = {"from": "mlops@example.org", "to": ["ops@example.org", "ann@example.org"]}
    return channel(folder, **usual, **people, **values)


def test_mail_goes_out_encrypted_with_a_password(
    tmp_path: Path,
    context: ssl.SSLContext,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    with post_office(context) as post:
        login = {"user": "mlops", "password_env": "SMTP_PASSWORD", "cafile": str(certificate[0])}
        found = mail(tmp_path, post.port, **login)
        found.send(message("größer: KS 0.674\nBcc: eve@example.org", repeat=True))
    assert post.commands.index("STARTTLS") == 1
    assert all(one.startswith("TLS ") for one in post.commands[2:])
    assert any(one.startswith("TLS AUTH PLAIN") for one in post.commands)
    recipients = [one for one in post.commands if "RCPT" in one.upper()]
    assert [one.split("<")[1].rstrip(">") for one in recipients] == [
        "ops@example.org",
        "ann@example.org",
    ]
    told = message_from_string(post.mails[0], policy=policy.default)
    assert told["Subject"] == "[lite-mlops] churn (churn/1): 1 firing"
    assert told["Message-ID"] == "<6b07df7bff0262fbe569@lite-mlops.invalid>"
    assert told["Bcc"] is None
    text = told.get_content()
    assert "größer" in text
    assert "This may have reached you before" in text
    assert "hunter2" not in post.mails[0]


def test_a_server_without_starttls_gets_nothing(tmp_path: Path) -> None:
    with post_office(None) as post:
        with pytest.raises(NotSent, match=r"^127\.0\.0\.1 did not take it: SMTPNotSupportedError$"):
            mail(tmp_path, post.port).send(message())
        assert post.mails == []
        mail(tmp_path, post.port, tls="none").send(message())
        assert len(post.mails) == 1


def test_a_refusal_is_told_by_its_code(tmp_path: Path) -> None:
    for refuse, later in (("451 not now: hunter2", True), ("554 never: hunter2", False)):
        with post_office(None) as post:
            post.refuse = refuse
            with pytest.raises(NotSent, match=rf"^127\.0\.0\.1 answered {refuse[:3]}$") as error:
                mail(tmp_path, post.port, tls="none").send(message())
            assert error.value.later is later


# -- this machine -------------------------------------------------------------------------------


def test_a_log_file_gets_a_line_for_each_message(tmp_path: Path) -> None:
    found = channel(tmp_path, type="log", path="logs/alerts.ndjson")
    found.send(message("one\nline"))
    found.send(message())
    lines = (tmp_path / "logs" / "alerts.ndjson").read_text(encoding="utf-8").splitlines()
    assert [json.loads(one)["severity"] for one in lines] == ["alert", "alert"]
    (tmp_path / "file").write_text("")
    with pytest.raises(NotSent, match="cannot be written to"):
        channel(tmp_path, type="log", path="file/alerts.ndjson").send(message())


def test_the_terminal_is_not_steered(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    channel(tmp_path, type="terminal").send(message("age\x1b[31m moved"))
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "churn (churn/1): 1 firing\n- [alert, new] age\\x1b[31m moved (ff324a)\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that is all that is found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_desktop_shows_it(tmp_path: Path, programs: Path) -> None:
    found = channel(tmp_path, type="desktop")
    with pytest.raises(NotSent, match="neither notify-send nor osascript") as error:
        found.send(message())
    assert not error.value.later
    for name in ("osascript", "notify-send"):
        program = programs / name
        told = f"import sys; open({str(tmp_path / name)!r}, 'w').write('|'.join(sys.argv[1:]))"
        program.write_text(f"#!{sys.executable}\n{told}\n")
        program.chmod(0o755)
        found.send(message('it is "said" -- `true`'))
    assert (tmp_path / "notify-send").read_text() == (
        "--app-name|lite-mlops|--urgency|critical|--|churn (churn/1): 1 firing|"
        '[alert, new] it is "said" -- `true` (ff324a)'
    )
    assert (tmp_path / "osascript").read_text().endswith('it is "said" -- `true` (ff324a)')


# -- apprise ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # of apprise
def test_apprise_tells_the_services_it_knows(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("apprise")
    found = channel(tmp_path, type="apprise", url_env="PHONE_URL")
    monkeypatch.setenv("PHONE_URL", receiver.url.replace("http://", "json://").split("?")[0])
    found.send(message())
    assert receiver.bodies[0]["title"] == "churn (churn/1): 1 firing"
    assert receiver.bodies[0]["type"] == "failure"
    receiver.answers = [500]
    with pytest.raises(NotSent, match=r"^the service did not take it$"):
        found.send(message())
    monkeypatch.setenv("PHONE_URL", "nothing://s3cret")
    with pytest.raises(NotSent, match=r"^apprise knows no such address as PHONE_URL holds$"):
        found.send(message())


def test_without_apprise_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(NotSent, match=r"pip install 'lite-mlops\[alerts\]'"):
        channel(tmp_path, type="apprise", url_env="PHONE_URL").send(message())


# -- the file -----------------------------------------------------------------------------------


def test_without_a_channel_there_is_the_terminal(tmp_path: Path) -> None:
    assert [one.kind for one in channels_of(tmp_path).values()] == ["terminal"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"type": "webhok"}, "type = 'webhok' cannot be used: expected terminal"),
        ({"type": "webhok"}, "Did you mean 'webhook'?"),
        ({"type": "webhook"}, "either url or url_env says where to post to"),
        ({"type": "webhook", "url": "https://a", "url_env": "B"}, "either url or url_env"),
        ({"type": "webhook", "url": "ftp://s3cret"}, r"url = \.\.\. cannot be used: it has to be"),
        ({"type": "webhook", "url": "https://a:b@c"}, "names and passwords in it are not used"),
        ({"type": "webhook", "url": "https://a", "privat": True}, "no 'privat'. Did you mean 'pr"),
        ({"type": "webhook", "url": "https://a", "timeout": 0}, "timeout = 0 cannot be used"),
        ({"type": "log"}, "'path' is missing"),
        ({"type": "email", "host": "a", "from": "b"}, "'to' is missing"),
        ({"type": "email", "host": "a", "from": "b", "to": "c"}, "expected one address of mail"),
        (
            {"type": "email", "host": "a", "from": "b", "to": "c@d", "user": "e"},
            "user and password_env go together",
        ),
        (
            {"type": "email", "host": "a", "from": "b", "to": "c@d", "password": "e"},
            "no 'password'. Did you mean 'password_env'?",
        ),
        (
            {"type": "email", "host": "a", "from": "b", "to": "c@d", "tls": "none"},
            "tls = 'none' is for a server on this machine only",
        ),
        ({"type": "terminal", "least": "info"}, "least = 'info' cannot be used"),
        ({"type": "apprise"}, "'url_env' is missing"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, values: Any, told: str) -> None:
    with pytest.raises(Invalid, match=told) as error:
        channel(tmp_path, **values)
    assert str(error.value).startswith(f"{tmp_path / FILE_NAME}: channel.team")
    assert "s3cret" not in str(error.value)


def test_a_table_with_a_name_that_is_nearly_right_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("[chanel.team]\ntype = 'terminal'\n")
    with pytest.raises(Invalid, match=r"there is no table 'chanel'. Did you mean 'channel'?"):
        channels_of(tmp_path)
    (tmp_path / FILE_NAME).write_text("[channel]\ntype = 'terminal'\n")
    with pytest.raises(Invalid, match=r"channel needs a name: write it as \[channel\.NAME\]"):
        channels_of(tmp_path)


def test_how_a_loop_goes_on_is_news_and_does_not_fire() -> None:
    (line,) = message().lines
    for how, told in (
        ("promoted", "promoted"),
        ("awaiting approval", "awaiting approval"),
        ("still", "1 firing"),
    ):
        news = replace(message(), monitor="loop churn", model="", lines=(replace(line, how=how),))
        assert news.title == f"loop churn: {told}"
    both = replace(
        message(), lines=(line, replace(line, how="cleared"), replace(line, how=NEWS[0]))
    )
    assert both.title == "churn (churn/1): 1 firing and 1 cleared and promoted"
