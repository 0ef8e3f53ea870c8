//! A token from the endpoint that a registry's challenge names.
//!
//! Docker's token authentication: GET with scope and, if there are any, Basic credentials; a refresh token is exchanged with
//! a POST instead, as OAuth2 has it.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde::Deserialize;

use super::confidential::Confidential;
use super::fault::ProtocolFault;
use super::session::Answer;
use crate::credentials::Credential;
use crate::error::{Action, Error, Request};
use crate::limits::TOKEN_BODY_BYTES;
use crate::secret::Secret;
use crate::transport::{Http, Outgoing, Url};

/// How long a token holds of which the endpoint says nothing; Docker's token specification, "expires_in".
const DEFAULT_LIFE: Duration = Duration::from_secs(60);

/// The client's name for the OAuth2 exchange, which wants one.
const CLIENT_ID: &str = "soci-index-builder";

/// A token and when to get another one.
pub(super) struct Token {
    pub(super) header: HeaderValue,
    pub(super) renew_at: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// Gets a token for this scope.
pub(super) async fn fetch(
    http: &Http,
    endpoint: &Url,
    service: Option<&str>,
    scope: &str,
    credential: &Credential,
) -> Result<Token, Error> {
    let parameters = [("service", service), ("scope", Some(scope))];
    let parameters = parameters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let answer = match credential {
        Credential::IdentityToken(token) => exchange(http, endpoint, parameters, token).await?,
        _ => ask(http, endpoint, parameters, credential).await?,
    };
    let mut answer = match answer.status.is_success() {
        true => answer,
        false => return Err(answer.refused().await),
    };
    let body = answer
        .whole_body(TOKEN_BODY_BYTES, "token endpoint's answer")
        .await?;
    let asked = Instant::now();
    let malformed = || {
        answer.fault(ProtocolFault::Json {
            what: "token endpoint's answer",
        })
    };
    let token: TokenAnswer = serde_json::from_slice(&body).map_err(|_| malformed())?;
    let life = token
        .expires_in
        .map_or(DEFAULT_LIFE, Duration::from_secs)
        .min(Duration::from_secs(86_400));
    let token = token
        .token
        .or(token.access_token)
        .filter(|text| !text.is_empty());
    let header = token
        .and_then(|token| header("Bearer", &token))
        .ok_or_else(malformed)?;
    // Renewed with a fifth of its life left, so that a request under way does not outlive it.
    Ok(Token {
        header,
        renew_at: asked + life * 4 / 5,
    })
}

async fn ask<'a>(
    http: &Http,
    endpoint: &Url,
    parameters: impl Iterator<Item = (&'a str, &'a str)>,
    credential: &Credential,
) -> Result<Answer, Error> {
    let url = parameters.fold(endpoint.clone(), |url, (name, value)| {
        url.with_parameter(name, value)
    });
    let mut headers =
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    let mut confidential = Confidential::Nothing;
    if let Some(value) = basic(credential) {
        confidential = Confidential::Header(value.clone());
        headers.insert(AUTHORIZATION, value);
    }
    let outgoing = Outgoing::Nothing;
    send(http, Method::GET, url, headers, outgoing, confidential).await
}

async fn exchange<'a>(
    http: &Http,
    endpoint: &Url,
    parameters: impl Iterator<Item = (&'a str, &'a str)>,
    token: &'a Secret,
) -> Result<Answer, Error> {
    let own = [
        ("grant_type", "refresh_token"),
        ("client_id", CLIENT_ID),
        ("refresh_token", token.expose()),
    ];
    let pairs = own.into_iter().chain(parameters);
    let pairs: Vec<_> = pairs
        .map(|(name, value)| format!("{name}={}", crate::transport::escaped(value)))
        .collect();
    let form = Bytes::from(pairs.join("&"));
    let headers = HeaderMap::from_iter([
        (
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        ),
        (CONTENT_LENGTH, HeaderValue::from(form.len())),
    ]);
    send(
        http,
        Method::POST,
        endpoint.clone(),
        headers,
        Outgoing::Whole(&form),
        Confidential::Token(token.clone()),
    )
    .await
}

async fn send(
    http: &Http,
    method: Method,
    url: Url,
    headers: HeaderMap,
    outgoing: Outgoing<'_>,
    confidential: Confidential,
) -> Result<Answer, Error> {
    let request = Request {
        action: Action::GetToken,
        url,
    };
    match http.send(method, &request.url, headers, outgoing).await {
        Ok(reply) => Ok(Answer::new(request, confidential, reply, false)),
        Err(failure) => Err(Error::Connection {
            request: Box::new(request),
            failure,
        }),
    }
}

/// The Basic header of a user and password, or of a token that is one already.
pub(super) fn basic(credential: &Credential) -> Option<HeaderValue> {
    match credential {
        Credential::Password { user, password } => header(
            "Basic",
            &STANDARD.encode(format!("{user}:{}", password.expose())),
        ),
        Credential::BasicToken(token) => header("Basic", token.expose()),
        Credential::Anonymous | Credential::IdentityToken(_) => None,
    }
}

/// `None` when the text has characters that no header may have.
fn header(scheme: &str, text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("{scheme} {text}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
