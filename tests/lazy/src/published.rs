//! Images in a real registry, indexed by the product's own program, behind a proxy that counts.

use std::collections::BTreeMap;

use serde_json::Value;
use soci_e2e::{Proxy, Registry, images, program};
use soci_testkit::image::Image;
use tokio::process::Command;

/// A registry with a proxy in front of it.
pub struct Published {
    registry: Registry,
    proxy: Proxy,
}

/// How SOCI indexes are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// They refer to the image, and the registry lists them.
    V1,
    /// A second image names them in its manifests.
    #[default]
    V2,
}

impl Format {
    /// As programs take it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Format::V1 => "v1",
            Format::V2 => "v2",
        }
    }

    /// The tag by which an image is pulled that was indexed under a tag.
    #[must_use]
    pub fn pulled_tag(self, source: &str) -> String {
        match self {
            Format::V1 => source.to_owned(),
            Format::V2 => format!("{source}-soci"),
        }
    }
}

/// How images are indexed: the program's defaults unless said otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// How their SOCI indexes are found.
    pub format: Format,
    /// Uncompressed bytes between checkpoints, and layers of any size.
    pub span_bytes: Option<u64>,
    /// Whether layers of several gzip members are indexed.
    pub multi_member: bool,
}

/// What clients behind the proxy fetched.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Bytes of bodies.
    pub bytes: u64,
    /// Path and query of each request.
    pub paths: Vec<String>,
}

/// What `soci-index build` said.
#[derive(Debug, Clone)]
pub struct Built {
    report: Value,
}

impl Published {
    /// An empty registry: Debian's docker-registry.
    pub async fn new() -> Published {
        Published::on(Registry::docker()).await
    }

    /// In a registry.
    pub async fn on(registry: Registry) -> Published {
        let proxy = Proxy::counting(registry.host()).await;
        Published { registry, proxy }
    }

    /// The registry itself.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// An image's name as clients behind the proxy call it.
    #[must_use]
    pub fn name(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.proxy.host())
    }

    /// Pushes an image and indexes it.
    pub async fn index(&self, repository: &str, image: &Image, options: Options) -> Built {
        let store = self.registry.store(repository);
        images::push(&*store, image)
            .await
            .expect("the image is pushed");
        let mut command = Command::new(program::path("soci-index"));
        command.args(["build", "--json", "--plain-http"]);
        command.args(["--format", options.format.word()]);
        if let Some(bytes) = options.span_bytes {
            command.args(["--min-layer-size", "0", "--span-size", &bytes.to_string()]);
        }
        if options.multi_member {
            command.args(["--multi-member", "allow"]);
        }
        command.arg(format!(
            "{}/{repository}:{}",
            self.registry.host(),
            image.tag
        ));
        let output = command.output().await.expect("the program starts");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "build failed: {words}");
        let report = serde_json::from_slice(&output.stdout).expect("the report is JSON");
        Built { report }
    }

    /// What went through the proxy since the last time.
    #[must_use]
    pub fn take_fetched(&self) -> Fetched {
        let passed = self.proxy.take();
        Fetched {
            bytes: passed.iter().map(|one| one.body_bytes).sum(),
            paths: passed.into_iter().map(|one| one.asked.path).collect(),
        }
    }
}

impl Built {
    /// What became of the layers of a platform: the reason why one was left out, nothing where it was indexed.
    #[must_use]
    pub fn layers(&self, platform: &str) -> BTreeMap<String, Option<String>> {
        let platforms = self.report["platforms"].as_array().expect("platforms");
        let found = platforms.iter().find(|one| one["platform"] == platform);
        let found = found.unwrap_or_else(|| panic!("no {platform} in {}", self.report));
        let layers = found["layers"].as_array().expect("layers").iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let outcome = |layer: &Value| {
            let indexed = layer["outcome"] == "indexed";
            (
                text(&layer["digest"]),
                (!indexed).then(|| text(&layer["reason"])),
            )
        };
        layers.map(outcome).collect()
    }

    /// Spans of all zTOCs of a platform.
    #[must_use]
    pub fn spans(&self, platform: &str) -> u64 {
        let platforms = self.report["platforms"].as_array().expect("platforms");
        let found = platforms.iter().find(|one| one["platform"] == platform);
        let layers = found.expect("the platform")["layers"]
            .as_array()
            .into_iter()
            .flatten();
        layers
            .filter_map(|layer| layer["ztoc"]["spans"].as_u64())
            .sum()
    }
}
