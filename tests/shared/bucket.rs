//! A store that speaks as S3 does and as Google's does, and can break off.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
};

use percent_encoding::percent_decode_str;

/// The objects of a store, by name.
pub(crate) type Objects = BTreeMap<&'static str, Arc<[u8]>>;

/// A store of these objects, of which it sends no more than `most` bytes of the number that it promises, and the heads of
/// all requests. It speaks as S3 does and as Google's does, which list alike.
pub(crate) fn stand_in(
    objects: Vec<(&'static str, Vec<u8>)>,
    most: usize,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let objects = objects.into_iter().map(|(name, contents)| (name, contents.into()));
    changing(Arc::new(Mutex::new(objects.collect())), most)
}

/// As [`stand_in`], of objects that may change; the tag of one goes by its contents.
pub(crate) fn changing(objects: Arc<Mutex<Objects>>, most: usize) -> (String, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            if request.read_line(&mut first).unwrap_or(0) == 0 {
                continue;
            }
            let mut head = first.clone();
            while request.read_line(&mut head).unwrap_or(0) > 2 {}
            ear.lock().unwrap().push(head);
            // The reader may have gone.
            let objects = objects.lock().unwrap().clone();
            let (head, body) = answer(&objects, &first, most);
            let _ = stream.write_all(&head).and_then(|()| stream.write_all(body));
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read(&mut [0; 64]);
        }
    });
    (endpoint, heard)
}

/// A head with what is short, and what is long beside it.
fn answer<'o>(objects: &'o Objects, request: &str, most: usize) -> (Vec<u8>, &'o [u8]) {
    let mut words = request.split_whitespace();
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((&path[1..], ""));
    let key = percent_decode_str(key).decode_utf8_lossy();
    let tag = |contents: &[u8]| {
        let mut hash = DefaultHasher::new();
        contents.hash(&mut hash);
        format!("\"{:x}\"", hash.finish())
    };
    let own = tag(objects.get(&*key).map_or(&[], |contents| contents));
    let with = |status: &str, size: usize, body: &[u8]| {
        let more =
            format!("ETag: {own}\r\nLast-Modified: Sun, 01 Nov 2026 00:00:00 GMT\r\nConnection: close");
        let mut answer =
            format!("HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{more}\r\n\r\n").into_bytes();
        answer.extend(body);
        answer
    };
    let error = |status: &str, code: &str| {
        let body = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
        (with(status, body.len(), body.as_bytes()), &[][..])
    };
    if bucket == "locked" {
        return error("403 Forbidden", "AccessDenied");
    }
    if bucket == "gone" {
        return error("404 Not Found", "NoSuchBucket");
    }
    if query.contains("list-type") {
        let entries: String = objects
            .iter()
            .map(|(name, contents)| {
                format!(
                    "<Contents><Key>{name}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified>\
                     <Size>{}</Size><ETag>{}</ETag></Contents>",
                    contents.len(),
                    tag(contents)
                )
            })
            .collect();
        let listing =
            format!("<ListBucketResult>{entries}<IsTruncated>false</IsTruncated></ListBucketResult>");
        return (with("200 OK", listing.len(), listing.as_bytes()), &[]);
    }
    match objects.get(&*key) {
        None => error("404 Not Found", "NoSuchKey"),
        Some(contents) if method == "HEAD" => (with("200 OK", contents.len(), b""), &[]),
        Some(contents) => (with("200 OK", contents.len(), b""), &contents[..contents.len().min(most)]),
    }
}
