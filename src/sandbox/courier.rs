//! Carries deliveries of webhooks over HTTP: signed, with a limit on time, and again where Jira tries again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::dialect::Flavour;
use super::server::Shared;
use super::webhook::{Delivered, Delivery};

/// How long Jira waits for a connection and for an answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Lets deliveries go by themselves while that is wished, until the sandbox stops.
pub(crate) async fn work(shared: Arc<Shared>) {
    loop {
        let (next, flows) = shared.step(|world| (world.hooks.next_moment(), world.hooks.flows()));
        let wait = match next {
            Some(moment) if flows => moment.saturating_duration_since(Instant::now()),
            _ => Duration::MAX,
        };
        tokio::select! {
            () = shared.stopping().cancelled() => return,
            () = shared.posted().notified() => continue,
            () = tokio::time::sleep(wait) => {}
        }
        while let Some(delivery) = shared.step(|world| world.hooks.take(Some(Instant::now()))) {
            tokio::select! {
                () = shared.stopping().cancelled() => return,
                _ = deliver(&shared, delivery) => {}
            }
        }
    }
}

/// Makes one attempt, and puts the delivery back if Jira would try again.
pub(crate) async fn deliver(shared: &Shared, delivery: Delivery) -> Delivered {
    let (request, url, flavour) = shared.step(|world| {
        let flavour = world.site.flavour;
        match world.hooks.hook(delivery.hook) {
            Some(hook) => (
                request(&delivery, &hook.url, hook.secret.as_deref(), flavour),
                Some(hook.url.clone()),
                flavour,
            ),
            None => (String::new(), None, flavour),
        }
    });
    let status = match url {
        Some(url) => timeout(CONNECT_LIMIT + ANSWER_LIMIT, send(&url, &request)).await.ok().flatten(),
        None => None,
    };
    let Delivery { identifier, event, attempt, is_forged, .. } = delivery.clone();
    if status.is_none_or(|status| matches!(status, 408 | 409 | 425 | 429 | 500..)) {
        shared.step(|world| world.hooks.retry(delivery, flavour));
    }
    Delivered { identifier, event, attempt, is_forged, status }
}

fn request(delivery: &Delivery, url: &Url, secret: Option<&str>, flavour: Flavour) -> String {
    let Delivery { identifier, body, attempt, is_forged, is_late, .. } = delivery;
    let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let mut head = format!(
        "POST {}{query} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\
         Content-Type: application/json; charset=UTF-8\r\nContent-Length: {}\r\n\
         User-Agent: Atlassian HttpClient (sandbox)\r\nX-Atlassian-Webhook-Identifier: {identifier}\r\n",
        url.path(),
        body.len(),
    );
    if flavour == Flavour::Cloud {
        let flow = if *is_late { "Secondary" } else { "Primary" };
        head.push_str(&format!("X-Atlassian-Webhook-Flow: {flow}\r\n"));
    }
    if *attempt > 1 {
        head.push_str(&format!("X-Atlassian-Webhook-Retry: {}\r\n", attempt - 1));
    }
    if let Some(secret) = secret {
        let secret = if *is_forged { "a guess" } else { secret };
        let signature = hmac(secret.as_bytes(), body.as_bytes());
        head.push_str(&format!("X-Hub-Signature: sha256={signature}\r\n"));
    }
    format!("{head}\r\n{body}")
}

/// The status of the answer; `None` if none came.
async fn send(url: &Url, request: &str) -> Option<u16> {
    let address = url.socket_addrs(|| None).ok()?;
    let mut stream = timeout(CONNECT_LIMIT, TcpStream::connect(address.as_slice())).await.ok()?.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    // `HTTP/1.1 200` is all that counts.
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.ok()?;
    let status = std::str::from_utf8(&start).ok()?.split(' ').nth(1)?.parse().ok()?;
    // Read to the end, so that the receiver is not cut off in the middle of its answer.
    let mut rest = Vec::new();
    let _answer_is_of_no_interest = stream.take(1 << 16).read_to_end(&mut rest).await;
    Some(status)
}

/// HMAC with SHA-256 as hexadecimal digits (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> String {
    const BLOCK: usize = 64;
    let mut padded = [0_u8; BLOCK];
    if key.len() > BLOCK {
        padded[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        padded[..key.len()].copy_from_slice(key);
    }
    let keyed = |pad: u8, message: &[u8]| {
        let mut hash = Sha256::new();
        hash.update(padded.map(|byte| byte ^ pad));
        hash.update(message);
        hash.finalize()
    };
    let digest = keyed(0x5c, &keyed(0x36, message));
    hex::encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_vendors_example() {
        assert_eq!(
            hmac(b"It's a Secret to Everybody", b"Hello World!"),
            "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
        );
        // RFC 4231, test case 6: a key longer than a block.
        assert_eq!(
            hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
