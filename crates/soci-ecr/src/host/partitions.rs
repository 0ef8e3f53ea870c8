//! AWS's partitions: parts of the world with a domain of their own.
//!
//! The list is what the AWS SDK's endpoint data says, and a test holds it to that. Nothing but [`suffix_of`] and the question
//! whether a name is certainly Amazon's depends on its being complete.

/// Domain suffixes of plain and FIPS names.
pub(super) const SUFFIXES: &[&str] = &[
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// What follows `on.` in dual-stack names, `api.` in those of APIs.
pub(super) const DUAL_STACK_SUFFIXES: &[&str] = &[
    "aws",
    "amazonwebservices.com.cn",
    "amazonwebservices.eu",
    "aws.ic.gov",
    "aws.scloud",
    "cloud-aws.adc-e.uk",
    "aws.hci.ic.gov",
];

/// How regions of partitions begin. All others are in `aws` and `aws-us-gov`, which share their suffix.
const PREFIXES: &[(&str, &str)] = &[
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
];

/// The domain suffix of the partition in which a region lies, as far as it is known today.
#[must_use]
pub fn suffix_of(region: &str) -> &'static str {
    let found = PREFIXES
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix));
    found.map_or(SUFFIXES[0], |(_, suffix)| suffix)
}

/// The dual-stack suffix of the partition with this plain one.
pub(super) fn dual_stack_of(suffix: &str) -> Option<&'static str> {
    let place = SUFFIXES.iter().position(|known| *known == suffix)?;
    DUAL_STACK_SUFFIXES.get(place).copied()
}
