//! Two calls to AWS that are none of ECR's: reading a parameter, putting an event.
//!
//! Each is one small JSON document there and one back, signed by AWS's own `aws-sigv4`. The SDK's crates for the two services are four
//! times the rest of the SDK together; `docs/decisions/function-aws-calls.md` has the figures.

use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_types::SdkConfig;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use serde_json::Value;
use soci_registry::{Http, Url};

use crate::payload::shown;

/// Bytes of an answer. An advanced parameter has 8 KB.
const ANSWER_BYTES: usize = 256 << 10;

/// Tries, the first included; the SDK's default.
const TRIES: u32 = 3;

/// Before the second try; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// One try, credentials included.
const TRY_TIME: Duration = Duration::from_secs(10);

/// In the codes with which AWS's services ask for patience; they come with the status 400.
const THROTTLED: &[&str] = &["Throttl", "TooManyRequests", "RequestLimitExceeded"];

/// In the codes of requests that the role may not make, or not with these credentials.
const DENIED: &[&str] = &[
    "AccessDenied",
    "ExpiredToken",
    "InvalidSignature",
    "UnrecognizedClient",
];

/// A service and the one thing that is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// AWS Systems Manager, `GetParameter`.
    Parameters,
    /// Amazon EventBridge, `PutEvents`.
    Events,
}

impl Service {
    /// As it stands in hosts and signatures.
    fn name(self) -> &'static str {
        match self {
            Service::Parameters => "ssm",
            Service::Events => "events",
        }
    }

    fn target(self) -> &'static str {
        match self {
            Service::Parameters => "AmazonSSM.GetParameter",
            Service::Events => "AWSEvents.PutEvents",
        }
    }

    /// Where the SDKs look for another address.
    fn address_variable(self) -> &'static str {
        match self {
            Service::Parameters => "AWS_ENDPOINT_URL_SSM",
            Service::Events => "AWS_ENDPOINT_URL_EVENTBRIDGE",
        }
    }
}

/// AWS, as the function's role in its Region.
pub(crate) struct Aws<'a> {
    pub(crate) http: &'a Http,
    pub(crate) config: &'a SdkConfig,
    pub(crate) region: &'a str,
    pub(crate) dns_suffix: &'a str,
}

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AwsError {
    #[error("no AWS credentials: {0}")]
    Credentials(String),
    #[error("{0}")]
    Connection(#[from] soci_registry::ConnectionFailure),
    #[error("{target} answers {status} {code}: {message}")]
    Refused {
        target: &'static str,
        status: StatusCode,
        code: String,
        message: String,
    },
    #[error("no answer in the time there was")]
    Time,
    #[error("{0}")]
    Unusable(&'static str),
}

impl AwsError {
    /// The failure's kind in the closed list.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            AwsError::Credentials(_) => "denied",
            AwsError::Connection(_) | AwsError::Time => "transient",
            AwsError::Unusable(_) => "configuration",
            AwsError::Refused { status, code, .. } => {
                let says = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
                let is_denied = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(status);
                if says(THROTTLED) || *status == StatusCode::TOO_MANY_REQUESTS {
                    "throttled"
                } else if status.is_server_error() {
                    "transient"
                } else if says(&["NotFound"]) {
                    "not-found"
                } else if says(DENIED) || is_denied {
                    "denied"
                } else {
                    "configuration"
                }
            }
        }
    }

    fn is_transient(&self) -> bool {
        matches!(self.kind(), "transient" | "throttled")
    }
}

