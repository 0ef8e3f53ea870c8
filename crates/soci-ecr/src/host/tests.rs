//! Names that are ECR's, names that only look like it, and the AWS SDK's own opinion of each API's address.

use aws_sdk_ecr::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use proptest::prelude::*;

use super::*;

/// Registry, its account and region, whether its suffix is known, its API.
const HOSTS: &[(&str, &str, bool, &str)] = &[
    (
        "123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "us-east-1",
        true,
        "api.ecr.us-east-1.amazonaws.com",
    ),
    (
        "123456789012.DKR.ECR.US-EAST-1.AmazonAWS.com",
        "us-east-1",
        true,
        "api.ecr.us-east-1.amazonaws.com",
    ),
    (
        "000000000000.dkr.ecr.us-gov-west-1.amazonaws.com",
        "us-gov-west-1",
        true,
        "api.ecr.us-gov-west-1.amazonaws.com",
    ),
    (
        "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        "us-gov-west-1",
        true,
        "api.ecr-fips.us-gov-west-1.amazonaws.com",
    ),
    (
        "123456789012.dkr-ecr.eu-west-1.on.aws",
        "eu-west-1",
        true,
        "ecr.eu-west-1.api.aws",
    ),
    (
        "123456789012.dkr-ecr-fips.us-east-2.on.aws",
        "us-east-2",
        true,
        "ecr-fips.us-east-2.api.aws",
    ),
    (
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "cn-north-1",
        true,
        "api.ecr.cn-north-1.amazonaws.com.cn",
    ),
    (
        "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
        "cn-north-1",
        true,
        "ecr.cn-north-1.api.amazonwebservices.com.cn",
    ),
    (
        "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
        "eusc-de-east-1",
        true,
        "api.ecr.eusc-de-east-1.amazonaws.eu",
    ),
    (
        "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov",
        "us-iso-east-1",
        true,
        "api.ecr.us-iso-east-1.c2s.ic.gov",
    ),
    (
        "123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
        "us-isob-east-1",
        true,
        "api.ecr.us-isob-east-1.sc2s.sgov.gov",
    ),
    (
        "123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
        "eu-isoe-west-1",
        true,
        "api.ecr.eu-isoe-west-1.cloud.adc-e.uk",
    ),
    (
        "123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov",
        "us-isof-south-1",
        true,
        "api.ecr.us-isof-south-1.csp.hci.ic.gov",
    ),
    // Partitions that do not exist yet.
    (
        "123456789012.dkr.ecr.mars-east-2.aws.example",
        "mars-east-2",
        false,
        "api.ecr.mars-east-2.aws.example",
    ),
    (
        "123456789012.dkr-ecr.mars-east-2.on.awz",
        "mars-east-2",
        false,
        "ecr.mars-east-2.api.awz",
    ),
    // Somebody's: asked for a token himself.
    (
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example",
        "us-east-1",
        false,
        "api.ecr.us-east-1.amazonaws.com.evil.example",
    ),
    (
        "123456789012.dkr.ecr.us-east-1.evil.amazonaws.com",
        "us-east-1",
        false,
        "api.ecr.us-east-1.evil.amazonaws.com",
    ),
    (
        "123456789012.dkr.ecr.us-east-1.s3.amazonaws.com",
        "us-east-1",
        false,
        "api.ecr.us-east-1.s3.amazonaws.com",
    ),
    (
        "123456789012.dkr-ecr.us-east-1.on.amazonaws.com",
        "us-east-1",
        false,
        "ecr.us-east-1.api.amazonaws.com",
    ),
    (
        "123456789012.dkr.ecr.us-east-1.on.aws",
        "us-east-1",
        false,
        "api.ecr.us-east-1.on.aws",
    ),
];

const OTHERS: &[&str] = &[
    "",
    ".",
    "docker.io",
    "public.ecr.aws",
    "localhost:5000",
    "127.0.0.1:5000",
    "[::1]",
    "dkr.ecr.us-east-1.amazonaws.com",
    "12345678901.dkr.ecr.us-east-1.amazonaws.com",
    "1234567890123.dkr.ecr.us-east-1.amazonaws.com",
    "12345678901a.dkr.ecr.us-east-1.amazonaws.com",
    "１23456789012.dkr.ecr.us-east-1.amazonaws.com",
    "vpce-0a.dkr.ecr.us-east-1.vpce.amazonaws.com",
    // Something before, after or between.
    "evil.example.123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "evil.123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "evil.com.dkr.ecr.us-east-1.amazonaws.com",
    "https://123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com/",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com.",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com:443",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com:80@evil.example",
    "user@123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com#evil",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com?x",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com\n",
    " 123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "123456789012..dkr.ecr.us-east-1.amazonaws.com",
    "123456789012.dkr..ecr.us-east-1.amazonaws.com",
    // Mixtures of the flavours.
    "123456789012.dkr.dkr-ecr.us-east-1.on.aws",
    "123456789012.ecr.us-east-1.amazonaws.com",
    "123456789012.dkr.ecrx.us-east-1.amazonaws.com",
    "123456789012.dkr-ecr.us-east-1.amazonaws.com",
    "123456789012.dkr-ecr.us-east-1.on",
    "123456789012.dkr-ecr.us-east-1.on.",
    // No region where it belongs: names of buckets, load balancers, addresses.
    "123456789012.dkr.ecr.s3.amazonaws.com",
    "123456789012.dkr.ecr.s3.us-east-1.amazonaws.com",
    "123456789012.dkr.ecr.elb.amazonaws.com",
    "123456789012.dkr.ecr.amazonaws.com",
    "123456789012.dkr.ecr.us_east_1.amazonaws.com",
    "123456789012.dkr.ecr.us-east.amazonaws.com",
    "123456789012.dkr.ecr.us-east-.amazonaws.com",
    "123456789012.dkr.ecr.-east-1.amazonaws.com",
    "123456789012.dkr.ecr.us--1.amazonaws.com",
    "123456789012.dkr.ecr.1-2-3.amazonaws.com",
    "123456789012.dkr.ecr.us-east-1",
    "123456789012.dkr.ecr.us-east-1.",
    "123456789012.dkr.ecr.us-east-1.com",
    "123456789012.dkr.ecr.us-east-1.127.0.0.1",
    "123456789012.dkr.ecr.us-east-1.a..com",
    "123456789012.dkr.ecr.us-east-1.-a.com",
    "123456789012.dkr.ecr.us-east-1.amazonaws.c%6fm",
    "123456789012.dkr.ecr.us-east-1.amazonaws.cоm",
];

