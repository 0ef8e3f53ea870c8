//! What the function may do, as `infra/iam.json` lists it, held against what it asks: a registry behind a [`Gate`] answers as Amazon ECR
//! does to a role that may not, and every request is written down as the actions that it needs.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use soci_test_aws::{ACCOUNT, Call, REGION};

use crate::proxy::{Answer, Asked, Proxy};

/// The event bus that is told of results.
pub const BUS: &str = "arn:aws:events:eu-central-1:123456789012:event-bus/results";

/// One statement: what it allows, and on what.
#[derive(Debug, Clone)]
struct Statement {
    sid: String,
    used_by: String,
    actions: BTreeSet<String>,
    resources: Vec<String>,
}

/// The statements, and which actions a request needs.
#[derive(Debug, Clone)]
pub struct Policy {
    statements: Vec<Statement>,
    facts: Arc<Value>,
}

impl Policy {
    /// The list's, for these repositories, given as ARNs.
    ///
    /// # Panics
    /// When the list is not as expected.
    #[must_use]
    pub fn for_repositories(repository_arns: &[String]) -> Policy {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/iam.json");
        let text = std::fs::read_to_string(path).expect("infra/iam.json is read");
        let facts: Value = serde_json::from_str(&text).expect("it is JSON");
        let of = |one: &Value| Statement {
            sid: one["sid"].as_str().expect("a name").to_owned(),
            used_by: one["used_by"].as_str().expect("a text").to_owned(),
            actions: texts(&one["actions"]).collect(),
            resources: texts(&one["resources"])
                .flat_map(|resource| match resource.as_str() {
                    "{repository_arns}" => repository_arns.to_vec(),
                    "{result_event_bus_arn}" => vec![BUS.to_owned()],
                    _ => vec![resource],
                })
                .collect(),
        };
        Policy {
            statements: list(&facts["statements"]).iter().map(of).collect(),
            facts: Arc::new(facts),
        }
    }

    /// The actions that the function itself is there to use, by the statement that allows them.
    #[must_use]
    pub fn own_actions(&self) -> Vec<(&str, &str)> {
        let own = self.statements.iter();
        let own = own.filter(|one| one.used_by == "function");
        own.flat_map(|one| one.actions.iter().map(|action| (&*one.sid, &**action)))
            .collect()
    }

    /// The same without one action.
    #[must_use]
    pub fn without(&self, action: &str) -> Policy {
        let mut other = self.clone();
        for statement in &mut other.statements {
            statement.actions.remove(action);
        }
        other
    }

    /// The same without one statement.
    #[must_use]
    pub fn without_statement(&self, sid: &str) -> Policy {
        let mut other = self.clone();
        other.statements.retain(|one| one.sid != sid);
        assert!(other.statements.len() < self.statements.len(), "{sid}");
        other
    }

    /// Whether it allows an action on a resource.
    #[must_use]
    pub fn allows(&self, action: &str, resource: &str) -> bool {
        self.statements.iter().any(|one| {
            one.actions.contains(action) && one.resources.iter().any(|wild| admits(wild, resource))
        })
    }

