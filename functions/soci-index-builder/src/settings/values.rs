//! From a variable's text to its value, one kind of value after the other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::str::FromStr;

use soci_index::{Filters, OutputTag, SpanSize};

use super::{DEFAULT_MEMORY_BYTES, Fault, Faults, FilterSource, PREFIX, Settings};
use crate::arns;
use crate::payload::shown;

/// What each setting may be. The texts stand in `infra/parameters.json` too.
pub(super) const ALLOWED: &[(&str, &str)] = &[
    (
        "SOCI_BUILD_TOOL_IDENTIFIER",
        "1 to 128 printable ASCII characters",
    ),
    ("SOCI_DNS_SUFFIX", "a domain suffix such as amazonaws.com"),
    (
        "SOCI_FILTERS",
        "repository:tag wildcards with commas between them, such as team/*:v*,!*:*-dev; only one of SOCI_FILTERS and SOCI_FILTERS_PARAMETER",
    ),
    (
        "SOCI_FILTERS_PARAMETER",
        "the name of an AWS Systems Manager parameter: 1 to 1011 of A-Z a-z 0-9 _ . - / :",
    ),
    ("SOCI_INDEX_VERSION", "V2 or V1"),
    ("SOCI_LOG_LEVEL", "error, warn, info or debug"),
    ("SOCI_MIN_IMAGE_BYTES", "0 to 999999999999"),
    ("SOCI_MIN_LAYER_BYTES", "0 to 999999999999"),
    ("SOCI_MULTI_MEMBER", "skip or allow"),
    (
        "SOCI_OUTPUT_TAG",
        "a tag with one {tag} in it, which stands for the source's, such as {tag}-soci",
    ),
    ("SOCI_PASS_THROUGH", "true or false"),
    (
        "SOCI_PLATFORMS",
        "os/architecture or os/architecture/variant with commas between them, such as linux/amd64,linux/arm64",
    ),
    (
        "SOCI_REGISTRY_ENDPOINT",
        "a host name or address, with a port or without",
    ),
    (
        "SOCI_RESULT_EVENT_BUS",
        "the name or ARN of an event bus: 1 to 1600 of A-Z a-z 0-9 _ . - / :",
    ),
    ("SOCI_SPAN_BYTES", "65536 to 1073741824"),
];

/// Bytes that a size may be at most: several times the largest layer that Amazon ECR stores, and twelve digits, which the pattern of a
/// template's parameter can say.
const MOST_BYTES: u64 = 999_999_999_999;

/// Uncompressed bytes between two checkpoints: below, a zTOC gets as large as its layer; above, a reader fetches everything.
const SPAN_BYTES: std::ops::RangeInclusive<u64> = (64 << 10)..=(1 << 30);

/// Reads variables and collects what is wrong with them.
pub(super) struct Reader {
    variables: BTreeMap<String, OsString>,
    faults: Vec<Fault>,
}

impl Reader {
    pub(super) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Reader {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        let mut reader = Reader {
            variables: variables.into_iter().filter_map(named).collect(),
            faults: Vec::new(),
        };
        let is_known = |name: &str| ALLOWED.iter().any(|(known, _)| *known == name);
        let unknown: Vec<String> = reader
            .variables
            .keys()
            .filter(|name| name.starts_with(PREFIX) && !is_known(name))
            .cloned()
            .collect();
        for variable in unknown {
            let names: Vec<_> = ALLOWED.iter().map(|(name, _)| *name).collect();
            reader.faults.push(Fault {
                variable: shown(&variable),
                problem: "is no setting".to_owned(),
                allowed: names.join(", "),
            });
        }
        reader
    }

    pub(super) fn finish(self, settings: Settings) -> Result<Settings, Faults> {
        match self.faults.is_empty() {
            true => Ok(settings),
            false => Err(Faults(self.faults)),
        }
    }

    /// The variable's text in the form that it must have anywhere: UTF-8, not empty.
    fn raw(&mut self, name: &str) -> Option<String> {
        let value = self.variables.get(name)?;
        match value.to_str() {
            Some("") => None,
            Some(text) => Some(text.to_owned()),
            None => {
                self.fault(name, "is not UTF-8");
                None
            }
        }
    }

    fn fault(&mut self, name: &str, problem: impl Into<String>) {
        let allowed = ALLOWED.iter().find(|(known, _)| *known == name);
        self.faults.push(Fault {
            variable: name.to_owned(),
            problem: problem.into(),
            allowed: allowed.map_or("", |(_, allowed)| allowed).to_owned(),
        });
    }

    pub(super) fn one_of<T: Copy>(&mut self, name: &str, default: T, values: &[(&str, T)]) -> T {
        let Some(text) = self.raw(name) else {
            return default;
        };
        match values.iter().find(|(known, _)| *known == text) {
            Some((_, value)) => *value,
            None => {
                self.fault(name, format!("is {}", shown(&text)));
                default
            }
        }
    }

