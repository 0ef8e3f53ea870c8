//! Answers as they must not be.

use super::rule::{Fault, Permille};
use crate::wire::{self, Request};

/// Another digest than that of anything.
const OTHER_DIGEST: &str =
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// As Amazon S3 words it.
pub(super) fn address_ended(request: &Request) -> Vec<u8> {
    let body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    wire::answer(
        &request.asked,
        403,
        &[("content-type", "application/xml")],
        body,
    )
}

/// How much of an answer is sent; less than all of it where it is cut.
pub(super) fn end(answer: &[u8], fault: Option<Fault>) -> usize {
    let part = |at: Permille| (answer.len() - 1) * usize::from(at.min(1000)) / 1000;
    match fault {
        Some(Fault::Lost) => 0,
        Some(Fault::Cut(at) | Fault::Reset(at) | Fault::Stall(at)) => part(at),
        _ => answer.len(),
    }
}

/// Another body or header, if there is a body.
pub(super) fn damaged(answer: Vec<u8>, fault: Fault) -> Vec<u8> {
    let (head, body) = answer.split_at(wire::head_bytes(&answer));
    let head = String::from_utf8_lossy(head).into_owned();
    let mut body = body.to_vec();
    let mut lines: Vec<String> = head.trim_end().split("\r\n").map(str::to_owned).collect();
    let is = |line: &str, name: &str| line.to_ascii_lowercase().starts_with(name);
    match fault {
        Fault::WrongByte(at) if !body.is_empty() => {
            let place = (body.len() - 1) * usize::from(at.min(1000)) / 1000;
            body[place] ^= 0x10;
        }
        Fault::Short(by) => body.truncate(body.len().saturating_sub(by)),
        Fault::Long(by) => body.extend(vec![b' '; by]),
        Fault::WrongDigest => {
            lines.retain(|line| !is(line, "docker-content-digest:"));
            lines.push(format!("Docker-Content-Digest: {OTHER_DIGEST}"));
        }
        _ => {}
    }
    if !body.is_empty() {
        lines.retain(|line| !is(line, "content-length:"));
        lines.push(format!("Content-Length: {}", body.len()));
    }
    [format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes(), &body].concat()
}
