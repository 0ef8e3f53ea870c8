//! ECR's authorization tokens behind the registry client's trait.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_config::{Region, SdkConfig};
use soci_registry::{Credential, Credentials, CredentialsError, Freshness, Pending};
use tokio::sync::OnceCell;

use crate::api::Api;
use crate::error::EcrError;
use crate::host::RegistryHost;
use crate::http;
use crate::token::Slot;

/// Credentials for ECR's registries: a token from the API of the host's region, kept and renewed before it ends. Other hosts
/// are told nothing.
pub struct EcrCredentials {
    /// Set up when first needed: most registries are not ECR's, and looking for AWS credentials takes time.
    config: OnceCell<SdkConfig>,
    slots: Mutex<HashMap<Api, Arc<Slot>>>,
}

impl EcrCredentials {
    /// With the AWS credentials of the process: environment, profile, web identity, container, instance; in this order, as all
    /// of AWS's tools look.
    #[must_use]
    pub fn from_environment() -> EcrCredentials {
        EcrCredentials::new(OnceCell::new())
    }

    /// With a configuration of the caller's own, and our HTTP client unless it has one. Its region does not matter: the
    /// registry's name tells it.
    #[must_use]
    pub fn with_config(config: SdkConfig) -> EcrCredentials {
        let config = match config.http_client() {
            Some(_) => config,
            None => config.into_builder().http_client(http::client()).build(),
        };
        EcrCredentials::new(OnceCell::from(config))
    }

    fn new(config: OnceCell<SdkConfig>) -> EcrCredentials {
        EcrCredentials {
            config,
            slots: Mutex::default(),
        }
    }

    /// The configuration with which AWS's services are asked: whoever asks another one need not look for credentials again. `region`
    /// is that of the calls that get credentials.
    pub async fn aws_config(&self, region: &str) -> &SdkConfig {
        self.config.get_or_init(|| load(region)).await
    }

    /// The credential for one of ECR's registries.
    ///
    /// # Errors
    /// When no token can be had.
    pub async fn token(
        &self,
        host: &RegistryHost,
        freshness: Freshness,
    ) -> Result<Credential, EcrError> {
        let config = self.aws_config(host.region()).await;
        let api = Api::of(host, config);
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.entry(api.clone()).or_default().clone()
        };
        let fetch = || api.token(config);
        let secret = slot.get(freshness, SystemTime::now, fetch).await?;
        Ok(Credential::BasicToken(secret))
    }
}

/// A region of its own keeps the SDK from asking an instance for one; it serves the calls that get the credentials.
async fn load(region: &str) -> SdkConfig {
    let loader = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .http_client(http::client())
        .region(Region::new(region.to_owned()));
    loader.load().await
}

impl Credentials for EcrCredentials {
    fn get<'a>(
        &'a self,
        host: &'a str,
        freshness: Freshness,
    ) -> Pending<'a, Result<Credential, CredentialsError>> {
        Box::pin(async move {
            match RegistryHost::parse(host) {
                Some(host) => Ok(self.token(&host, freshness).await?),
                None => Ok(Credential::Anonymous),
            }
        })
    }
}

impl From<EcrError> for CredentialsError {
    fn from(error: EcrError) -> CredentialsError {
        CredentialsError::Source {
            kind: error.kind(),
            source: Box::new(error),
        }
    }
}

impl fmt::Debug for EcrCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcrCredentials").finish_non_exhaustive()
    }
}