    pub(super) fn number(&mut self, name: &str, default: u64) -> u64 {
        self.bounded(name, default, 0..=MOST_BYTES)
    }

    fn bounded(&mut self, name: &str, default: u64, range: std::ops::RangeInclusive<u64>) -> u64 {
        let Some(text) = self.raw(name) else {
            return default;
        };
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if is_number && range.contains(&number) => number,
            _ => {
                self.fault(name, format!("is {}", shown(&text)));
                default
            }
        }
    }

    pub(super) fn span_size(&mut self) -> SpanSize {
        let default = SpanSize::default();
        let bytes = self.bounded("SOCI_SPAN_BYTES", default.bytes(), SPAN_BYTES);
        SpanSize::from_bytes(bytes).unwrap_or(default)
    }

    pub(super) fn parsed(&mut self, name: &str, default: OutputTag) -> OutputTag {
        let Some(text) = self.raw(name) else {
            return default;
        };
        let parsed = OutputTag::from_str(&text).ok();
        // A tag without the source's in it would be moved from one image of a repository to the next.
        let template = parsed.filter(|tag| matches!(tag.for_source(None), Ok(None)));
        match template {
            Some(template) if text != "{tag}" => template,
            _ => {
                self.fault(name, format!("is {}", shown(&text)));
                default
            }
        }
    }

    /// A text in the characters that it may have.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let text = self.raw(name)?;
        let name_like = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/:".contains(&byte);
        let is_good = match name {
            "SOCI_BUILD_TOOL_IDENTIFIER" => {
                text.len() <= 128 && text.bytes().all(|b| (b' '..=b'~').contains(&b))
            }
            "SOCI_FILTERS_PARAMETER" => text.len() <= 1_011 && text.bytes().all(name_like),
            "SOCI_RESULT_EVENT_BUS" => text.len() <= 1_600 && text.bytes().all(name_like),
            "SOCI_DNS_SUFFIX" => {
                soci_ecr::RegistryHost::new("000000000000", "xx-xxxx-1", &text).is_ok()
            }
            "SOCI_REGISTRY_ENDPOINT" => format!("{text}/x")
                .parse::<soci_registry::RepositoryName>()
                .is_ok_and(|name| name.host() == text),
            _ => false,
        };
        if !is_good {
            self.fault(name, format!("is {}", shown(&text)));
        }
        is_good.then_some(text)
    }

    pub(super) fn platforms(&mut self) -> Vec<String> {
        let name = "SOCI_PLATFORMS";
        let Some(text) = self.raw(name) else {
            return Vec::new();
        };
        let is_word = |word: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
            (1..=32).contains(&word.len()) && word.bytes().all(plain)
        };
        let is_platform = |text: &str| {
            let words: Vec<_> = text.split('/').collect();
            (2..=3).contains(&words.len()) && words.into_iter().all(is_word)
        };
        let platforms: Vec<_> = text.split(',').map(|one| one.trim().to_owned()).collect();
        if let Some(wrong) = platforms.iter().find(|one| !is_platform(one)) {
            self.fault(name, format!("has {} in it", shown(wrong)));
            return Vec::new();
        }
        platforms
    }

    pub(super) fn filters(&mut self) -> FilterSource {
        let parameter = self.text("SOCI_FILTERS_PARAMETER");
        let text = self.raw("SOCI_FILTERS");
        match (text, parameter) {
            (Some(_), Some(_)) => {
                self.fault("SOCI_FILTERS", "is set, and so is SOCI_FILTERS_PARAMETER");
                FilterSource::Here(all())
            }
            (None, Some(parameter)) => FilterSource::Parameter(parameter),
            (None, None) => FilterSource::Here(all()),
            (Some(text), None) => match checked_filters(&text) {
                Ok(filters) => FilterSource::Here(filters),
                Err(problem) => {
                    self.fault("SOCI_FILTERS", problem);
                    FilterSource::Here(all())
                }
            },
        }
    }

    /// AWS sets it to a number of MiB. Where somebody else does not, nothing depends on it but what is begun at once.
    pub(super) fn memory_bytes(&mut self) -> u64 {
        let text = self.raw("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
        let mib = text.and_then(|text| text.parse::<u64>().ok());
        mib.map_or(DEFAULT_MEMORY_BYTES, |mib| mib.min(1 << 20) << 20)
    }

    pub(super) fn function_name(&mut self) -> String {
        let name = self.raw("AWS_LAMBDA_FUNCTION_NAME");
        name.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned())
    }
}

/// Every repository, every tag: as AWS's builder does when nothing else is said.
fn all() -> Filters {
    "*:*".parse().expect("it is a filter")
}

/// A list of filters of which each can choose something, and says in which repository.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn checked_filters(text: &str) -> Result<Filters, String> {
    let filters: Filters = text
        .parse()
        .map_err(|why| format!("cannot be read: {why}"))?;
    match arns::repositories(&filters) {
        Ok(_) => Ok(filters),
        Err(why) => Err(why.to_string()),
    }
}
