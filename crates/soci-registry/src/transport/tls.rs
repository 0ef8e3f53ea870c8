//! The one TLS set-up: rustls on ring, trusting what the system trusts and what the user adds.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::failure::SetupError;

/// A client's settings. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the system's roots, as they do for OpenSSL.
pub(super) fn config(extra_roots: Option<&Path>) -> Result<ClientConfig, SetupError> {
    let mut roots = RootCertStore::empty();
    // A machine without roots still reaches plain-http registries and those of `extra_roots`; one with a broken
    // certificate among good ones trusts the good ones.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = extra_roots {
        add(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), SetupError> {
    let unreadable = |source| SetupError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(|found| found.collect::<Result<Vec<_>, _>>())
        .map_err(unreadable)?;
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(SetupError::NoCertificate {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = config(Some(file.path()))
            .expect_err("nothing in it")
            .to_string();
        assert!(error.ends_with("holds no usable certificate"), "{error}");
        let error = config(Some(Path::new("no/such.pem")))
            .expect_err("no such file")
            .to_string();
        assert!(error.contains("no/such.pem"), "{error}");
    }
}
