//! moto's server, which imitates AWS's APIs: that a deployment can be made and taken away again, not that AWS would accept it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

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

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.0.host())
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