    /// What a request to the registry needs: actions, and the repository's ARN. `None` for one that the list does not know.
    #[must_use]
    pub fn needs(&self, asked: &Asked) -> Option<(BTreeSet<String>, String)> {
        let path = asked.path.split(['?', '#']).next().unwrap_or_default();
        list(&self.facts["routes"]).iter().find_map(|route| {
            let is_method = texts(&route["methods"]).any(|method| method == asked.method);
            let name = repository(route["route"].as_str().expect("a text"), path)?;
            let arn = format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}");
            is_method.then(|| (texts(&route["actions"]).collect(), arn))
        })
    }

    /// What a call to AWS needs: its action and what it is done to. `None` for one that the list does not know.
    #[must_use]
    pub fn needs_of_call(&self, call: &Call) -> Option<(String, String)> {
        let mut calls = list(&self.facts["calls"]).iter();
        let known = calls.find(|one| one["operation"] == *call.name)?;
        let resource = match &call.body["Entries"][0]["EventBusName"] {
            Value::String(bus) => bus.clone(),
            _ => "*".to_owned(),
        };
        let action = texts(&known["actions"]).next()?;
        Some((action, resource))
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn texts(value: &Value) -> impl Iterator<Item = String> {
    let texts = list(value).iter();
    texts.map(|one| one.as_str().expect("a text").to_owned())
}

/// As policies match a resource: `*` any characters, `?` one, everything else itself.
fn admits(wild: &str, resource: &str) -> bool {
    match wild.chars().next() {
        None => resource.is_empty(),
        Some('*') => {
            let rest = &wild[1..];
            let mut from = resource.char_indices().map(|(at, _)| at);
            from.any(|at| admits(rest, &resource[at..])) || admits(rest, "")
        }
        Some(own) => {
            let mut others = resource.chars();
            let taken = others.next();
            taken.is_some_and(|other| own == '?' || own == other)
                && admits(&wild[own.len_utf8()..], others.as_str())
        }
    }
}

/// The repository's name where a path is one of the route. A name may have slashes in it, so paths are read from their end.
fn repository<'a>(route: &str, path: &'a str) -> Option<&'a str> {
    let behind = route.strip_prefix("/v2/{name}/").expect("it has a name");
    let mut rest = path.strip_prefix("/v2/")?;
    for word in behind.rsplit('/') {
        let (before, found) = rest.rsplit_once('/')?;
        let is_so = match word {
            "{digest}" => found.contains(':'),
            word if word.starts_with('{') => !found.is_empty(),
            word => word == found,
        };
        if !is_so {
            return None;
        }
        rest = before;
    }
    (!rest.is_empty()).then_some(rest)
}

/// What was asked of a registry.
#[derive(Debug, Default, Clone)]
pub struct Trace {
    /// Actions that were needed and allowed.
    pub used: BTreeSet<String>,
    /// Actions that were needed and not allowed, with what they were to be done to.
    pub denied: BTreeSet<(String, String)>,
    /// Requests that the list does not know.
    pub unknown: Vec<String>,
}

/// A registry that lets a role do what its policy allows, in front of a real one.
pub struct Gate {
    proxy: Proxy,
    trace: Arc<Mutex<Trace>>,
}

impl Gate {
    /// In front of a registry's host.
    pub async fn start(upstream: &str, policy: &Policy) -> Gate {
        let trace: Arc<Mutex<Trace>> = Arc::default();
        let (seen, policy) = (Arc::clone(&trace), policy.clone());
        let proxy = Proxy::start(upstream, move |asked| {
            let answer = judge(&policy, &asked, &mut lock(&seen));
            Box::pin(std::future::ready(answer))
        });
        Gate {
            proxy: proxy.await,
            trace,
        }
    }

    /// 127.0.0.1 with its port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.proxy.host()
    }

    /// Everything since the last time.
    #[must_use]
    pub fn take(&self) -> Trace {
        std::mem::take(&mut *lock(&self.trace))
    }
}

fn lock(trace: &Mutex<Trace>) -> MutexGuard<'_, Trace> {
    trace.lock().expect("no test panics here")
}

fn judge(policy: &Policy, asked: &Asked, trace: &mut Trace) -> Option<Answer> {
    let Some((actions, arn)) = policy.needs(asked) else {
        trace
            .unknown
            .push(format!("{} {}", asked.method, asked.path));
        return Some(Answer::error(403, "DENIED"));
    };
    let (allowed, denied): (BTreeSet<_>, BTreeSet<_>) = actions
        .into_iter()
        .partition(|action| policy.allows(action, &arn));
    let is_denied = !denied.is_empty();
    trace.used.extend(allowed);
    trace
        .denied
        .extend(denied.into_iter().map(|action| (action, arn.clone())));
    is_denied.then(|| Answer::error(403, "DENIED"))
}
