//! From a reference to the place where the image lives.

use std::sync::Arc;

use soci_ecr::{EcrCredentials, EcrOr};
use soci_registry::{
    ArchiveStore, DockerConfig, Error, Http, HttpOptions, LayoutFault, LayoutStore, Reference,
    RegistryOptions, RegistryStore, RepositoryName, Store, Tag, Target,
};

use crate::args::{ImageArg, RegistryArgs};
use crate::exit::WrongUsage;

/// Opens places. All registries share one client and one source of credentials.
pub(crate) struct Places {
    options: HttpOptions,
    plain_http: bool,
    /// Made when the first registry is met: layouts need none, unless authorities are named.
    http: Option<Http>,
    /// Nobody is asked before a registry is.
    credentials: Arc<EcrOr<DockerConfig>>,
}

impl Places {
    pub(crate) fn new(args: &RegistryArgs) -> Places {
        Places {
            options: HttpOptions {
                extra_roots: args.ca.clone(),
                ..HttpOptions::default()
            },
            plain_http: args.plain_http,
            http: None,
            credentials: Arc::new(EcrOr::new(
                EcrCredentials::from_environment(),
                DockerConfig::from_environment(),
            )),
        }
    }

    /// The place that a reference names.
    pub(crate) async fn open(&mut self, reference: &Reference) -> Result<Arc<dyn Store>, Error> {
        // Authorities that cannot be read are told of though a layout needs none: the same line works or fails for every image.
        if self.options.extra_roots.is_some() {
            self.http()?;
        }
        Ok(match reference {
            Reference::Layout { path, .. } => Arc::new(LayoutStore::open(path)?),
            Reference::Archive { path, .. } => Arc::new(ArchiveStore::open(path).await?),
            Reference::Registry(image) => Arc::new(self.registry(&image.repository)?),
            other => unreachable!("{other} is of no known transport"),
        })
    }

    fn registry(&mut self, repository: &RepositoryName) -> Result<RegistryStore, Error> {
        let options = RegistryOptions {
            plain_http: self.plain_http,
            ..RegistryOptions::default()
        };
        let credentials = Arc::clone(&self.credentials);
        let http = self.http()?;
        Ok(RegistryStore::new(
            http,
            repository.clone(),
            credentials,
            options,
        ))
    }

    fn http(&mut self) -> Result<&Http, Error> {
        if self.http.is_none() {
            self.http = Some(Http::new(self.options.clone())?);
        }
        Ok(self.http.as_ref().expect("it was made above"))
    }

    /// What in its place an image is. The only entry of a layout is known by its name, if it has one: with the result beside it,
    /// it is the only one no longer.
    pub(crate) async fn target(&mut self, image: &ImageArg) -> Result<Target, WrongUsage> {
        let target = target(&image.reference);
        if target != Target::OnlyEntry {
            return Ok(target);
        }
        match self.only_tag(&image.reference).await {
            Ok(Some(tag)) => Ok(Target::Tag(tag)),
            Err(Error::Layout {
                fault: fault @ LayoutFault::NotOnlyEntry { .. },
                ..
            }) => Err(WrongUsage(format!("{} {fault}", image.text))),
            // Whatever else is wrong shows again when the image is worked on, and is its outcome then.
            Ok(None) | Err(_) => Ok(target),
        }
    }

    async fn only_tag(&mut self, reference: &Reference) -> Result<Option<Tag>, Error> {
        let store = self.open(reference).await?;
        store.resolve(&Target::OnlyEntry).await?;
        Ok(store.tags().await?.pop())
    }
}

/// A reference without tag and digest.
pub(crate) fn repository(reference: &Reference) -> String {
    match reference {
        Reference::Registry(image) => image.repository.to_string(),
        Reference::Layout { path, .. } => format!("oci:{}", path.display()),
        Reference::Archive { path, .. } => format!("oci-archive:{}", path.display()),
        other => other.to_string(),
    }
}

/// The same for all ways to write one repository, layout or archive.
pub(crate) fn identity(reference: &Reference) -> String {
    match reference {
        Reference::Layout { path, .. } | Reference::Archive { path, .. } => {
            let path = path.canonicalize().unwrap_or_else(|_| path.clone());
            path.display().to_string()
        }
        other => repository(other),
    }
}

fn target(reference: &Reference) -> Target {
    match reference {
        Reference::Registry(image) => image.target(),
        Reference::Layout { target, .. } | Reference::Archive { target, .. } => target.clone(),
        other => unreachable!("{other} is of no known transport"),
    }
}
