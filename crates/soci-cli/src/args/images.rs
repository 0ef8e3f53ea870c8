//! What can be written behind the commands for images.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ArgGroup, ValueEnum};
use soci_index::{DEFAULT_MIN_LAYER_BYTES, Filters, IndexFormat, OutputTag};
use soci_registry::{InvalidReference, Reference, RegistryReference};
use soci_ztoc::{DEFAULT_BUILD_TOOL_IDENTIFIER, DEFAULT_SPAN_BYTES};

use super::{MultiMemberArg, bytes, span_size};

/// Layers that are built at once need a core each, and more than this no machine has.
const MOST_LAYERS_AT_ONCE: usize = 1024;

/// An image, as text and parsed.
#[derive(Clone, Debug)]
pub(crate) struct ImageArg {
    pub(crate) text: String,
    pub(crate) reference: Reference,
}

impl FromStr for ImageArg {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<ImageArg, InvalidReference> {
        Ok(ImageArg {
            text: text.to_owned(),
            reference: text.parse()?,
        })
    }
}

#[derive(ArgGroup)]
pub(crate) struct DemoArgs {
    /// Copy this image into the registry, with all its platforms, instead of making one.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<ImageArg>,
    /// Leave registry and function running when all is done: what is pushed is indexed, until Ctrl-C.
    #[arg(long)]
    pub(crate) keep: bool,
    /// The registry's port on 127.0.0.1; 0 is any that is free.
    #[arg(long, default_value_t = 0, value_parser = port, allow_negative_numbers = true)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(ArgGroup)]
pub(crate) struct BuildArgs {
    /// What to index.
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<ImageArg>,
    /// How the result lies beside the image.
    #[arg(long, value_enum, default_value_t = FormatArg::V2)]
    pub(crate) format: FormatArg,
    /// The result's tag; {tag} stands for the image's own, {tag}-soci is the default. Not with v1, which has none.
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) output_tag: Option<OutputTag>,
    /// Index this platform only, OS/ARCHITECTURE[/VARIANT]; may be repeated. Others are taken over without
    /// an index, also where an earlier run made one for them.
    #[arg(long = "platform", value_name = "PLATFORM", value_parser = platform)]
    pub(crate) platforms: Vec<String>,
    /// Uncompressed bytes between two points at which decoding can start.
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_SPAN_BYTES, value_parser = span_size, allow_negative_numbers = true)]
    pub(crate) span_size: u64,
    /// Leave out layers with fewer compressed bytes.
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_MIN_LAYER_BYTES, value_parser = bytes, allow_negative_numbers = true)]
    pub(crate) min_layer_size: u64,
    /// Leave out platforms whose layers have fewer compressed bytes together.
    #[arg(long, value_name = "BYTES", default_value_t = 0, value_parser = bytes, allow_negative_numbers = true)]
    pub(crate) min_image_size: u64,
    /// Written into zTOCs and indexes, so part of their digests.
    #[arg(long, value_name = "TEXT", default_value = DEFAULT_BUILD_TOOL_IDENTIFIER)]
    pub(crate) build_tool_identifier: String,
    /// What to do with layers of several gzip members, which soci-snapshotter reads from v0.14.0
    /// on.
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = MultiMemberArg::Skip)]
    pub(crate) multi_member: MultiMemberArg,
    /// Reuse the zTOCs of this indexed image too, beside those under the result's tag, for layers that both have. From another
    /// repository they are copied.
    #[arg(long, value_name = "IMAGE", conflicts_with = "force")]
    pub(crate) reuse_from: Option<ImageArg>,
    /// Reuse also zTOCs that another build tool made.
    #[arg(long, conflicts_with = "force")]
    pub(crate) reuse_foreign: bool,
    /// Build even what is indexed already or was made by indexing, and reuse nothing.
    #[arg(long)]
    pub(crate) force: bool,
    /// Only tell what would be done, as far as the image's documents tell: read no layer, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Layers to build at once; as many as there are cores unless given.
    #[arg(long, value_name = "LAYERS", value_parser = concurrency, allow_negative_numbers = true)]
    pub(crate) concurrency: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    /// Print the outcome as JSON on standard output, one line for each image.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// The image packaged anew with its SOCI indexes, under a tag of its own.
    V2,
    /// SOCI indexes that refer to the image, which stays as it is. New AWS accounts cannot use it.
    V1,
}

