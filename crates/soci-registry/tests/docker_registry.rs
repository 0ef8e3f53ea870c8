//! The whole client against Debian's docker-registry 2.8.2: over http, with passwords, with TLS of an own authority.
//!
//! Needs the Debian packages docker-registry, apache2-utils (htpasswd) and openssl, which `cargo xtask test` installs.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use soci_registry::{
    Anonymous, ConnectionFailure, Credential, Credentials, Descriptor, Digest, DockerConfig, Error,
    Fixed, Http, HttpOptions, Kind, Listing, Manifest, OCI_MANIFEST, Pushed, RegistryOptions,
    RegistryStore, RetryPolicy, Secret, Store, Tag, Target,
};
use tempfile::TempDir;

/// A running docker-registry. Ends with its test.
struct Registry {
    process: Child,
    host: String,
    folder: TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a program, or says how to get it.
fn run(program: &str, args: &[&str], package: &str) -> Vec<u8> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let output = output.unwrap_or_else(|error| {
        panic!("{program}: {error}; install it: apt-get install {package}")
    });
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        output.status
    );
    output.stdout
}

impl Registry {
    /// With these lines in its configuration, which may name files in the folder as `@/`.
    fn start(extra_http: &str, extra: &str, prepare: impl FnOnce(&Path)) -> Registry {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let host = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: @/data}}}}\n\
             http:\n  addr: {host}\n{extra_http}{extra}"
        );
        let config = config.replace('@', &folder.path().display().to_string());
        let path = folder.path().join("config.yml");
        std::fs::write(&path, config).unwrap();
        let process = serve(&path);
        let registry = Registry {
            process,
            host,
            folder,
        };
        let patience = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(&registry.host).is_err() {
            assert!(Instant::now() < patience, "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    fn store(
        &self,
        credentials: impl Credentials + 'static,
        extra_roots: Option<PathBuf>,
    ) -> RegistryStore {
        let http = Http::new(HttpOptions {
            extra_roots,
            ..HttpOptions::default()
        })
        .unwrap();
        let mut retry = RetryPolicy::default();
        (retry.attempts, retry.first_wait) = (3, Duration::from_millis(10));
        let options = RegistryOptions {
            retry,
            ..RegistryOptions::default()
        };
        let repository = format!("{}/team/app", self.host).parse().unwrap();
        RegistryStore::new(&http, repository, Arc::new(credentials), options)
    }
}

fn serve(config: &Path) -> Child {
    let mut command = Command::new("docker-registry");
    command
        .arg("serve")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let hint = "docker-registry cannot be started; install it: apt-get install docker-registry";
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{hint}: {error}"))
}

fn blob(content: &Bytes) -> Descriptor {
    Descriptor::new(
        "application/octet-stream",
        Digest::of(content),
        content.len() as u64,
    )
}

