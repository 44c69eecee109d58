//! What a conversation in TDS runs over: a connection in the clear, or one that is encrypted as TDS 7.4 does it, with the
//! handshake in packets of its own and everything after it around the packets.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    path::PathBuf,
    sync::Arc,
};

use crate::certificate;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// A certificate, and how a server shows it.
#[derive(Clone)]
pub(crate) struct Secured {
    pub(super) config: Arc<ServerConfig>,
    /// The certificate, which is its own authority, in PEM.
    pub(crate) pem: Vec<u8>,
}

impl Secured {
    /// For 127.0.0.1. Version 1.2 alone, as servers of TDS 7.4: 1.3 goes on with the handshake after its end.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = certificate::make(folder.path());
        let pem = std::fs::read(&made.certificate).unwrap();
        let chain = vec![CertificateDer::from_pem_file(&made.certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(PathBuf::from(&made.key)).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self { config: Arc::new(config), pem }
    }
}

pub(super) enum Wire {
    Clear(TcpStream),
    Encrypted(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    /// Encrypts it; none where the other side does not trust us.
    pub(super) fn encrypted(self, secured: &Secured) -> Option<Self> {
        let Self::Clear(mut stream) = self else { return Some(self) };
        let mut connection = ServerConnection::new(Arc::clone(&secured.config)).unwrap();
        while connection.is_handshaking() {
            let (_, body) = super::receive(&mut stream)?;
            let mut rest = body.as_slice();
            while !rest.is_empty() {
                connection.read_tls(&mut rest).ok()?;
                let processed = connection.process_new_packets();
                tell(&mut connection, &mut stream)?;
                processed.ok()?;
            }
        }
        Some(Self::Encrypted(Box::new(StreamOwned::new(connection, stream))))
    }

    pub(super) fn end(&self) {
        let stream = match self {
            Self::Clear(stream) => stream,
            Self::Encrypted(both) => &both.sock,
        };
        // It may have ended already.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Sends what the handshake has to say as one packet.
fn tell(connection: &mut ServerConnection, stream: &mut TcpStream) -> Option<()> {
    let mut said = vec![0x12, 1, 0, 0, 0, 0, 0, 0];
    while connection.wants_write() {
        connection.write_tls(&mut said).ok()?;
    }
    let length = u16::try_from(said.len()).ok()?.to_be_bytes();
    said[2..4].copy_from_slice(&length);
    if said.len() > 8 { stream.write_all(&said).ok() } else { Some(()) }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(into),
            Self::Encrypted(both) => both.read(into),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.write(from),
            Self::Encrypted(both) => both.write(from),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.flush(),
            Self::Encrypted(both) => both.flush(),
        }
    }
}
