//! One image, from where the request says that it lies to its report.

use std::sync::Arc;
use std::time::{Duration, Instant};

use soci_ecr::RegistryHost;
use soci_index::{Ceiling, IndexOptions, Job, Outcome, Report};
use soci_registry::{
    Credentials, RegistryOptions, RegistryStore, RepositoryName, RetryPolicy, Target,
};

use crate::payload::{ImageRequest, Refused};
use crate::services::{InPlaceOf, Services};
use crate::settings::Settings;

/// After the time is up, for the registry client to say so itself; it knows better what was being done.
const GRACE: Duration = Duration::from_millis(300);

/// Where an image lies.
pub(crate) struct Image {
    /// As it is called in reports.
    pub(crate) name: String,
    repository: RepositoryName,
    registry: RegistryHost,
}

impl Image {
    /// From account, Region and partition to the registry's host, or to the one that takes its place.
    pub(crate) fn locate(settings: &Settings, request: &ImageRequest) -> Result<Image, Refused> {
        let (account, region) = (&request.registry.account, &request.registry.region);
        let suffix = settings.dns_suffix.as_deref();
        let suffix = suffix.unwrap_or_else(|| soci_ecr::suffix_of(region));
        let registry = RegistryHost::new(account, region, suffix)
            .map_err(|why| Refused::new(format!("no registry can be named: {why}")))?;
        let host = match &settings.registry_endpoint {
            Some(endpoint) => endpoint.clone(),
            None => registry.to_string(),
        };
        let repository: RepositoryName = format!("{host}/{}", request.repository)
            .parse()
            .map_err(|why| Refused::new(format!("no repository can be named: {why}")))?;
        let name = match (&request.tag, request.digest) {
            (Some(tag), _) => format!("{repository}:{tag}"),
            (None, Some(digest)) => format!("{repository}@{digest}"),
            (None, None) => repository.to_string(),
        };
        Ok(Image {
            name,
            repository,
            registry,
        })
    }
}

/// Indexes it, at the longest until `stop`; what is above the ceiling is not begun.
pub(crate) async fn index(
    services: &Services,
    settings: &Settings,
    image: Image,
    target: Target,
    ceiling: Ceiling,
    stop: Instant,
) -> Report {
    let begun = Instant::now();
    let options = RegistryOptions {
        retry: RetryPolicy::until(stop),
        ..RegistryOptions::default()
    };
    let repository = image.repository.to_string();
    let credentials = credentials(services, settings, image.registry);
    let store = RegistryStore::new(&services.http, image.repository, credentials, options);
    let job = Job {
        store: Arc::new(store),
        target,
        image: image.name.clone(),
        repository,
        options: IndexOptions {
            ceiling: Some(ceiling),
            ..settings.index_options()
        },
        progress: Arc::clone(&services.progress),
    };
    // Dropping the job ends its tasks, and with them its connections and workers.
    match tokio::time::timeout_at((stop + GRACE).into(), job.run()).await {
        Ok(report) => report,
        Err(_) => Report {
            kind: Some("deadline"),
            retryable: Some(true),
            error: Some(format!(
                "not done after {:.1} s, which is all there was; give the function more memory, which makes it faster, or more time",
                begun.elapsed().as_secs_f64()
            )),
            seconds: begun.elapsed().as_secs_f64(),
            ..Report::empty(image.name, Outcome::Failed)
        },
    }
}

/// What the report on a replica means for its event. Replication hands over an image part by part; what is missing of one whose own
/// manifest was read may still be on its way, and is there when Lambda tries again.
pub(crate) fn of_replica(report: Report) -> Report {
    let is_incomplete = report.kind == Some("not-found") && report.digest.is_some();
    match report.error {
        Some(error) if is_incomplete => Report {
            kind: Some("transient"),
            retryable: Some(true),
            error: Some(format!(
                "a part of the replica is not there, or not yet: {error}"
            )),
            ..report
        },
        error => Report { error, ..report },
    }
}

fn credentials(
    services: &Services,
    settings: &Settings,
    registry: RegistryHost,
) -> Arc<dyn Credentials> {
    let credentials = Arc::clone(&services.credentials);
    match settings.registry_endpoint {
        None => credentials,
        Some(_) => Arc::new(InPlaceOf {
            registry,
            credentials,
        }),
    }
}
