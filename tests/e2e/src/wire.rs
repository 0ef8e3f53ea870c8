//! As much of HTTP/1.1 as a proxy needs that has each request on a connection of its own: where heads end, and how long bodies are.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::proxy::Asked;

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

/// The first byte of a TLS greeting; RFC 8446, section 5.1.
const TLS_GREETING: u8 = 0x16;

/// A request with its body.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) asked: Asked,
    /// Names as they were written, and values.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The first request of a connection, its body still to come.
    pub(crate) async fn read_head(client: &mut TcpStream) -> io::Result<Request> {
        let mut head = Vec::new();
        while !head.ends_with(END) {
            head.push(client.read_u8().await?);
            if head == [TLS_GREETING] {
                // Refused as registries without TLS refuse it, not waited for to end like a request.
                client
                    .write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                    .await?;
                client.shutdown().await?;
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let (first, fields) = head.split_once("\r\n").unwrap_or_default();
        let mut words = first.split(' ').map(str::to_owned);
        let asked = Asked {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
        };
        let fields = fields.lines().filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Ok(Request {
            asked,
            fields: fields.collect(),
            body: Vec::new(),
        })
    }

    /// The rest of it.
    pub(crate) async fn read_body(&mut self, client: &mut TcpStream) -> io::Result<()> {
        let length = self.field("content-length");
        self.body = vec![0; length.and_then(|text| text.parse().ok()).unwrap_or(0)];
        client.read_exact(&mut self.body).await.map(drop)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// What the registry answers, whole. The `Host` header is passed on, so that upload addresses lead back through the proxy.
    pub(crate) async fn forward(&self, upstream: &str) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(upstream).await?;
        let Asked { method, path } = &self.asked;
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n").into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        server.write_all(&bytes).await?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

/// Bytes of an answer before its body.
pub(crate) fn head_bytes(answer: &[u8]) -> usize {
    let end = answer.windows(END.len()).position(|bytes| bytes == END);
    end.map_or(answer.len(), |at| at + END.len())
}

/// An answer in the registry's place. One to a HEAD has the length of a body and none.
pub(crate) fn answer(asked: &Asked, status: u16, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes =
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n");
    for (name, value) in fields {
        bytes += &format!("{name}: {value}\r\n");
    }
    bytes += "\r\n";
    let body = if asked.method == "HEAD" { &[] } else { body };
    [bytes.as_bytes(), body].concat()
}
