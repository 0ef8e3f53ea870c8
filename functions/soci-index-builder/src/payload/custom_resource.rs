//! The request that CloudFormation sends when a stack with the custom resource is created, updated or deleted, and our answer.
//!
//! The answer goes to an address that is a credential by itself, so it is kept as a [`Url`], which shows without its query.

use serde_json::{Map, Value, json};
use soci_registry::Url;

use super::fields::{Fields, Refused, refuse, shown};

/// Characters of each of the request's names. CloudFormation's own limits are below.
const NAME_CHARS: usize = 2_048;

/// Bytes of an answer; AWS CloudFormation user guide, "Custom resource response objects".
const ANSWER_BYTES: usize = 4_096;

/// Characters of the reason in an answer, so that the whole stays below [`ANSWER_BYTES`].
const REASON_CHARS: usize = 1_000;

/// The resource's name before CloudFormation has one for it. It never changes, so that an update replaces nothing.
const PHYSICAL_ID: &str = "repository-arns";

/// What CloudFormation wants to know, and where to. What else is wrong with a request whose answer is waited for at a good address is told
/// there: a stack would wait for an hour otherwise.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomResourceRequest {
    /// What happens to the stack.
    pub change: Change,
    /// What is wrong with the request, if anything is. Fields that cannot be read are empty then.
    pub fault: Option<Refused>,
    /// Where the answer is waited for.
    pub answer_to: Url,
    /// The partition, Region and account of the stack: they go into the ARNs.
    pub partition: String,
    /// See `partition`.
    pub region: String,
    /// See `partition`.
    pub account: String,
    stack_id: String,
    request_id: String,
    logical_id: String,
    physical_id: String,
}

/// What happens to the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The resource is created or its properties changed: the ARNs are wanted.
    Set,
    /// It goes. There is nothing to take away, so this always succeeds.
    Delete,
    /// A type of request that CloudFormation does not have today.
    Unknown,
}

impl CustomResourceRequest {
    pub(super) fn parse(object: &Map<String, Value>) -> Result<CustomResourceRequest, Refused> {
        let fields = Fields::new(object);
        let answer_to = answer_address(fields.required("ResponseURL")?)?;
        let mut fault = None;
        let mut read = |text: Result<String, Refused>| {
            text.unwrap_or_else(|why| {
                fault.get_or_insert(why);
                String::new()
            })
        };
        let kind = read(name(&fields, "RequestType"));
        let request_id = read(name(&fields, "RequestId"));
        let logical_id = read(name(&fields, "LogicalResourceId"));
        let physical_id = match fields.optional("PhysicalResourceId") {
            Ok(None) => String::new(),
            Ok(Some(_)) | Err(_) => read(name(&fields, "PhysicalResourceId")),
        };
        let stack_id = read(name(&fields, "StackId"));
        let parts = parts_of(&stack_id);
        if parts.is_none() {
            fault.get_or_insert_with(|| {
                refuse(format!("StackId is no stack's ARN: {}", shown(&stack_id)))
            });
        }
        let [partition, region, account] = parts.unwrap_or_default();
        Ok(CustomResourceRequest {
            change: match kind.as_str() {
                "Create" | "Update" => Change::Set,
                "Delete" => Change::Delete,
                _ => Change::Unknown,
            },
            fault,
            answer_to,
            partition,
            region,
            account,
            stack_id,
            request_id,
            logical_id,
            physical_id: match physical_id.as_str() {
                "" => PHYSICAL_ID.to_owned(),
                _ => physical_id,
            },
        })
    }

    /// The answer that it went well, with the ARNs if they were wanted; that it did not when they make the answer too long.
    #[must_use]
    pub fn success(&self, arns: &[String]) -> (bool, Vec<u8>) {
        let answer = self.answer(json!({"Status": "SUCCESS", "Data": {"RepositoryArns": arns}}));
        match answer.len() <= ANSWER_BYTES {
            true => (true, answer),
            false => (
                false,
                self.failure(&format!(
                    "the filters name {} repositories, whose ARNs take {} bytes of an answer that may have {ANSWER_BYTES}; use fewer, wider filters",
                    arns.len(),
                    answer.len()
                )),
            ),
        }
    }

    /// The answer that it did not go well.
    #[must_use]
    pub fn failure(&self, reason: &str) -> Vec<u8> {
        let reason: String = reason.chars().take(REASON_CHARS).collect();
        self.answer(json!({"Status": "FAILED", "Reason": reason}))
    }

    fn answer(&self, mut answer: Value) -> Vec<u8> {
        answer["StackId"] = json!(self.stack_id);
        answer["RequestId"] = json!(self.request_id);
        answer["LogicalResourceId"] = json!(self.logical_id);
        answer["PhysicalResourceId"] = json!(self.physical_id);
        answer.to_string().into_bytes()
    }
}

fn name(fields: &Fields<'_>, name: &str) -> Result<String, Refused> {
    let text = fields.required(name)?;
    match text.len() <= NAME_CHARS {
        true => Ok(text.to_owned()),
        false => Err(refuse(format!(
            "{name} has {} characters, at most {NAME_CHARS} are taken",
            text.len()
        ))),
    }
}

/// Partition, Region and account of `arn:<partition>:cloudformation:<region>:<account>:stack/…`.
fn parts_of(stack_id: &str) -> Option<[String; 3]> {
    let mut parts = stack_id.splitn(6, ':');
    let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = |text: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=64).contains(&text.len()) && text.bytes().all(is_plain)
    };
    let is_stack = arn == "arn" && service == "cloudformation" && rest.starts_with("stack/");
    let parts = [partition, region, account];
    (is_stack && parts.iter().all(|part| plain(part))).then(|| parts.map(str::to_owned))
}

/// CloudFormation's addresses are https; only this machine may be answered without.
fn answer_address(text: &str) -> Result<Url, Refused> {
    Url::parse(text)
        .filter(|url| url.is_https() || url.is_loopback())
        .ok_or_else(|| refuse("ResponseURL is no https address"))
}

impl std::fmt::Debug for CustomResourceRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomResourceRequest")
            .field("change", &self.change)
            .field("stack_id", &self.stack_id)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}
