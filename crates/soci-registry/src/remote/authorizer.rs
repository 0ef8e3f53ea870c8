//! The Authorization header of a request: which one now, and which one after a 401.
//!
//! A registry says only when asked how it wants to be told who we are, so the first request goes without, unless the
//! credential is a ready-made Basic token: then it goes with it, and no challenge changes that. What was learnt is kept
//! for all later requests; tokens are kept per scope until they near their end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue};
use tokio::sync::Mutex;

use super::challenge::{self, Challenge};
use super::fault::ProtocolFault;
use super::token::{self, Token};
use crate::credentials::{Credential, Credentials, Freshness};
use crate::error::{Action, Error, Request};
use crate::reference::RepositoryName;
use crate::transport::{Http, Url};

/// What a request needs to be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Access {
    Pull,
    PullAndPush,
}

/// Knows the header for requests to one repository.
pub(super) struct Authorizer {
    http: Http,
    repository: RepositoryName,
    credentials: Arc<dyn Credentials>,
    /// Held while a token is fetched, so that parallel requests fetch one.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    credential: Option<Credential>,
    challenge: Option<Challenge>,
    tokens: HashMap<Access, Token>,
}

impl Authorizer {
    pub(super) fn new(
        http: Http,
        repository: RepositoryName,
        credentials: Arc<dyn Credentials>,
    ) -> Authorizer {
        Authorizer {
            http,
            repository,
            credentials,
            state: Mutex::default(),
        }
    }

    /// The header for a request, as far as it is known which one the registry wants.
    pub(super) async fn header(
        &self,
        origin: &Url,
        access: Access,
    ) -> Result<Option<HeaderValue>, Error> {
        let mut state = self.state.lock().await;
        self.current(&mut state, origin, access).await
    }

    /// The header for the same request once more, after the registry answered 401 to it with `refused`.
    pub(super) async fn after_refusal(
        &self,
        origin: &Url,
        access: Access,
        answer: &HeaderMap,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, Error> {
        let mut state = self.state.lock().await;
        if let Some(challenge) = challenge::best(answer) {
            state.challenge = Some(challenge);
        }
        let now = self.current(&mut state, origin, access).await?;
        // Learnt just now, or by another request meanwhile: worth a try before anything is renewed.
        if now.as_ref() != refused {
            return Ok(now);
        }
        state.tokens.remove(&access);
        let host = self.repository.host();
        state.credential = Some(self.credentials.get(host, Freshness::Renewed).await?);
        self.current(&mut state, origin, access).await
    }

    /// Whether a 403 may mean a token that has ended: Amazon ECR says so of its own.
    pub(super) async fn has_ready_made_token(&self) -> bool {
        matches!(
            self.state.lock().await.credential,
            Some(Credential::BasicToken(_))
        )
    }

    async fn current(
        &self,
        state: &mut State,
        origin: &Url,
        access: Access,
    ) -> Result<Option<HeaderValue>, Error> {
        let credential = match &state.credential {
            Some(known) => known.clone(),
            None => {
                let found = self
                    .credentials
                    .get(self.repository.host(), Freshness::Any)
                    .await?;
                state.credential.insert(found).clone()
            }
        };
        if let Credential::BasicToken(_) = credential {
            return Ok(token::basic(&credential));
        }
        match state.challenge.clone() {
            None => Ok(None),
            Some(Challenge::Basic) => Ok(token::basic(&credential)),
            Some(Challenge::Bearer { realm, service }) => {
                if let Some(token) = state
                    .tokens
                    .get(&access)
                    .filter(|token| Instant::now() < token.renew_at)
                {
                    return Ok(Some(token.header.clone()));
                }
                let endpoint = endpoint(&realm, origin)?;
                let scope = self.scope(access);
                let token = token::fetch(
                    &self.http,
                    &endpoint,
                    service.as_deref(),
                    &scope,
                    &credential,
                )
                .await?;
                let header = token.header.clone();
                state.tokens.insert(access, token);
                Ok(Some(header))
            }
        }
    }

    fn scope(&self, access: Access) -> String {
        let actions = match access {
            Access::Pull => "pull",
            Access::PullAndPush => "pull,push",
        };
        format!("repository:{}:{actions}", self.repository.path())
    }
}

/// Credentials go to it, so it is https, unless the registry itself is spoken to in the clear.
fn endpoint(realm: &str, origin: &Url) -> Result<Url, Error> {
    let endpoint = Url::parse(realm).filter(|url| url.is_https() || !origin.is_https());
    endpoint.ok_or_else(|| Error::Protocol {
        request: Box::new(Request {
            action: Action::GetToken,
            url: origin.clone(),
        }),
        fault: ProtocolFault::TokenEndpoint,
    })
}
