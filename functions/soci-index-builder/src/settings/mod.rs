//! The function's configuration: the environment, read once into a checked value.
//!
//! A function with a wrong setting is deployed all the same, and then has to say so to whoever can mend it: a stack that waits for its
//! custom resource, or the alarm on failed invocations. So what is wrong is a value too, [`Faults`], with the variable, what stands
//! there, and what may. `infra/parameters.json` lists the same settings for whoever deploys; a test holds the two together.

mod fault;
mod values;

use std::ffi::OsString;
use std::num::NonZeroUsize;

use soci_index::{Filters, IndexFormat, IndexOptions, MultiMember, OutputTag, SpanSize};
use tracing::level_filters::LevelFilter;

pub use fault::{Fault, Faults};

use values::Reader;
pub(crate) use values::checked_filters;

/// What every setting's variable begins with. One that begins so and is none is a typing error, and told.
const PREFIX: &str = "SOCI_";

/// Memory of a function whose size is not told, in bytes: what AWS's builder has.
const DEFAULT_MEMORY_BYTES: u64 = 1 << 30;

/// Memory of a function with one whole core, in MB; AWS Lambda developer guide, "Configure memory".
const MB_PER_CORE: f64 = 1_769.0;

/// Memory that the program itself and its buffers take, in bytes. The rest is for the zTOCs being built.
const OWN_MEMORY_BYTES: u64 = 160 << 20;

/// The least that zTOCs being built get, in bytes.
const LEAST_BUDGET_BYTES: u64 = 32 << 20;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Which images are indexed.
    pub filters: FilterSource,
    /// The index's format.
    pub format: IndexFormat,
    /// Under which tag the result goes.
    pub output_tag: OutputTag,
    /// Whether the output tag is set on an unchanged source that has nothing to be indexed.
    pub pass_through: bool,
    /// Layers with fewer compressed bytes get no zTOC.
    pub min_layer_bytes: u64,
    /// Platforms with fewer compressed bytes are not indexed.
    pub min_image_bytes: u64,
    /// Uncompressed bytes between checkpoints.
    pub span_size: SpanSize,
    /// Platforms to be indexed; none means all.
    pub platforms: Vec<String>,
    /// What becomes of layers with several gzip members.
    pub multi_member: MultiMember,
    /// Written into zTOCs and indexes.
    pub build_tool_identifier: String,
    /// The event bus that is told of every result, by name or ARN.
    pub result_event_bus: Option<String>,
    /// How much is logged.
    pub log_level: LevelFilter,
    /// Domain suffix of the partition, where it cannot be told from the Region's name.
    pub dns_suffix: Option<String>,
    /// A registry to talk to in place of Amazon ECR's, for tests: host, with or without port.
    pub registry_endpoint: Option<String>,
    /// Memory of the function in bytes.
    pub memory_bytes: u64,
    /// The function's name.
    pub function_name: String,
}

/// Where the filters are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterSource {
    /// Here.
    Here(Filters),
    /// In a parameter of AWS Systems Manager: they may be longer than a function's environment.
    Parameter(String),
}

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_environment() -> Result<Settings, Faults> {
        Settings::from_variables(std::env::vars_os())
    }

    /// Reads these variables. An empty one is as good as none, since templates cannot leave one out.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Settings, Faults> {
        let mut reader = Reader::new(variables);
        let settings = Settings {
            filters: reader.filters(),
            format: reader.one_of(
                "SOCI_INDEX_VERSION",
                IndexFormat::V2,
                &[("V2", IndexFormat::V2), ("V1", IndexFormat::V1)],
            ),
            output_tag: reader.parsed("SOCI_OUTPUT_TAG", OutputTag::default()),
            pass_through: reader.one_of(
                "SOCI_PASS_THROUGH",
                true,
                &[("true", true), ("false", false)],
            ),
            min_layer_bytes: reader
                .number("SOCI_MIN_LAYER_BYTES", soci_index::DEFAULT_MIN_LAYER_BYTES),
            min_image_bytes: reader.number("SOCI_MIN_IMAGE_BYTES", 0),
            span_size: reader.span_size(),
            platforms: reader.platforms(),
            multi_member: reader.one_of(
                "SOCI_MULTI_MEMBER",
                MultiMember::Skip,
                &[("skip", MultiMember::Skip), ("allow", MultiMember::Allow)],
            ),
            build_tool_identifier: reader
                .text("SOCI_BUILD_TOOL_IDENTIFIER")
                .unwrap_or_else(|| IndexOptions::default().build_tool_identifier),
            result_event_bus: reader.text("SOCI_RESULT_EVENT_BUS"),
            log_level: reader.one_of(
                "SOCI_LOG_LEVEL",
                LevelFilter::INFO,
                &[
                    ("error", LevelFilter::ERROR),
                    ("warn", LevelFilter::WARN),
                    ("info", LevelFilter::INFO),
                    ("debug", LevelFilter::DEBUG),
                ],
            ),
            dns_suffix: reader.text("SOCI_DNS_SUFFIX"),
            registry_endpoint: reader.text("SOCI_REGISTRY_ENDPOINT"),
            memory_bytes: reader.memory_bytes(),
            function_name: reader.function_name(),
        };
        reader.finish(settings)
    }

    /// Cores that the function's memory buys; less than one for most sizes.
    #[must_use]
    pub fn cores(&self) -> f64 {
        self.memory_bytes as f64 / f64::from(1 << 20) / MB_PER_CORE
    }

    /// How images are indexed.
    #[must_use]
    pub fn index_options(&self) -> IndexOptions {
        // Two layers at once even on less than two cores: one's connection is waited for while the other is decoded.
        let layers = (self.cores().ceil() as usize).max(2);
        IndexOptions {
            format: self.format,
            platforms: self.platforms.clone(),
            // The list is for all images that are pushed, of which most have some of them only.
            needs_all_platforms: false,
            span_size: self.span_size,
            min_layer_bytes: self.min_layer_bytes,
            min_image_bytes: self.min_image_bytes,
            build_tool_identifier: self.build_tool_identifier.clone(),
            multi_member: self.multi_member,
            output_tag: self.output_tag.clone(),
            pass_through: self.pass_through,
            concurrency: NonZeroUsize::new(layers).unwrap_or(NonZeroUsize::MIN),
            memory_budget_bytes: self
                .memory_bytes
                .saturating_sub(OWN_MEMORY_BYTES)
                .max(LEAST_BUDGET_BYTES),
            ..IndexOptions::default()
        }
    }
}

#[cfg(test)]
mod tests;
