//! Mail over SMTP, with TLS except to this very machine.

use std::time::Duration;

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, Header, HeaderName, HeaderValue},
    },
    transport::smtp::authentication::Credentials,
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::Fate;
use crate::report::Mail;

/// Longest time that one step of a server may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A mail server and who writes.
#[derive(Debug, Clone)]
pub struct Mailer {
    host: String,
    port: u16,
    tls: Tls,
    from: Address,
    credentials: Option<(String, SecretString)>,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte on (`smtps://`).
    FromStart,
    /// After `STARTTLS`, without which nothing is sent (`smtp://`).
    Demanded,
    /// None: the server is this machine.
    ThisMachine,
}

/// An address without a name, as `team@example.com`.
pub fn address(text: &str) -> Result<Address, String> {
    text.trim().parse().map_err(|_| "it is no mail address".to_owned())
}

impl Mailer {
    /// A server by its address: `smtps://host`, or `smtp://host` for `STARTTLS`.
    pub fn new(
        server: &str,
        from: Address,
        credentials: Option<(String, SecretString)>,
    ) -> Result<Self, String> {
        let url = Url::parse(server).map_err(|error| format!("it is not an address: {error}"))?;
        let host = url.host_str().ok_or("it names no server")?.to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "it holds credentials; use `report.mail.user` and `report.mail.password_file`".to_owned()
            );
        }
        let local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        let (tls, port) = match url.scheme() {
            "smtps" => (Tls::FromStart, 465),
            "smtp" if local => (Tls::ThisMachine, 25),
            "smtp" => (Tls::Demanded, 587),
            _ => return Err("it does not start with `smtps://` or `smtp://`".to_owned()),
        };
        let port = url.port().unwrap_or(port);
        Ok(Self { host, port, tls, from, credentials })
    }

    /// How connections are protected.
    pub fn tls(&self) -> Tls {
        self.tls
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let host = self.host.trim_matches(['[', ']']);
        let builder = match self.tls {
            Tls::FromStart => AsyncSmtpTransport::<Tokio1Executor>::relay(host),
            Tls::Demanded => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host),
            Tls::ThisMachine => Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)),
        };
        let mut builder = builder.map_err(|error| chain(&error))?.port(self.port).timeout(Some(TIMEOUT));
        if let Some((user, password)) = &self.credentials {
            builder =
                builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
        }
        Ok(builder.build())
    }

    /// Whether the server answers; nothing is sent.
    pub(super) async fn reach(&self) -> Result<(), String> {
        match self.transport()?.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the mail server does not answer".to_owned()),
            Err(error) => Err(chain(&error)),
        }
    }

    /// The message as it is sent.
    pub(super) fn message(&self, mail: &Mail, id: &str, to: &str) -> Result<Message, String> {
        let page = Attachment::new(mail.file_name.clone())
            .body(mail.page.as_str().to_owned(), ContentType::TEXT_HTML);
        let mut html = MultiPart::related().singlepart(SinglePart::html(mail.html.as_str().to_owned()));
        for picture in &mail.pictures {
            let kind = ContentType::parse("image/png").map_err(|error| chain(&error))?;
            let name = picture.name.to_owned();
            html = html.singlepart(Attachment::new_inline(name).body(picture.bytes.clone(), kind));
        }
        let body = MultiPart::alternative()
            .singlepart(SinglePart::plain(mail.text.as_str().to_owned()))
            .multipart(html);
        Message::builder()
            .from(Mailbox::new(Some("disputebot".to_owned()), self.from.clone()))
            .to(Mailbox::new(None, address(to)?))
            .subject(mail.subject.clone())
            .message_id(Some(format!("<{id}@{}>", self.from.domain())))
            .header(AutoSubmitted)
            .multipart(MultiPart::mixed().multipart(body).singlepart(page))
            .map_err(|error| chain(&error))
    }

    /// Sends a message once.
    pub(super) async fn send(&self, message: Message) -> Fate {
        let transport = match self.transport() {
            Ok(transport) => transport,
            Err(why) => return Fate::Refused(why),
        };
        match transport.send(message).await {
            Ok(_) => Fate::Sent,
            // The server answered, and said no.
            Err(error) if error.is_permanent() || error.is_transient() => Fate::Refused(chain(&error)),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the mail server did not say whether it took a mail");
                Fate::InDoubt
            }
        }
    }
}

/// Tells mail programs that nobody waits for an answer (RFC 3834).
#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// An error with all its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(server: &str) -> Result<Tls, String> {
        Mailer::new(server, address("bot@example.com").unwrap(), None).map(|mailer| mailer.tls())
    }

    #[test]
    fn only_this_machine_is_written_to_without_tls() {
        assert_eq!(tls("smtps://mail.example.com"), Ok(Tls::FromStart));
        assert_eq!(tls("smtp://mail.example.com:2525"), Ok(Tls::Demanded));
        assert_eq!(tls("smtp://127.0.0.1:2525"), Ok(Tls::ThisMachine));
        assert_eq!(tls("smtp://127.0.0.1.example.com"), Ok(Tls::Demanded));
        for wrong in ["mail.example.com", "http://mail.example.com", "smtp://a:b@mail.example.com"] {
            assert!(tls(wrong).is_err(), "{wrong}");
        }
    }
}
