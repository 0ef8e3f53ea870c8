//! ECR's registries and all others, with one source of credentials for each.

use soci_registry::{Credential, Credentials, CredentialsError, Freshness, Pending};

use crate::credentials::EcrCredentials;
use crate::host::RegistryHost;

/// Tokens for ECR's registries, another source (Docker's configuration, say) for all others.
///
/// The other source also helps out where it may know better: first for hosts that look like ECR's under a domain that is not
/// known to be Amazon's, and last where AWS gives no token, as on a machine with a `docker login` and no AWS credentials.
#[derive(Debug)]
pub struct EcrOr<F> {
    ecr: EcrCredentials,
    fallback: F,
}

impl<F: Credentials> EcrOr<F> {
    /// Joins the two.
    pub fn new(ecr: EcrCredentials, fallback: F) -> EcrOr<F> {
        EcrOr { ecr, fallback }
    }

    async fn look_up(
        &self,
        host: &str,
        freshness: Freshness,
    ) -> Result<Credential, CredentialsError> {
        let Some(ecr) = RegistryHost::parse(host) else {
            return self.fallback.get(host, freshness).await;
        };
        if !ecr.is_known() {
            let found = self.fallback.get(host, freshness).await;
            if !matches!(found, Ok(Credential::Anonymous)) {
                return found;
            }
        }
        match self.ecr.token(&ecr, freshness).await {
            Err(error) if ecr.is_known() && !error.is_transient() => {
                match self.fallback.get(host, freshness).await {
                    Ok(Credential::Anonymous) | Err(_) => Err(error.into()),
                    found => found,
                }
            }
            result => Ok(result?),
        }
    }
}

impl<F: Credentials> Credentials for EcrOr<F> {
    fn get<'a>(
        &'a self,
        host: &'a str,
        freshness: Freshness,
    ) -> Pending<'a, Result<Credential, CredentialsError>> {
        Box::pin(self.look_up(host, freshness))
    }
}
