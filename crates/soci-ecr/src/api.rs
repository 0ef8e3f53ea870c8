//! `GetAuthorizationToken`: one request, no retries, because the registry client has the one place for these.
//!
//! The SDK logs what a service answers, so it is kept from logging here: the answer is the token.

use std::error::Error as StdError;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Region;
use aws_sdk_ecr::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use aws_sdk_ecr::operation::RequestId;
use aws_sdk_ecr::operation::get_authorization_token::{
    GetAuthorizationTokenError, GetAuthorizationTokenOutput,
};
use aws_types::service_config::ServiceConfigKey;
use soci_registry::{Kind, Secret};
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use crate::error::{EcrError, Fault, Refusal, kind_in, shown};
use crate::host::RegistryHost;
use crate::token::Token;

/// One question, credentials and answer included.
const QUESTION_TIME: Duration = Duration::from_secs(20);

type Failure = SdkError<GetAuthorizationTokenError>;

/// An API that gives tokens: they are the same for all registries of a region that the caller may use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Api {
    region: String,
    pub(crate) address: String,
}

impl Api {
    /// The API of this registry. One that the caller or the environment names (`AWS_ENDPOINT_URL_ECR`) takes its place, but
    /// not for hosts that may be anybody's: they would be sent a token that is not theirs.
    pub(crate) fn of(host: &RegistryHost, config: &SdkConfig) -> Api {
        let (fips, dual_stack) = (config.use_fips(), config.use_dual_stack());
        let named = named_address(config).filter(|_| host.is_known());
        let usual = || host.api(fips.unwrap_or(false), dual_stack.unwrap_or(false));
        Api {
            region: host.region().to_owned(),
            address: named.unwrap_or_else(usual),
        }
    }

    /// Asks for a token.
    pub(crate) async fn token(&self, config: &SdkConfig) -> Result<Token, EcrError> {
        tracing::debug!(api = self.address, "asking for an authorization token");
        let request = self.client(config).get_authorization_token().send();
        let answer = request.with_subscriber(NoSubscriber::new()).await;
        let result = answer
            .map_err(|error| fault(&error))
            .and_then(|answer| token(&answer));
        result.map_err(|fault| EcrError {
            api: self.address.clone(),
            fault,
        })
    }

    fn client(&self, config: &SdkConfig) -> Client {
        let mut times = TimeoutConfig::builder().operation_timeout(QUESTION_TIME);
        if let Some(given) = config.timeout_config() {
            times = given.to_builder();
            times.set_operation_timeout(given.operation_timeout().or(Some(QUESTION_TIME)));
        }
        // The flavours are in the address; the SDK refuses to see both.
        let config = aws_sdk_ecr::config::Builder::from(config)
            .region(Region::new(self.region.clone()))
            .endpoint_url(&self.address)
            .use_fips(false)
            .use_dual_stack(false)
            .retry_config(RetryConfig::disabled())
            .timeout_config(times.build());
        Client::from_conf(config.build())
    }
}

/// As the SDK looks for it: the caller's, then ECR's own in environment and profile, then that of all services.
fn named_address(config: &SdkConfig) -> Option<String> {
    let general = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return general;
    }
    let key = ServiceConfigKey::builder()
        .service_id("ECR")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = config.service_config().zip(key.ok());
    own.and_then(|(settings, key)| settings.load_config(key))
        .or(general)
}

fn token(answer: &GetAuthorizationTokenOutput) -> Result<Token, Fault> {
    let problem = |problem| Fault::Answer { problem };
    let data = answer.authorization_data().first();
    let data = data.ok_or(problem("the answer holds no authorization data"))?;
    let token = data.authorization_token().unwrap_or_default();
    // It becomes a header as it is. Its length is not fixed, says AWS.
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(problem("the answer holds no usable token"));
    }
    let ends_at = data.expires_at().copied();
    Ok(Token {
        secret: Secret::new(token),
        ends_at: ends_at.and_then(|end| end.try_into().ok()),
    })
}

fn fault(error: &Failure) -> Fault {
    if let Some(credentials) = find::<CredentialsError>(error) {
        return credentials_fault(credentials);
    }
    match error {
        SdkError::TimeoutError(_) => Fault::Time,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Fault::Time,
        SdkError::DispatchFailure(_) => connection_fault(error),
        SdkError::ResponseError(context) => match context.raw().status().as_u16() {
            200..=299 if find::<ConnectorError>(error).is_some() => connection_fault(error),
            200..=299 => Fault::Answer {
                problem: "the answer is none of Amazon ECR's API",
            },
            status => Fault::Refused(Refusal {
                status,
                code: None,
                message: None,
                request_id: error.request_id().map(shown),
            }),
        },
        SdkError::ServiceError(context) => {
            Fault::Refused(refusal(context.raw().status().as_u16(), error))
        }
        _ => Fault::Answer {
            problem: "the AWS SDK could not make the request",
        },
    }
}

fn refusal(status: u16, error: &Failure) -> Refusal {
    let about_rights = |code: &&str| matches!(*code, "AccessDenied" | "AccessDeniedException");
    let message = error.code().filter(about_rights).and(error.message());
    Refusal {
        status,
        code: error.code().map(shown),
        message: message.map(shown),
        request_id: error.request_id().map(shown),
    }
}

fn connection_fault(error: &Failure) -> Fault {
    let reason = chain(error).pop().unwrap_or_default();
    Fault::Connection {
        certificate: reason.contains("certificate"),
        reason: shown(&reason),
    }
}

fn credentials_fault(error: &CredentialsError) -> Fault {
    let texts = chain(error);
    let text = texts.join(": ");
    let kind = match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            let profile = std::env::var("AWS_PROFILE").ok();
            return Fault::NoCredentials {
                profile: profile.map(|name| shown(&name)),
            };
        }
        CredentialsError::ProviderTimedOut(_) => Kind::Transient,
        CredentialsError::InvalidConfiguration(_) => Kind::Configuration,
        _ if find::<ConnectorError>(error).is_some() => Kind::Transient,
        _ => kind_in(&text).unwrap_or(Kind::Denied),
    };
    // It is a program of the user's, and what it printed may be the key.
    let reason = match text.contains("external process") {
        true => "the profile's credential process failed".into(),
        false => shown(texts.get(1..).unwrap_or_default().join(": ").as_str()),
    };
    Fault::Credentials { kind, reason }
}

/// What an error and those behind it say, outermost first, without repetitions.
fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts
}

/// The first error of this type in the chain.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
