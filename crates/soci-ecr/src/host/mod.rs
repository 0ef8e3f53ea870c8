//! Names of ECR's registries, and of the API that gives tokens for each.
//!
//! | registry | its API |
//! | --- | --- |
//! | `<account>.dkr.ecr.<region>.<suffix>` | `api.ecr.<region>.<suffix>` |
//! | `<account>.dkr.ecr-fips.<region>.<suffix>` | `api.ecr-fips.<region>.<suffix>` |
//! | `<account>.dkr-ecr.<region>.on.<suffix>` (dual stack) | `ecr.<region>.api.<suffix>` |
//! | `<account>.dkr-ecr-fips.<region>.on.<suffix>` | `ecr-fips.<region>.api.<suffix>` |
//!
//! A name is recognised by its shape, so that a partition that does not exist yet works on its first day. That is safe only
//! because the API's name is made from the same suffix: whoever owns the suffix of a look-alike is asked for a token
//! himself, and gets back what he gave.

mod partitions;

use std::fmt;

pub use partitions::suffix_of;

use partitions::{DUAL_STACK_SUFFIXES, SUFFIXES};

/// Bytes of a host name: RFC 1035, section 2.3.4.
const HOST_BYTES: usize = 253;

/// Bytes of one part of a host name: RFC 1035, section 2.3.4.
const LABEL_BYTES: usize = 63;

/// The host of an account's registry in a region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RegistryHost {
    account: String,
    region: String,
    /// Without the `on.` of dual-stack names.
    suffix: String,
    flavour: &'static Flavour,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Flavour {
    /// What stands between account and region, with its dots.
    name: &'static str,
    fips: bool,
    dual_stack: bool,
}

const fn flavour(name: &'static str, fips: bool, dual_stack: bool) -> Flavour {
    Flavour {
        name,
        fips,
        dual_stack,
    }
}

/// The plain one first.
static FLAVOURS: [Flavour; 4] = [
    flavour("dkr.ecr.", false, false),
    flavour("dkr.ecr-fips.", true, false),
    flavour("dkr-ecr.", false, true),
    flavour("dkr-ecr-fips.", true, true),
];

/// A part of a registry's host is not what it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHost {
    /// The account.
    #[error("an AWS account has 12 digits")]
    Account,
    /// The region.
    #[error("an AWS region looks like eu-central-1")]
    Region,
    /// The domain suffix.
    #[error("a partition's domain suffix looks like amazonaws.com")]
    Suffix,
}

impl RegistryHost {
    /// The plain host of an account's registry; the suffix is `AWS::URLSuffix` in templates, else [`suffix_of`] the region.
    ///
    /// # Errors
    /// Which part cannot be one.
    pub fn new(account: &str, region: &str, suffix: &str) -> Result<RegistryHost, InvalidHost> {
        let host = RegistryHost {
            account: account.to_owned(),
            region: region.to_owned(),
            suffix: suffix.to_owned(),
            flavour: &FLAVOURS[0],
        };
        host.checked()
    }

    /// What a registry host says, or `None` if it is none of ECR's by its shape. One with a port is not: ECR has none.
    #[must_use]
    pub fn parse(host: &str) -> Option<RegistryHost> {
        let host = host.to_ascii_lowercase();
        let (account, rest) = host.split_once('.')?;
        let (flavour, rest) = FLAVOURS
            .iter()
            .find_map(|flavour| Some((flavour, rest.strip_prefix(flavour.name)?)))?;
        let (region, suffix) = rest.split_once('.')?;
        let suffix = match flavour.dual_stack {
            true => suffix.strip_prefix("on.")?,
            false => suffix,
        };
        let found = RegistryHost {
            account: account.to_owned(),
            region: region.to_owned(),
            suffix: suffix.to_owned(),
            flavour,
        };
        found.checked().ok()
    }

    /// The account, 12 digits.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether the suffix is that of a partition known today. One of any other may belong to anybody.
    #[must_use]
    pub fn is_known(&self) -> bool {
        let known = match self.flavour.dual_stack {
            true => DUAL_STACK_SUFFIXES,
            false => SUFFIXES,
        };
        known.contains(&self.suffix.as_str())
    }

    /// Address of the API that gives tokens for this registry. `fips` and `dual_stack` ask for these flavours even where the
    /// registry's name does not.
    pub(crate) fn api(&self, fips: bool, dual_stack: bool) -> String {
        let region = &self.region;
        let fips = fips || self.flavour.fips;
        let dual = match self.flavour.dual_stack {
            true => Some(self.suffix.as_str()),
            false => partitions::dual_stack_of(&self.suffix).filter(|_| dual_stack),
        };
        match (fips, dual) {
            (false, None) => format!("https://api.ecr.{region}.{}", self.suffix),
            (true, None) => format!("https://api.ecr-fips.{region}.{}", self.suffix),
            (false, Some(suffix)) => format!("https://ecr.{region}.api.{suffix}"),
            (true, Some(suffix)) => format!("https://ecr-fips.{region}.api.{suffix}"),
        }
    }

    fn checked(self) -> Result<RegistryHost, InvalidHost> {
        if self.account.len() != 12 || !self.account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidHost::Account);
        }
        if !is_region(&self.region) {
            return Err(InvalidHost::Region);
        }
        if !is_suffix(&self.suffix, self.flavour.dual_stack) || self.to_string().len() > HOST_BYTES
        {
            return Err(InvalidHost::Suffix);
        }
        Ok(self)
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = if self.flavour.dual_stack { "on." } else { "" };
        write!(
            f,
            "{}.{}{}.{on}{}",
            self.account, self.flavour.name, self.region, self.suffix
        )
    }
}

/// Three words or more, the last a number: `us-gov-west-1`. Names that Amazon lets its customers choose under its own
/// suffixes (`<bucket>.s3.amazonaws.com`) have no such part in this place.
fn is_region(text: &str) -> bool {
    let words: Vec<_> = text.split('-').collect();
    let Some((number, names)) = words.split_last() else {
        return false;
    };
    let is_name =
        |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase()) && is_label(word);
    text.len() <= LABEL_BYTES
        && names.len() >= 2
        && names.iter().all(is_name)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// At least two parts, for a dual-stack name one; the last is a word, so that no address is taken for a name.
fn is_suffix(text: &str, dual_stack: bool) -> bool {
    let labels: Vec<_> = text.split('.').collect();
    let is_word = |label: &&str| {
        label.len() >= 2
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && label.starts_with(|c: char| c.is_ascii_lowercase())
    };
    labels.len() >= if dual_stack { 1 } else { 2 }
        && labels.iter().all(|label| is_label(label))
        && labels.last().is_some_and(is_word)
}

fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LABEL_BYTES).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests;