impl From<FormatArg> for IndexFormat {
    fn from(arg: FormatArg) -> IndexFormat {
        match arg {
            FormatArg::V2 => IndexFormat::V2,
            FormatArg::V1 => IndexFormat::V1,
        }
    }
}

#[derive(ArgGroup)]
pub(crate) struct MatchArgs {
    /// What to match with.
    pub(crate) filters: Filters,
    /// What to match: REPOSITORY:TAG. A registry's host before it does not count.
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<ImageName>,
}

/// An image as filters see it: text, and `repository:tag`.
#[derive(Clone, Debug)]
pub(crate) struct ImageName {
    pub(crate) text: String,
    pub(crate) name: String,
}

impl FromStr for ImageName {
    type Err = String;

    fn from_str(text: &str) -> Result<ImageName, String> {
        let parse = |text: &str| {
            text.parse::<RegistryReference>()
                .map_err(|error| error.to_string())
        };
        /// Stands for the registry, which is not written.
        const HOST: &str = "localhost";
        if text.starts_with("oci:") || text.starts_with("oci-archive:") {
            let why = "filters are for images in registries; write REPOSITORY:TAG";
            return Err(why.to_owned());
        }
        let image = text.strip_prefix("docker://").unwrap_or(text);
        let mut parsed = parse(image)?;
        let host = parsed.repository.host();
        if host == "docker.io" && !image.starts_with(host) {
            // Docker's registry is only guessed, and Docker's names for it are longer than they are written.
            parsed = parse(&format!("{HOST}/{image}"))?;
        }
        let tag = parsed
            .tag
            .ok_or("filters look at tags, and this image is named without one")?;
        Ok(ImageName {
            text: text.to_owned(),
            name: format!("{}:{tag}", parsed.repository.path()),
        })
    }
}

#[derive(ArgGroup)]
pub(crate) struct InspectArgs {
    /// What to look at.
    pub(crate) image: ImageArg,
    /// Write a page that shows it, with the spans of each layer and where each file lies: one file without network or scripts from
    /// elsewhere. The zTOCs are read for it, still no layer.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ArgGroup)]
pub(crate) struct VerifyArgs {
    /// What to verify: the image that indexing made.
    pub(crate) image: ImageArg,
    /// Read documents and zTOCs only.
    #[arg(long, conflicts_with = "full")]
    pub(crate) structure: bool,
    /// Read each layer whole: every span from its checkpoint, every byte of every file.
    #[arg(long)]
    pub(crate) full: bool,
    /// Verify this platform only, OS/ARCHITECTURE[/VARIANT]; may be repeated.
    #[arg(long = "platform", value_name = "PLATFORM", value_parser = platform)]
    pub(crate) platforms: Vec<String>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    /// Print the verdicts as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How to reach registries.
#[derive(ArgGroup)]
pub(crate) struct RegistryArgs {
    /// Speak http with registries instead of https. Not needed for one on this machine.
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// Certificate authorities to trust besides the system's, in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

fn platform(text: &str) -> Result<String, String> {
    let parts = text.split('/').count();
    if (2..=3).contains(&parts) && text.split('/').all(|part| !part.is_empty()) {
        Ok(text.to_owned())
    } else {
        Err("must look like linux/amd64 or linux/arm64/v8".to_owned())
    }
}

fn concurrency(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .ok()
        .filter(|layers: &NonZeroUsize| layers.get() <= MOST_LAYERS_AT_ONCE)
        .ok_or_else(|| format!("must be from 1 to {MOST_LAYERS_AT_ONCE} layers"))
}

fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("must be from 0, any that is free, to {}", u16::MAX))
}
