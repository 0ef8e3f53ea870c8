//! The proxy that makes things go wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use soci_registry::{Anonymous, Http, RegistryOptions, RetryPolicy, Store};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::answer::{address_ended, damaged, end};
use super::ask::Ask;
use super::rule::{Fault, Rule, When};
use crate::registry::store_at;
use crate::wire::{self, Request};

/// A stalled connection is held longer than any test has patience.
const STALL: Duration = Duration::from_secs(600);

/// Pieces of a trickle, and the pause between them.
const TRICKLE: (usize, Duration) = (24, Duration::from_millis(8));

/// The pause after each byte of a drip.
const DRIP: Duration = Duration::from_millis(150);

/// What the proxy adds to a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setup {
    /// It wants bearer tokens.
    pub tokens: bool,
    /// It redirects to another host for blobs, with an address that holds once.
    pub redirects: bool,
}

/// A request that came, challenges for a token excepted.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its kind.
    pub ask: Ask,
    /// Tag or digest that it is about.
    pub about: String,
    /// First byte that it asks for.
    pub first_byte: u64,
    /// Bytes of the answer's body that were sent.
    pub sent_bytes: u64,
    /// What went wrong with it.
    pub fault: Option<Fault>,
}

/// The proxy. Everything of it ends with it.
pub struct FaultProxy {
    host: String,
    shared: Arc<Shared>,
    servers: [JoinHandle<()>; 2],
}

