//! Counts the bytes between clients and a registry: everything on the wire, heads of requests and answers included.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result};
use serde::Serialize;

/// Bytes passed on at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// Bytes that went over the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Moved {
    /// From the registry to the client.
    pub(crate) down_bytes: u64,
    /// From the client to the registry.
    pub(crate) up_bytes: u64,
}

#[derive(Default)]
struct Counters {
    down: AtomicU64,
    up: AtomicU64,
}

/// A proxy in front of a host. It ends with this program.
pub(crate) struct Proxy {
    host: String,
    counters: Arc<Counters>,
}

impl Proxy {
    pub(crate) fn start(upstream: &str) -> Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
        let host = listener.local_addr()?.to_string();
        let counters = Arc::new(Counters::default());
        let (upstream, counted) = (upstream.to_owned(), Arc::clone(&counters));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, counted) = (upstream.clone(), Arc::clone(&counted));
                // A connection that breaks is seen by both ends; nothing is left to be said here.
                thread::spawn(move || serve(&client, &upstream, &counted));
            }
        });
        Ok(Proxy { host, counters })
    }

    /// 127.0.0.1 with its port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// What passed since the last time.
    pub(crate) fn take(&self) -> Moved {
        Moved {
            down_bytes: self.counters.down.swap(0, Ordering::Relaxed),
            up_bytes: self.counters.up.swap(0, Ordering::Relaxed),
        }
    }
}

fn serve(client: &TcpStream, upstream: &str, counters: &Counters) -> io::Result<()> {
    let server = TcpStream::connect(upstream)?;
    thread::scope(|scope| {
        scope.spawn(|| pass(client, &server, &counters.up));
        pass(&server, client, &counters.down)
    })
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, counter: &AtomicU64) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = from.read(&mut piece)?;
        if length == 0 {
            return to.shutdown(Shutdown::Write);
        }
        counter.fetch_add(length as u64, Ordering::Relaxed);
        to.write_all(&piece[..length])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_both_directions() {
        let server = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = server.local_addr().expect("it has an address").to_string();
        let answers = thread::spawn(move || {
            let (mut client, _) = server.accept().expect("the proxy connects");
            let mut asked = [0; 5];
            client.read_exact(&mut asked).expect("it asks");
            client.write_all(&[7; 1_000_000]).expect("it listens");
        });
        let proxy = Proxy::start(&address).expect("there is a free port");
        let mut client = TcpStream::connect(proxy.host()).expect("it listens");
        client.write_all(b"hello").expect("it listens");
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).expect("it answers");
        answers.join().expect("the server ends well");
        assert_eq!(answer.len(), 1_000_000);
        let (down_bytes, up_bytes) = (1_000_000, 5);
        assert_eq!(
            proxy.take(),
            Moved {
                down_bytes,
                up_bytes
            }
        );
        assert_eq!(proxy.take(), Moved::default());
    }
}
