//! What the handler works with. In a function these are AWS's; the demonstration and tests bring their own.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use soci_ecr::{EcrCredentials, RegistryHost};
use soci_index::{Progress, Silent};
use soci_registry::{
    Credential, Credentials, CredentialsError, Freshness, Http, HttpOptions, Pending, SetupError,
};

/// Where lines go that a machine reads.
pub type Lines = Arc<Mutex<dyn Write + Send>>;

/// What the handler works with.
pub struct Services {
    /// The process's HTTP client.
    pub http: Http,
    /// Who we are to the registry.
    pub credentials: Arc<dyn Credentials>,
    /// AWS credentials for what is no registry: parameters, event buses. `None` where there is no AWS.
    pub aws: Option<Arc<EcrCredentials>>,
    /// Who is told how far layers are.
    pub progress: Arc<dyn Progress>,
    /// Where metrics go, if anywhere.
    pub metrics: Option<Lines>,
}

impl Services {
    /// Those of a function: AWS credentials of the process, metrics to standard output, from where CloudWatch takes them.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn of_a_function() -> Result<Services, SetupError> {
        let ecr = Arc::new(EcrCredentials::from_environment());
        Ok(Services {
            http: Http::new(HttpOptions::default())?,
            credentials: Arc::clone(&ecr) as Arc<dyn Credentials>,
            aws: Some(ecr),
            progress: Arc::new(Silent),
            metrics: Some(Arc::new(Mutex::new(std::io::stdout()))),
        })
    }

    /// Writes one line, whole.
    pub(crate) fn write_metrics(&self, line: &[u8]) {
        let Some(lines) = &self.metrics else {
            return;
        };
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = lines.write_all(line).and_then(|()| lines.flush()) {
            tracing::error!(%error, "metrics cannot be written");
        }
    }
}

/// The credentials of one of ECR's registries, for the one that takes its place.
pub(crate) struct InPlaceOf {
    pub(crate) registry: RegistryHost,
    pub(crate) credentials: Arc<dyn Credentials>,
}

impl Credentials for InPlaceOf {
    fn get<'a>(
        &'a self,
        _: &'a str,
        freshness: Freshness,
    ) -> Pending<'a, Result<Credential, CredentialsError>> {
        Box::pin(async move {
            let host = self.registry.to_string();
            self.credentials.get(&host, freshness).await
        })
    }
}
