"""Judges the report by mail with aiosmtpd, a mail server that shares nothing with disputebot.

TLS is demanded and its certificate checked, a mail comes once whatever breaks, and Python's own reader of mails finds
in it what was sent. Usage: mail.py DISPUTEBOT
"""

import asyncio
import contextlib
import email.policy
import logging
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from email.parser import BytesParser

from aiosmtpd.controller import Controller

# Every address that begins so is this machine; disputebot does without TLS at 127.0.0.1 alone.
HOST = "127.0.0.2"
WEEK = "2026-W47"


class Sink:
    """Keeps mails; where it is silent, it takes a mail and never says so."""

    def __init__(self):
        self.mails, self.encrypted, self.silent = [], [], False
        self.taken = threading.Event()

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(BytesParser(policy=email.policy.default).parsebytes(envelope.content))
        self.encrypted.append(session.ssl is not None)
        self.taken.set()
        if self.silent:
            await asyncio.sleep(3600)
        return "250 taken"


def fail(text):
    raise SystemExit(f"judges: FAILED: {text}")


def expect(condition, text):
    if not condition:
        fail(text)


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def certificate(folder):
    """An authority of its own, and the certificate that it gives to HOST."""
    authority, signs = folder / "authority.pem", folder / "authority.key"
    own, key, asked, wanted = (folder / name for name in ("own.pem", "own.key", "own.csr", "own.ext"))
    fresh = ["-newkey", "rsa:2048", "-nodes"]
    openssl("req", "-x509", *fresh, "-days", "2", "-keyout", signs, "-out", authority, "-subj", "/CN=authority of a judge")
    openssl("req", *fresh, "-keyout", key, "-out", asked, "-subj", "/CN=judge")
    wanted.write_text(f"subjectAltName=IP:{HOST}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", asked, "-CA", authority, "-CAkey", signs, "-CAcreateserial", "-days", "2", "-extfile", wanted, "-out", own)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own, key)
    return authority, context


class Server(Controller):
    """Looks once whether it answers, with TLS where it begins with that."""

    def _trigger_server(self):
        with socket.create_connection((HOST, self.port), 10) as line:
            if self.ssl_context:
                stranger = ssl.create_default_context()
                stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
                line = stranger.wrap_socket(line)
            line.recv(64)


@contextlib.contextmanager
def server(sink, **settings):
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    controller = Server(sink, hostname=HOST, port=port, ready_timeout=30, **settings)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


class Reports:
    """A folder with a config; each call is a process of its own."""

    def __init__(self, binary, folder, trusted):
        self.binary, self.folder, self.trusted = binary, folder, trusted

    def start(self, port, *arguments, scheme="smtp", trust=True):
        config = f'[report.mail]\nserver = "{scheme}://{HOST}:{port}"\nfrom = "bot@example.com"\nto = ["lead@example.com"]\n'
        (self.folder / "disputebot.toml").write_text(config)
        command = [self.binary, "report", "--week", WEEK, "--send", *arguments]
        environment = {"SSL_CERT_FILE": str(self.trusted)} if trust else {}
        return subprocess.Popen(command, cwd=self.folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, code, port, *arguments, **how):
        process = self.start(port, *arguments, **how)
        _, told = process.communicate(timeout=120)
        expect(process.returncode == code, f"expected exit code {code}, found {process.returncode}: {told}")
        return told


def look_into(mail):
    """Whether the mail is what mail programs show."""
    identifier = mail["Message-ID"]
    expect(identifier.startswith(f"<{WEEK}.") and identifier.endswith("@example.com>"), f"a message id: {identifier}")
    expect(mail["Auto-Submitted"] == "auto-generated", "nobody waits for an answer")
    expect(WEEK in mail["Subject"], f"a subject: {mail['Subject']}")
    kinds = [part.get_content_type() for part in mail.walk()]
    wanted = ["multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "text/html"]
    expect(kinds == wanted, f"parts: {kinds}")
    plain, shown, picture, page = [part for part in mail.walk() if not part.is_multipart()]
    expect("There was no run in this week" in plain.get_content(), "the words are there")
    expect("cid:flow" in shown.get_content() and picture["Content-ID"] == "<flow>", "the picture is found by its name")
    expect(picture.get_content().startswith(b"\x89PNG"), "the picture is one")
    expect(page.get_filename() == f"disputes-{WEEK}.html" and "<main>" in page.get_content(), "the page is attached")
    return identifier


def main(binary):
    # Failed handshakes are what is looked for.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        own, context = certificate(place)

        def reports(name):
            folder = place / name
            folder.mkdir()
            return Reports(binary, folder, own)

        # Without TLS, or with a certificate that nobody vouches for, nothing is sent.
        sink, judged = Sink(), reports("refused")
        with server(sink) as port:
            told = judged.send(6, port)
            expect("not sent to lead@example.com" in told, told)
        with server(sink, tls_context=context, require_starttls=True) as port:
            judged.send(6, port, trust=False)
            expect(sink.mails == [], "nothing may be sent without TLS or to a stranger")
            # What was refused was provably not sent, so it is sent now, and once.
            judged.send(0, port)
            judged.send(0, port)
        expect(len(sink.mails) == 1 and sink.encrypted == [True], f"one mail, encrypted: {sink.encrypted}")
        first = look_into(sink.mails[0])

        # A crash between send and record: the server has the mail, and nobody heard of it.
        sink, judged = Sink(), reports("crashed")
        with server(sink, tls_context=context, require_starttls=True) as port:
            sink.silent = True
            process = judged.start(port)
            expect(sink.taken.wait(60), "the mail arrives")
            process.send_signal(signal.SIGKILL)
            process.wait()
            sink.silent = False
            for _ in range(2):
                told = judged.send(6, port)
                expect("it is not known whether lead@example.com got it" in told, told)
            expect(len(sink.mails) == 1, f"one mail after a crash and two runs, found {len(sink.mails)}")
            judged.send(0, port, "--resend")
            judged.send(0, port)
        identifiers = {look_into(mail) for mail in sink.mails}
        expect(len(sink.mails) == 2 and identifiers == {first}, f"a person sent it again, as the same: {identifiers}")

        # TLS from the first byte.
        sink, judged = Sink(), reports("smtps")
        with server(sink, ssl_context=context) as port:
            judged.send(0, port, scheme="smtps")
        expect(len(sink.mails) == 1, "one mail over smtps")
    print("judges: mail: TLS is demanded, its certificate checked, one mail after a crash and two runs")


if __name__ == "__main__":
    main(sys.argv[1])
