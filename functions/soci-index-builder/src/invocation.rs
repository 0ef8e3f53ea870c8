//! One call of the function: who asks, until when, from where.

use std::time::Instant;

use crate::payload::Registry;

/// What is known about an invocation beside its payload.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// AWS's name for it, in every line of the log.
    pub request_id: String,
    /// When it is killed.
    pub end: Instant,
    /// The function's own account and Region.
    pub here: Registry,
}

/// Account and Region of a function's ARN, `arn:<partition>:lambda:<region>:<account>:function:<name>`; empty where it is none.
#[must_use]
pub fn registry_of(function_arn: &str) -> Registry {
    let parts: Vec<_> = function_arn.split(':').collect();
    let (region, account) = match parts[..] {
        ["arn", _, "lambda", region, account, "function", ..] => (region, account),
        _ => ("", ""),
    };
    Registry {
        account: account.to_owned(),
        region: region.to_owned(),
    }
}

/// An invocation that did not succeed: Lambda tries it again, and puts it into the failure queue in the end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct InvocationFailed {
    /// The failure's kind in the closed list.
    pub kind: &'static str,
    /// What happened, in words.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_arn_tells_account_and_region() {
        let found = registry_of("arn:aws-cn:lambda:cn-north-1:123456789012:function:soci:live");
        assert_eq!(
            (found.region.as_str(), found.account.as_str()),
            ("cn-north-1", "123456789012")
        );
        assert_eq!(registry_of("x").region, "");
    }
}