struct Shared {
    upstream: String,
    host: String,
    host_of_blobs: String,
    setup: Setup,
    layers: BTreeSet<String>,
    rules: Vec<Rule>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    /// Tokens of earlier generations have ended.
    generation: u32,
    /// Addresses at the host of blobs that have not been used, and what they lead to.
    addresses: BTreeMap<String, String>,
    issued: u32,
    violations: Vec<String>,
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

impl FaultProxy {
    /// In front of a registry, whose layers have these digests.
    pub async fn start(
        upstream: &str,
        setup: Setup,
        layers: BTreeSet<String>,
        rules: Vec<Rule>,
    ) -> FaultProxy {
        let (front, host) = listener().await;
        let (back, host_of_blobs) = listener().await;
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            host: host.clone(),
            host_of_blobs,
            setup,
            layers,
            rules,
            state: Mutex::default(),
        });
        let servers = [(front, false), (back, true)];
        let servers = servers.map(|(listener, at_host)| {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    let shared = Arc::clone(&shared);
                    // A client that goes away is none of a proxy's failures.
                    tokio::spawn(async move { shared.serve(client, at_host).await });
                }
            })
        });
        FaultProxy {
            host,
            shared,
            servers,
        }
    }

    /// 127.0.0.1 with its port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A repository behind the proxy.
    #[must_use]
    pub fn store(&self, http: &Http, repository: &str, retry: RetryPolicy) -> Arc<dyn Store> {
        let options = RegistryOptions {
            plain_http: true,
            retry,
        };
        store_at(http, &self.host, repository, Anonymous, options)
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// What a client did that no client may do.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.state().violations.clone()
    }
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("there is a free port");
    let host = listener.local_addr().expect("it has an address");
    (listener, host.to_string())
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics here")
    }

    async fn serve(&self, mut client: TcpStream, at_host: bool) -> io::Result<()> {
        let mut request = Request::read_head(&mut client).await?;
        if at_host && !self.resolve_address(&mut request) {
            return respond(&mut client, &address_ended(&request)).await;
        }
        let (ask, about) = Ask::of(&request.asked, &self.layers, at_host);
        if !at_host && ask != Ask::Token && !self.lets_in(&request) {
            request.read_body(&mut client).await?;
            return respond(&mut client, &self.challenge(&request)).await;
        }
        let (number, fault) = self.meet(ask, about, &request);
        if fault == Some(Fault::Refused) {
            return client.set_zero_linger();
        }
        request.read_body(&mut client).await?;
        let answer = match fault {
            Some(Fault::HungUp) => return Ok(()),
            Some(Fault::Deaf) => {
                tokio::time::sleep(STALL).await;
                return Ok(());
            }
            Some(fault) => self.disturbed(&request, ask, fault).await?,
            None => self.answer(&request, ask).await?,
        };
        let (end, head) = (end(&answer, fault), wire::head_bytes(&answer));
        self.state().seen[number].sent_bytes = end.saturating_sub(head) as u64;
        send(client, &answer[..end], fault).await
    }

    /// Notes a request, and tells what is to go wrong with it.
    fn meet(&self, ask: Ask, about: String, request: &Request) -> (usize, Option<Fault>) {
        let mut state = self.state();
        let applies = |rule: &&Rule| {
            let is_meant = |ask: Ask, about: &str| {
                rule.ask == ask && rule.about.as_deref().is_none_or(|meant| meant == about)
            };
            let earlier = || {
                state
                    .seen
                    .iter()
                    .filter(|seen| is_meant(seen.ask, &seen.about))
            };
            is_meant(ask, &about)
                && match rule.when {
                    When::Always => true,
                    When::Nth(nth) => earlier().count() == nth,
                }
        };
        let fault = self.rules.iter().find(applies).map(|rule| rule.fault);
        let first_byte = request.field("range").and_then(|text| {
            let (first, _) = text.strip_prefix("bytes=")?.split_once('-')?;
            first.parse().ok()
        });
        if fault == Some(Fault::TokenEnded) {
            state.generation += 1;
        }
        state.seen.push(Seen {
            ask,
            about,
            first_byte: first_byte.unwrap_or(0),
            sent_bytes: 0,
            fault,
        });
        (state.seen.len() - 1, fault)
    }

    /// The answer when all is well.
    async fn answer(&self, request: &Request, ask: Ask) -> io::Result<Vec<u8>> {
        match ask {
            Ask::Token => {
                let generation = self.state().generation;
                let token = format!(r#"{{"token":"generation-{generation}","expires_in":300}}"#);
                let fields = [("content-type", "application/json")];
                Ok(wire::answer(&request.asked, 200, &fields, token.as_bytes()))
            }
            Ask::ReadLayer | Ask::ReadConfig if self.setup.redirects => {
                let location = self.new_address(&request.asked.path);
                Ok(wire::answer(
                    &request.asked,
                    307,
                    &[("location", &location)],
                    b"over there",
                ))
            }
            _ => {
                let mut request = request.clone();
                request
                    .fields
                    .retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
                request.forward(&self.upstream).await
            }
        }
    }

    /// The answer with something wrong in it.
    async fn disturbed(&self, request: &Request, ask: Ask, fault: Fault) -> io::Result<Vec<u8>> {
        let refusal = |status, code, fields: &[(&str, &str)]| {
            let body = format!(r#"{{"errors":[{{"code":"{code}","message":"it is so"}}]}}"#);
            wire::answer(&request.asked, status, fields, body.as_bytes())
        };
        match fault {
            Fault::Status(status, code) => Ok(refusal(status, code, &[])),
            Fault::Throttled(seconds) => {
                let seconds = seconds.to_string();
                Ok(refusal(
                    429,
                    "TOOMANYREQUESTS",
                    &[("retry-after", &seconds)],
                ))
            }
            Fault::TokenEnded => Ok(self.challenge(request)),
            Fault::AddressEnded => Ok(address_ended(request)),
            Fault::StoredBut(status) => {
                self.answer(request, ask).await?;
                Ok(refusal(status, "UNKNOWN", &[]))
            }
            _ if fault.damages() => Ok(damaged(self.answer(request, ask).await?, fault)),
            _ => self.answer(request, ask).await,
        }
    }

    fn lets_in(&self, request: &Request) -> bool {
        let token = format!("Bearer generation-{}", self.state().generation);
        !self.setup.tokens || request.field("authorization") == Some(&token)
    }

    fn challenge(&self, request: &Request) -> Vec<u8> {
        let realm = format!("http://{}{}", self.host, Ask::TOKEN_PATH);
        let challenge =
            format!(r#"Bearer realm="{realm}",service="r",scope="repository:app:pull""#);
        let fields = match self.setup.tokens {
            true => vec![("www-authenticate", challenge.as_str())],
            false => vec![],
        };
        let body = br#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
        wire::answer(&request.asked, 401, &fields, body)
    }

    /// An address that holds for one request.
    fn new_address(&self, path: &str) -> String {
        let mut state = self.state();
        state.issued += 1;
        let address = format!("/b/{}?signature=secret", state.issued);
        state.addresses.insert(address.clone(), path.to_owned());
        format!("http://{}{address}", self.host_of_blobs)
    }

    /// Puts what an address leads to in its place.
    fn resolve_address(&self, request: &mut Request) -> bool {
        let mut state = self.state();
        if request.field("authorization").is_some() {
            state
                .violations
                .push("the host of blobs was sent an Authorization header".to_owned());
        }
        match state.addresses.remove(&request.asked.path) {
            Some(path) => {
                request.asked.path = path;
                true
            }
            None => {
                state
                    .violations
                    .push("an address was used twice".to_owned());
                false
            }
        }
    }
}

async fn send(mut client: TcpStream, answer: &[u8], fault: Option<Fault>) -> io::Result<()> {
    client.set_nodelay(true)?;
    match fault {
        Some(Fault::Trickle) => {
            for piece in answer.chunks(answer.len().div_ceil(TRICKLE.0)) {
                client.write_all(piece).await?;
                tokio::time::sleep(TRICKLE.1).await;
            }
        }
        Some(Fault::Drip) => {
            // Whoever waits for a head looks at the clock; a body that never ends is another matter.
            let head = wire::head_bytes(answer);
            let is_content = answer.starts_with(b"HTTP/1.1 200") && head < answer.len();
            let at_once = if is_content { head } else { 0 };
            client.write_all(&answer[..at_once]).await?;
            for piece in answer[at_once..].chunks(1) {
                client.write_all(piece).await?;
                tokio::time::sleep(DRIP).await;
            }
        }
        _ => client.write_all(answer).await?,
    }
    match fault {
        Some(Fault::Stall(_)) => tokio::time::sleep(STALL).await,
        Some(Fault::Reset(_)) => return client.set_zero_linger(),
        _ => {}
    }
    client.shutdown().await
}

async fn respond(client: &mut TcpStream, answer: &[u8]) -> io::Result<()> {
    client.write_all(answer).await?;
    client.shutdown().await
}
