//! Real registries on ports of their own, which end with their tests.

use std::io::{self, BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use soci_registry::{
    Anonymous, Credential, Credentials, Digest, Fixed, Http, HttpOptions, RegistryOptions,
    RegistryStore, RetryPolicy, Secret, Store,
};
use soci_test_aws::free_port;
use tempfile::TempDir;

/// Names go-containerregistry's registry, which `cargo xtask test` builds from `tests/conformance/cmd/registry`.
pub const REGISTRY_VARIABLE: &str = "SOCI_GO_REGISTRY";

/// How often another port is tried when somebody else was quicker.
const PORTS: u32 = 5;

/// What a docker-registry asks of its clients.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// TLS with a certificate of an own authority.
    pub tls: bool,
    /// User and password.
    pub login: Option<(&'static str, &'static str)>,
}

/// A running registry.
pub struct Registry {
    process: Child,
    host: String,
    folder: TempDir,
    settings: Settings,
    http: OnceLock<Http>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// Debian's docker-registry, open to everybody.
    #[must_use]
    pub fn docker() -> Registry {
        Registry::docker_with(Settings::default())
    }

    /// Debian's docker-registry.
    #[must_use]
    pub fn docker_with(settings: Settings) -> Registry {
        Registry::docker_in(tempfile::tempdir(), settings)
    }

    /// Debian's docker-registry, its files in memory where this machine has a file system for that: for tests that push an image
    /// hundreds of times.
    #[must_use]
    pub fn docker_in_memory() -> Registry {
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        Registry::docker_in(folder, Settings::default())
    }

    fn docker_in(folder: io::Result<TempDir>, settings: Settings) -> Registry {
        let folder = folder.expect("a folder can be made");
        let config = config(folder.path(), settings);
        for _ in 0..PORTS {
            let host = free_port();
            let path = folder.path().join("config.yml");
            std::fs::write(&path, config.replace("HOST", &host)).expect("the folder is writable");
            let mut command = Command::new("docker-registry");
            command.arg("serve").arg(&path).stdin(Stdio::null());
            let process = start(command.stdout(Stdio::null()), "docker-registry");
            if let Some(process) = listening(process, &host) {
                return Registry {
                    process,
                    host,
                    folder,
                    settings,
                    http: OnceLock::new(),
                };
            }
        }
        panic!("docker-registry ends as soon as it is started");
    }

