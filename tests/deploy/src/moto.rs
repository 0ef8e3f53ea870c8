//! moto's server, which imitates AWS's APIs: that a deployment can be made and taken away again, not that AWS would accept it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::facts;
use crate::program::{Said, from_xtask, run};

/// The environment of somebody with a key of AWS's, and nothing else set up.
pub const ANYBODY: [(&str, &str); 7] = [
    ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
    ("AWS_SECRET_ACCESS_KEY", "nobody's"),
    ("AWS_REGION", "eu-central-1"),
    // Version 1 of the command line looks here only.
    ("AWS_DEFAULT_REGION", "eu-central-1"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("AWS_CONFIG_FILE", "/dev/null"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
];

/// How one asks for a list.
#[derive(Debug, Clone, Copy)]
enum Call {
    Get(&'static str),
    Json(&'static str),
    Query(&'static str, &'static str),
}

/// Each kind of thing that a deployment makes, and how it is listed.
const LISTS: [(&str, &str, Call); 7] = [
    (
        "alarms",
        "monitoring",
        Call::Query("DescribeAlarms", "2010-08-01"),
    ),
    (
        "dashboards",
        "monitoring",
        Call::Query("ListDashboards", "2010-08-01"),
    ),
    ("functions", "lambda", Call::Get("/2015-03-31/functions/")),
    (
        "log groups",
        "logs",
        Call::Json("Logs_20140328.DescribeLogGroups"),
    ),
    ("queues", "sqs", Call::Json("AmazonSQS.ListQueues")),
    ("roles", "iam", Call::Query("ListRoles", "2010-05-08")),
    ("rules", "events", Call::Json("AWSEvents.ListRules")),
];

/// Every kind of `LISTS`.
#[must_use]
pub fn kinds() -> Vec<&'static str> {
    LISTS.iter().map(|(kind, ..)| *kind).collect()
}

/// A server of its own for each test.
pub struct Moto(soci_test_aws::Moto);

impl Moto {
    /// Starts it and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start() -> Moto {
        Moto(soci_test_aws::Moto::start())
    }

    /// The same with a CloudFormation that calls custom resources, with the program out of the function's own zip.
    #[must_use]
    pub fn with_custom_resources() -> Moto {
        let mut python = Command::new(from_xtask("SOCI_AWS_PROGRAMS").join("python"));
        python.arg(facts::root().join("tests/deploy/python/cloudformation.py"));
        Moto(soci_test_aws::Moto::of(python))
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.0.host())
    }

    /// AWS's own command line, or a program that finds it on its path, with this in AWS's place.
    #[must_use]
    pub fn run(&self, program: &Path, words: &[&str]) -> Said {
        let mut path = from_xtask("SOCI_AWS_PROGRAMS").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(program);
        command.args(words).env("PATH", path);
        for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN"] {
            command.env_remove(name);
        }
        command
            .envs(ANYBODY)
            .env("AWS_ENDPOINT_URL", self.address());
        run(&mut command, "")
    }

    /// What AWS's own command line answers.
    ///
    /// # Panics
    /// When it fails, or answers no JSON.
    #[must_use]
    pub fn aws(&self, words: &[&str]) -> Value {
        let program = from_xtask("SOCI_AWS_PROGRAMS").join("aws");
        let said = self.run(&program, &[words, &["--output", "json"]].concat());
        let answer = said.success();
        match answer.trim() {
            "" => Value::Null,
            answer => serde_json::from_str(answer).expect("JSON"),
        }
    }

    /// The kinds of which it holds something whose name begins so.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn holds(&self, name: &str) -> Vec<&'static str> {
        let kinds = LISTS.into_iter();
        let kinds = kinds.filter(|(_, service, call)| self.ask(service, *call).contains(name));
        kinds.map(|(kind, ..)| kind).collect()
    }

    /// One call, signed as by somebody: moto tells services apart by what is signed for, and looks at no signature.
    fn ask(&self, service: &str, call: Call) -> String {
        let (method, path, headers, body) = match call {
            Call::Get(path) => ("GET", path, String::new(), String::new()),
            Call::Json(target) => {
                let headers = format!(
                    "X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n"
                );
                ("POST", "/", headers, "{}".to_owned())
            }
            Call::Query(action, version) => {
                let headers = "Content-Type: application/x-www-form-urlencoded\r\n".to_owned();
                (
                    "POST",
                    "/",
                    headers,
                    format!("Action={action}&Version={version}"),
                )
            }
        };
        let question = format!(
            "{method} {path} HTTP/1.0\r\nHost: moto\r\n{headers}Content-Length: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=x\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.0.host()).expect("moto answers");
        stream.write_all(question.as_bytes()).expect("it is asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let status = answer.split(' ').nth(1);
        assert_eq!(status, Some("200"), "{service}: {answer}");
        answer
    }
}
