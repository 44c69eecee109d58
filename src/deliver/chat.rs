//! A chat by its webhook.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use super::Fate;
use crate::report::ChatForm;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A webhook. Its address is a secret: whoever knows it can write into the chat.
#[derive(Debug, Clone)]
pub struct Chat {
    /// What it understands.
    pub form: ChatForm,
    address: SecretString,
}

impl Chat {
    /// A webhook by its address: https, or http on this very machine.
    pub fn new(address: SecretString, form: ChatForm) -> Result<Self, String> {
        let url = Url::parse(address.expose_secret()).map_err(|_| "it is not an address".to_owned())?;
        let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match url.scheme() {
            "https" => Ok(Self { form, address }),
            "http" if local => Ok(Self { form, address }),
            _ => Err("it does not start with `https://`".to_owned()),
        }
    }

    /// Sends a message once.
    pub(super) async fn send(&self, message: &Value) -> Fate {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // Another place must not get what was meant for this one.
            .redirect(reqwest::redirect::Policy::none())
            .build();
        let client = match client {
            Ok(client) => client,
            Err(error) => return Fate::Refused(error.without_url().to_string()),
        };
        match client.post(self.address.expose_secret()).json(message).send().await {
            Ok(response) if response.status().is_success() => Fate::Sent,
            Ok(response) if response.status().is_server_error() => Fate::InDoubt,
            Ok(response) => Fate::Refused(format!("the chat answered {}", response.status())),
            Err(error) if error.is_connect() || error.is_builder() => {
                Fate::Refused(error.without_url().to_string())
            }
            Err(_) => Fate::InDoubt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_https_or_on_this_machine() {
        let new = |address: &str| Chat::new(SecretString::from(address), ChatForm::Slack).is_ok();
        assert!(new("https://hooks.example.com/x") && new("http://127.0.0.1:9/x"));
        assert!(!new("http://hooks.example.com/x") && !new("hooks"));
    }
}