    /// go-containerregistry's registry, in memory, with the referrers API.
    #[must_use]
    pub fn go() -> Registry {
        let path = std::env::var_os(REGISTRY_VARIABLE).unwrap_or_else(|| {
            panic!(
                "{REGISTRY_VARIABLE} is not set; run the tests with `cargo xtask test --only e2e`"
            )
        });
        let mut command = Command::new(path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = start(&mut command, "nothing: cargo xtask builds it");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it says where it listens");
        let host = line.trim().strip_prefix("listening ");
        Registry {
            host: host.expect("it says where it listens").to_owned(),
            process,
            folder: tempfile::tempdir().expect("a folder can be made"),
            settings: Settings::default(),
            http: OnceLock::new(),
        }
    }

    /// 127.0.0.1 with its port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A repository, with the login that the registry wants.
    #[must_use]
    pub fn store(&self, repository: &str) -> Arc<dyn Store> {
        match self.settings.login {
            None => self.store_as(repository, Anonymous),
            Some(login) => self.store_as(repository, fixed(&self.host, login)),
        }
    }

    /// A repository, as somebody.
    #[must_use]
    pub fn store_as(
        &self,
        repository: &str,
        credentials: impl Credentials + 'static,
    ) -> Arc<dyn Store> {
        self.opened(repository, credentials, impatient())
    }

    /// A repository of an open registry, with the patience that the product has by itself.
    #[must_use]
    pub fn patient_store(&self, repository: &str) -> Arc<dyn Store> {
        self.opened(repository, Anonymous, RetryPolicy::default())
    }

    fn opened(
        &self,
        repository: &str,
        credentials: impl Credentials + 'static,
        retry: RetryPolicy,
    ) -> Arc<dyn Store> {
        let http = self.http.get_or_init(|| http(self.authority()));
        let options = RegistryOptions {
            plain_http: false,
            retry,
        };
        store_at(http, &self.host, repository, credentials, options)
    }

    /// The authority that signed the registry's certificate.
    #[must_use]
    pub fn authority(&self) -> Option<PathBuf> {
        self.settings
            .tls
            .then(|| self.folder.path().join("tls/ca.pem"))
    }

    /// The file in which docker-registry keeps a blob.
    #[must_use]
    pub fn blob_file(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let blobs = self
            .folder
            .path()
            .join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }
}

/// A user with a password at one registry.
#[must_use]
pub fn fixed(host: &str, (user, password): (&str, &str)) -> Fixed {
    let password = Secret::new(password);
    let user = user.to_owned();
    Fixed::new(host, Credential::Password { user, password })
}

/// Failures are not waited for long.
pub(crate) fn impatient() -> RetryPolicy {
    let mut retry = RetryPolicy::default();
    (retry.attempts, retry.first_wait) = (3, Duration::from_millis(10));
    retry
}

/// A repository at a host.
pub(crate) fn store_at(
    http: &Http,
    host: &str,
    repository: &str,
    credentials: impl Credentials + 'static,
    options: RegistryOptions,
) -> Arc<dyn Store> {
    let name = format!("{host}/{repository}");
    let name = name.parse().expect("a repository's name");
    Arc::new(RegistryStore::new(
        http,
        name,
        Arc::new(credentials),
        options,
    ))
}

/// A client, which is dear: it reads the system's certificates.
pub(crate) fn http(extra_roots: Option<PathBuf>) -> Http {
    let options = HttpOptions {
        extra_roots,
        ..HttpOptions::default()
    };
    Http::new(options).expect("the client can be set up")
}

/// Everything in the configuration but the address.
fn config(folder: &Path, settings: Settings) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    let mut config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp:\n  addr: HOST\n",
        at("data")
    );
    if settings.tls {
        make_certificates(&folder.join("tls"));
        let (certificate, key) = (at("tls/server.pem"), at("tls/server.key"));
        config += &format!("  tls: {{certificate: {certificate}, key: {key}}}\n");
    }
    if let Some((user, password)) = settings.login {
        let line = run(
            Command::new("htpasswd").args(["-Bbn", user, password]),
            "apache2-utils",
        );
        std::fs::write(folder.join("htpasswd"), line).expect("the folder is writable");
        config += &format!(
            "auth: {{htpasswd: {{realm: r, path: {}}}}}\n",
            at("htpasswd")
        );
    }
    config
}

/// An authority and a server's certificate by it, for a day.
fn make_certificates(folder: &Path) {
    std::fs::create_dir(folder).expect("the folder is writable");
    let at = |name: &str| folder.join(name).display().to_string();
    let make = |name: &str, rest: &[&str]| {
        let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1";
        let subject = format!("/CN={name}");
        let (key, certificate) = (at(&format!("{name}.key")), at(&format!("{name}.pem")));
        let files = ["-subj", &subject, "-keyout", &key, "-out", &certificate];
        let mut command = Command::new("openssl");
        command.args(words.split(' ')).args(files).args(rest);
        run(&mut command, "openssl");
    };
    make("ca", &[]);
    let (authority, key) = (at("ca.pem"), at("ca.key"));
    let name = "subjectAltName=IP:127.0.0.1";
    let leaf = "basicConstraints=critical,CA:FALSE";
    let rest = [
        "-CA", &authority, "-CAkey", &key, "-addext", name, "-addext", leaf,
    ];
    make("server", &rest);
}

/// Runs a program to its end, or says how to get it.
pub(crate) fn run(command: &mut Command, package: &str) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{}", missing(command, package, &error)));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {words}");
    output.stdout
}

fn start(command: &mut Command, package: &str) -> Child {
    let started = command.stderr(Stdio::null()).spawn();
    started.unwrap_or_else(|error| panic!("{}", missing(command, package, &error)))
}

fn missing(command: &Command, package: &str, error: &std::io::Error) -> String {
    let program = command.get_program();
    format!("{program:?}: {error}; install it: apt-get install {package}")
}

/// The process once it can be reached; `None` when it has ended instead.
fn listening(mut process: Child, host: &str) -> Option<Child> {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let reached = TcpStream::connect(host).is_ok();
        if process.try_wait().expect("it is our child").is_some() {
            return None;
        }
        if reached {
            return Some(process);
        }
        assert!(Instant::now() < patience, "nobody listens at {host}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