/// Pushes a whole image and reads every part of it again.
async fn round_trip(store: &RegistryStore) {
    let config = Bytes::from_static(b"{\"os\":\"linux\"}");
    let layer: Bytes = (0..3_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let pieces: Vec<Bytes> = layer.chunks(70_000).map(Bytes::copy_from_slice).collect();
    for expected in [Pushed::Stored, Pushed::AlreadyThere] {
        assert_eq!(
            store.push_blob(&blob(&config), &config).await.unwrap(),
            expected
        );
        assert_eq!(
            store.push_blob(&blob(&layer), &pieces).await.unwrap(),
            expected
        );
    }
    let part = |media_type: &str, blob: &Descriptor| {
        format!(
            r#"{{"mediaType":"{media_type}","digest":"{}","size":{}}}"#,
            blob.digest, blob.size_bytes
        )
    };
    let config = part("application/vnd.oci.image.config.v1+json", &blob(&config));
    let layers = part("application/vnd.oci.image.layer.v1.tar+gzip", &blob(&layer));
    let text = format!(
        "{{ \"schemaVersion\": 2,\n \"mediaType\": \"{OCI_MANIFEST}\", \"config\": {config}, \"layers\": [{layers}], \"odd\": 1 }}"
    );
    let manifest = Manifest::new(OCI_MANIFEST, text);
    let tag = Tag::new("1-soci").unwrap();
    for expected in [Pushed::Stored, Pushed::AlreadyThere] {
        assert_eq!(
            store
                .push_manifest(&manifest, Listing::Digest)
                .await
                .unwrap(),
            expected
        );
        assert_eq!(
            store
                .push_manifest(&manifest, Listing::Tag(&tag))
                .await
                .unwrap(),
            expected
        );
    }
    for target in [Target::Tag(tag.clone()), Target::Digest(manifest.digest())] {
        assert_eq!(store.resolve(&target).await.unwrap(), manifest.descriptor());
        assert_eq!(store.manifest(&target).await.unwrap(), manifest);
    }
    assert_eq!(store.tags().await.unwrap(), [tag]);
    assert_eq!(store.referrers(&manifest.digest(), None).await.unwrap(), []);
    let read = store
        .blob(&blob(&layer))
        .await
        .unwrap()
        .read_whole(layer.len() as u64)
        .await
        .unwrap();
    assert!(read == layer);
}

#[tokio::test]
async fn an_image_goes_in_and_comes_out() {
    let registry = Registry::start("", "", |_| {});
    let store = registry.store(Anonymous, None);
    let tag = Target::Tag(Tag::new("1").unwrap());
    assert_eq!(
        store.resolve(&tag).await.unwrap_err().kind(),
        Kind::NotFound
    );
    assert_eq!(
        store.manifest(&tag).await.unwrap_err().kind(),
        Kind::NotFound
    );
    assert_eq!(store.tags().await.unwrap_err().kind(), Kind::NotFound);
    assert!(!store.has_blob(&Digest::of(b"none")).await.unwrap());
    let dangling = Manifest::new(
        OCI_MANIFEST,
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{"mediaType":"a/b","digest":"{}","size":1}},"layers":[]}}"#,
            Digest::of(b"none")
        ),
    );
    let error = store
        .push_manifest(&dangling, Listing::Digest)
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        Kind::NotFound,
        "its config is missing: {error}"
    );
    round_trip(&store).await;
}

#[tokio::test]
async fn a_password_is_needed_and_taken_from_where_docker_keeps_it() {
    let registry = Registry::start(
        "",
        "auth: {htpasswd: {realm: r, path: @/htpasswd}}\n",
        |folder| {
            let line = run("htpasswd", &["-Bbn", "me", "pass:word"], "apache2-utils");
            std::fs::write(folder.join("htpasswd"), line).unwrap();
        },
    );
    let error = registry.store(Anonymous, None).tags().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_transient()),
        (Kind::Denied, false),
        "{error}"
    );
    let fixed = |password: &str| {
        let password = Secret::new(password);
        Fixed::new(
            &registry.host,
            Credential::Password {
                user: "me".into(),
                password,
            },
        )
    };
    let error = registry
        .store(fixed("wrong"), None)
        .tags()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{error}");
    round_trip(&registry.store(fixed("pass:word"), None)).await;

    let config = registry.folder.path().join("config.json");
    // "me:pass:word"
    let auths = format!(
        r#"{{"auths":{{"{}":{{"auth":"bWU6cGFzczp3b3Jk"}}}}}}"#,
        registry.host
    );
    std::fs::write(&config, auths).unwrap();
    let store = registry.store(DockerConfig::at(config), None);
    assert_eq!(store.tags().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_certificate_must_be_trusted_even_on_this_machine() {
    let tls = "  tls: {certificate: @/server.pem, key: @/server.key}\n";
    let registry = Registry::start(tls, "", certificates);
    let error = registry.store(Anonymous, None).tags().await.unwrap_err();
    let is_certificate = |error: &Error| {
        matches!(
            error,
            Error::Connection {
                failure: ConnectionFailure::Certificate(_),
                ..
            }
        )
    };
    assert!(is_certificate(&error), "{error:?}");
    assert_eq!(error.kind(), Kind::Configuration);
    round_trip(&registry.store(Anonymous, Some(registry.folder.path().join("ca.pem")))).await;
}

/// An authority and a server's certificate by it, for a day.
fn certificates(folder: &Path) {
    let at = |name: &str| folder.join(name).display().to_string();
    let key = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
    ];
    let openssl = |rest: &[&str]| drop(run("openssl", &[&key[..], rest].concat(), "openssl"));
    openssl(&[
        "-subj",
        "/CN=authority",
        "-keyout",
        &at("ca.key"),
        "-out",
        &at("ca.pem"),
    ]);
    openssl(&[
        "-subj",
        "/CN=server",
        "-keyout",
        &at("server.key"),
        "-out",
        &at("server.pem"),
        "-CA",
        &at("ca.pem"),
        "-CAkey",
        &at("ca.key"),
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]);
}