/// Defect A19 of AWS's builder: two domains are known, and names that only contain one pass.
#[test]
fn recognises_hosts_of_every_partition_and_flavour() {
    for (text, region, known, api) in HOSTS {
        let host = RegistryHost::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(host.region(), *region, "{text}");
        assert_eq!(host.account(), &text[..12], "{text}");
        assert_eq!(host.is_known(), *known, "{text}");
        assert_eq!(host.api(false, false), format!("https://{api}"), "{text}");
        assert_eq!(host.to_string(), text.to_ascii_lowercase());
    }
}

#[test]
fn other_hosts_are_not_recognised() {
    for text in OTHERS {
        assert_eq!(RegistryHost::parse(text), None, "{text}");
    }
    let long = format!(
        "123456789012.dkr.ecr.us-east-1.{}com",
        "abcdefghi.".repeat(30)
    );
    assert_eq!(RegistryHost::parse(&long), None);
}

#[test]
fn makes_hosts_from_their_parts() {
    let region = "cn-northwest-1";
    let host = RegistryHost::new("123456789012", region, suffix_of(region)).expect("a host");
    assert_eq!(
        host.to_string(),
        "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn"
    );
    let new = RegistryHost::new;
    assert_eq!(
        new("12", "us-east-1", "amazonaws.com"),
        Err(InvalidHost::Account)
    );
    assert_eq!(
        new("123456789012", "x.evil", "amazonaws.com"),
        Err(InvalidHost::Region)
    );
    assert_eq!(
        new("123456789012", "us-east-1", ""),
        Err(InvalidHost::Suffix)
    );
    assert_eq!(
        new("123456789012", "us-east-1", "a.b/c"),
        Err(InvalidHost::Suffix)
    );
}

fn sdk_api(region: &str, fips: bool, dual_stack: bool) -> Option<String> {
    let params = Params::builder()
        .region(region)
        .use_fips(fips)
        .use_dual_stack(dual_stack);
    let params = params.build().expect("complete");
    let resolver = DefaultResolver::new();
    let found = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(resolver.resolve_endpoint(&params));
    found.ok().map(|endpoint| endpoint.url().to_owned())
}

#[test]
fn matches_sdk_in_every_partition() {
    let regions = "us-east-1 eu-central-1 us-gov-west-1 us-gov-east-1 cn-north-1 eusc-de-east-1 us-iso-east-1 \
        us-isob-east-1 eu-isoe-west-1 us-isof-south-1 us-isof-east-1 mx-central-1";
    for region in regions.split_whitespace() {
        let host = RegistryHost::new("123456789012", region, suffix_of(region)).expect("a host");
        assert!(host.is_known(), "{region}");
        for (fips, dual_stack) in [(false, false), (false, true), (true, false), (true, true)] {
            let ours = host.api(fips, dual_stack);
            assert_eq!(Some(ours), sdk_api(region, fips, dual_stack), "{region}");
        }
    }
}

proptest! {
    #[test]
    fn prop_parts_survive_the_name(
        account in "[0-9]{12}",
        region in "[a-z]{2,4}(-[a-z]{2,6}){1,2}-[0-9]{1,2}",
        suffix in "[a-z0-9]{1,9}(\\.[a-z0-9]{1,5}){0,3}\\.[a-z]{2,5}",
    ) {
        let host = RegistryHost::new(&account, &region, &suffix).expect("valid parts");
        prop_assert_eq!(RegistryHost::parse(&host.to_string()), Some(host));
    }

    /// Whatever is recognised is written the same way again, and its API is under its own suffix.
    #[test]
    fn prop_nothing_is_added_or_lost(text in "([0-9]{11,13}|[a-z.]{0,5})[.:/@-]?(dkr[.-]ecr(-fips)?)?[.-]?[a-z0-9.-]{0,12}(-1)?\\.?(on\\.aws|amazonaws\\.com)?[a-z.:/@#\n]{0,6}") {
        if let Some(host) = RegistryHost::parse(&text) {
            prop_assert_eq!(host.to_string(), text);
            let own = format!(".{}", host.suffix);
            prop_assert!(host.api(false, false).ends_with(&own), "{}", host);
        }
    }
}
