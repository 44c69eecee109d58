//! A connection in between that breaks off.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

/// Passes everything on to `port` of this machine, and cuts after so many bytes from there. Gives its own port.
pub(crate) fn after(bytes: usize, port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
        let (mut from_server, mut to_client) = (server, client);
        let mut left = bytes;
        let mut buffer = [0; 4096];
        while left > 0 {
            let read = from_server.read(&mut buffer).unwrap_or(0).min(left);
            if read == 0 || to_client.write_all(&buffer[..read]).is_err() {
                break;
            }
            left -= read;
        }
        let _ = to_client.shutdown(Shutdown::Both);
        let _ = from_server.shutdown(Shutdown::Both);
    });
    own
}
