//! One request to a registry, with everything that belongs to it: http or https, credentials, redirects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::RegistryOptions;
use super::authorizer::{Access, Authorizer};
use super::confidential::Confidential;
use super::fault::ProtocolFault;
use super::refusal::Refusal;
use crate::credentials::Credentials;
use crate::error::{Action, Error, Request};
use crate::limits::{ERROR_BODY_BYTES, REDIRECTS};
use crate::reference::RepositoryName;
use crate::retry::RetryPolicy;
use crate::transport::{BodyReader, ConnectionFailure, Http, Outgoing, Reply, Url, is_loopback};

/// How long a registry on this machine may take to answer in TLS before it counts as one that speaks http.
const LOOPBACK_CONTACT: Duration = Duration::from_secs(3);

/// Docker's registry is named by one host and answers at another.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// A repository, and what was learnt on the way to it.
pub(super) struct Session {
    http: Http,
    repository: RepositoryName,
    authorizer: Authorizer,
    options: RegistryOptions,
    origin: OnceCell<Url>,
}

/// A request to be made.
pub(super) struct Call<'a> {
    pub(super) action: Action,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) access: Access,
    pub(super) headers: HeaderMap,
    pub(super) outgoing: Outgoing<'a>,
}

impl<'a> Call<'a> {
    pub(super) fn new(action: Action, method: Method, url: Url) -> Call<'a> {
        let headers = HeaderMap::new();
        Call {
            action,
            method,
            url,
            access: Access::Pull,
            headers,
            outgoing: Outgoing::Nothing,
        }
    }
}

impl Session {
    pub(super) fn new(
        http: Http,
        repository: RepositoryName,
        credentials: Arc<dyn Credentials>,
        options: RegistryOptions,
    ) -> Session {
        let authorizer = Authorizer::new(http.clone(), repository.clone(), credentials);
        Session {
            http,
            repository,
            authorizer,
            options,
            origin: OnceCell::new(),
        }
    }

    pub(super) fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    pub(super) fn retry(&self) -> &RetryPolicy {
        &self.options.retry
    }

    /// An address of this repository: what stands behind its name.
    pub(super) async fn url(&self, rest: &str) -> Result<Url, Error> {
        let origin = self.origin().await?;
        let path = format!("/v2/{}/{rest}", self.repository.path());
        // The grammar of names and digests leaves nothing that an address could not hold.
        Ok(origin.join(&path).unwrap_or_else(|| origin.clone()))
    }

    /// Sends a request. Answers that say no are for the caller to judge, except a 401, after which it is sent once more.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Answer, Error> {
        let origin = self.origin().await?;
        let mut header = self.authorizer.header(origin, call.access).await?;
        // One repetition to learn what the registry wants, one with a renewed credential.
        let mut renewed = false;
        loop {
            let mut answer = self.follow(call, origin, header.as_ref()).await?;
            if renewed || !self.is_about_credentials(&answer).await {
                return Ok(answer);
            }
            answer.body.beginning(ERROR_BODY_BYTES).await;
            let next = self.authorizer.after_refusal(
                origin,
                call.access,
                &answer.headers,
                header.as_ref(),
            );
            let next = next.await?;
            renewed = header.is_some() || next.is_none();
            header = next;
        }
    }

    async fn is_about_credentials(&self, answer: &Answer) -> bool {
        match answer.status {
            _ if answer.left_registry => false,
            StatusCode::UNAUTHORIZED => true,
            StatusCode::FORBIDDEN => self.authorizer.has_ready_made_token().await,
            _ => false,
        }
    }

    /// Sends a request and goes where it is sent. The header goes to the registry's own origin only, and once the way has
    /// left it, to nobody: whoever is over there could send us back with it.
    async fn follow(
        &self,
        call: &Call<'_>,
        origin: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Error> {
        let mut url = call.url.clone();
        let mut left_registry = false;
        for _ in 0..=REDIRECTS {
            left_registry |= !url.has_same_origin(origin);
            let mut headers = call.headers.clone();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            let mut confidential = Confidential::Nothing;
            if let Some(value) = authorization.filter(|_| !left_registry) {
                headers.insert(AUTHORIZATION, value.clone());
                confidential = Confidential::Header(value.clone());
            }
            let request = Request {
                action: call.action,
                url,
            };
            let sent = self
                .http
                .send(call.method.clone(), &request.url, headers, call.outgoing)
                .await;
            let mut answer = match sent {
                Ok(reply) => Answer::new(request, confidential, reply, left_registry),
                Err(failure) => {
                    return Err(Error::Connection {
                        request: Box::new(request),
                        failure,
                    });
                }
            };
            let safe = matches!(call.method, Method::GET | Method::HEAD);
            if !answer.status.is_redirection() || !safe {
                return Ok(answer);
            }
            url = self.next_address(&answer)?;
            // Read to its end, so that the connection can be used again.
            answer.body.beginning(ERROR_BODY_BYTES).await;
        }
        let request = Box::new(Request {
            action: call.action,
            url,
        });
        Err(Error::Protocol {
            request,
            fault: ProtocolFault::Redirects { limit: REDIRECTS },
        })
    }

    /// Where an answer sends us, by redirect or for an upload.
    pub(super) fn next_address(&self, answer: &Answer) -> Result<Url, Error> {
        let next = answer.location()?;
        // From https into the clear is a way out for whoever listens; from http everything is open already.
        match next.is_https() || !answer.request.url.is_https() || self.options.plain_http {
            true => Ok(next),
            false => Err(answer.fault(ProtocolFault::Downgrade)),
        }
    }

    /// Scheme, host and port of the registry, found out once.
    async fn origin(&self) -> Result<&Url, Error> {
        self.origin.get_or_try_init(|| self.find_origin()).await
    }

    async fn find_origin(&self) -> Result<Url, Error> {
        let name = self.repository.host();
        let host = if name == DOCKER_HUB.0 {
            DOCKER_HUB.1
        } else {
            name
        };
        let address = |scheme| Url::parse(&format!("{scheme}://{host}/"));
        let http = address("http").expect("a repository's host is one by its grammar");
        let https = address("https").expect("a repository's host is one by its grammar");
        if self.options.plain_http {
            return Ok(http);
        }
        if !is_loopback(host) {
            return Ok(https);
        }
        let headers = HeaderMap::new();
        let contact = self
            .http
            .send(Method::GET, &https, headers, Outgoing::Nothing);
        match timeout(LOOPBACK_CONTACT, contact).await {
            Ok(Ok(_)) => Ok(https),
            Ok(Err(failure)) if !failure.may_mean_plain_http() => {
                let request = Box::new(Request {
                    action: Action::Contact,
                    url: https,
                });
                Err(Error::Connection { request, failure })
            }
            _ => Ok(http),
        }
    }
}