impl Aws<'_> {
    /// Asks, and asks again while that may help and there is time.
    pub(crate) async fn call(
        &self,
        service: Service,
        question: &Value,
        until: Instant,
    ) -> Result<Value, AwsError> {
        let document = Bytes::from(question.to_string());
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            let end = until.min(Instant::now() + TRY_TIME);
            let once = tokio::time::timeout_at(end.into(), self.once(service, &document));
            match once.await.unwrap_or(Err(AwsError::Time)) {
                Err(error)
                    if error.is_transient() && tries < TRIES && Instant::now() + wait < until =>
                {
                    tracing::debug!(%error, service = service.name(), "trying again");
                }
                result => return result,
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            tries += 1;
        }
    }

    async fn once(&self, service: Service, document: &Bytes) -> Result<Value, AwsError> {
        let url = self.address(service)?;
        let headers = self.signed(service, &url, document).await?;
        let answer = self
            .http
            .exchange(Method::POST, &url, headers, document, ANSWER_BYTES);
        let (status, body) = answer.await?;
        let body = body.ok_or(AwsError::Unusable("the answer is too long"))?;
        let read: Option<Value> = serde_json::from_slice(&body).ok();
        if !status.is_success() {
            return Err(refused(service, status, &read.unwrap_or_default()));
        }
        read.ok_or(AwsError::Unusable("the answer is no JSON"))
    }

    fn address(&self, service: Service) -> Result<Url, AwsError> {
        let named = [service.address_variable(), "AWS_ENDPOINT_URL"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()));
        let usual = || {
            format!(
                "https://{}.{}.{}/",
                service.name(),
                self.region,
                self.dns_suffix
            )
        };
        Url::parse(&named.unwrap_or_else(usual))
            .ok_or(AwsError::Unusable("AWS_ENDPOINT_URL is no address"))
    }

    /// The request's headers, signature included.
    async fn signed(
        &self,
        service: Service,
        url: &Url,
        document: &Bytes,
    ) -> Result<HeaderMap, AwsError> {
        let provider = self.config.credentials_provider();
        let provider =
            provider.ok_or_else(|| AwsError::Credentials("there are none".to_owned()))?;
        let credentials = provider.provide_credentials().await;
        let identity: Identity = credentials
            .map_err(|error| AwsError::Credentials(error.to_string()))?
            .into();
        let unusable = AwsError::Unusable("the request cannot be signed");
        let Ok(params) = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(service.name())
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
        else {
            return Err(unusable);
        };
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        for (name, value) in [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", service.target()),
        ] {
            let (name, value) = (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
            request.headers_mut().insert(name, value);
        }
        let names: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    value.to_str().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        let headers = names
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let address = url.to_string();
        let body = SignableBody::Bytes(document);
        let Ok(signable) = SignableRequest::new("POST", &address, headers, body) else {
            return Err(unusable);
        };
        let Ok(signed) = sign(signable, &params.into()) else {
            return Err(unusable);
        };
        let (instructions, _) = signed.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(std::mem::take(request.headers_mut()))
    }
}

fn refused(service: Service, status: StatusCode, answer: &Value) -> AwsError {
    let text = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| answer[*name].as_str());
        found.unwrap_or_default().to_owned()
    };
    let code = text(["__type", "code"]);
    let code = code.rsplit('#').next().unwrap_or_default();
    let message = text(["message", "Message"]);
    // An answer about a wrong signature quotes the request, session token included.
    let about_rights = code.contains("AccessDenied") || code.contains("NotFound");
    AwsError::Refused {
        target: service.target(),
        status,
        code: shown(code),
        message: if about_rights {
            shown(&message)
        } else {
            "not shown".to_owned()
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered(status: u16, answer: &Value) -> AwsError {
        let status = StatusCode::from_u16(status).expect("a status");
        refused(Service::Parameters, status, answer)
    }

    #[test]
    fn refusals_have_the_kind_that_tells_whether_to_try_again() {
        for (status, code, kind) in [
            (400, "ThrottlingException", "throttled"),
            (
                400,
                "com.amazonaws.ssm#TooManyRequestsException",
                "throttled",
            ),
            (429, "", "throttled"),
            (500, "InternalServerError", "transient"),
            (503, "", "transient"),
            (400, "ParameterNotFound", "not-found"),
            (400, "AccessDeniedException", "denied"),
            (400, "ExpiredTokenException", "denied"),
            (403, "", "denied"),
            (400, "ValidationException", "configuration"),
        ] {
            let error = answered(status, &json!({"__type": code}));
            assert_eq!(error.kind(), kind, "{error}");
            let for_now = ["throttled", "transient"].contains(&kind);
            assert_eq!(error.is_transient(), for_now, "{error}");
        }
        assert!(AwsError::Time.is_transient());
    }

    /// An answer about a wrong signature quotes the request with its token.
    #[test]
    fn only_what_holds_no_secret_is_passed_on() {
        let quoting = json!({"__type": "InvalidSignatureException", "message": "x-amz-security-token:Session"});
        assert!(!answered(403, &quoting).to_string().contains("Session"));
        let about_rights =
            json!({"__type": "AccessDeniedException", "Message": "role may not ssm:GetParameter"});
        let told = answered(400, &about_rights).to_string();
        assert!(told.contains("may not ssm:GetParameter"), "{told}");
    }
}