/// The answer to a request.
pub(super) struct Answer {
    pub(super) request: Request,
    /// What the request carried that no message may repeat.
    confidential: Confidential,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: BodyReader,
    /// Whether it comes from another origin than the registry's.
    pub(super) left_registry: bool,
}

impl Answer {
    pub(super) fn new(
        request: Request,
        confidential: Confidential,
        reply: Reply,
        left_registry: bool,
    ) -> Answer {
        let Reply {
            status,
            headers,
            body,
        } = reply;
        Answer {
            request,
            confidential,
            status,
            headers,
            body,
            left_registry,
        }
    }

    /// The answer, if it has one of these statuses.
    pub(super) async fn expect(self, statuses: &[u16]) -> Result<Answer, Error> {
        match statuses.contains(&self.status.as_u16()) {
            true => Ok(self),
            false => Err(self.refused().await),
        }
    }

    /// The answer as an error, with what the server says to it.
    pub(super) async fn refused(mut self) -> Error {
        if !self.status.is_client_error() && !self.status.is_server_error() {
            return self.fault(ProtocolFault::Status {
                status: self.status.as_u16(),
            });
        }
        let body = self.body.beginning(ERROR_BODY_BYTES).await;
        let refusal = Refusal::new(
            self.request,
            self.status,
            &self.headers,
            &body,
            self.left_registry,
            &self.confidential,
        );
        Error::Refused(Box::new(refusal))
    }

    pub(super) async fn whole_body(
        &mut self,
        limit_bytes: usize,
        what: &'static str,
    ) -> Result<Bytes, Error> {
        match self.body.whole(limit_bytes).await {
            Ok(Some(whole)) => Ok(whole),
            Ok(None) => Err(Error::TooLarge {
                what,
                limit_bytes: limit_bytes as u64,
            }),
            Err(failure) => Err(self.broken(failure)),
        }
    }

    /// Where the answer points to.
    pub(super) fn location(&self) -> Result<Url, Error> {
        let text = self
            .headers
            .get(LOCATION)
            .and_then(|value| value.to_str().ok());
        let url = text.and_then(|text| self.request.url.join(text));
        url.ok_or_else(|| self.fault(ProtocolFault::Location))
    }

    /// A header's text.
    pub(super) fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn fault(&self, fault: ProtocolFault) -> Error {
        Error::Protocol {
            request: Box::new(self.request.clone()),
            fault,
        }
    }

    pub(super) fn broken(&self, failure: ConnectionFailure) -> Error {
        Error::Connection {
            request: Box::new(self.request.clone()),
            failure,
        }
    }
}
