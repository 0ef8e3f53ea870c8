//! Runs the job behind the proxy, and holds the run to what must be true of every run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use soci_e2e::fault::{Ask, Fault, FaultProxy, Hurried, Rule, Seen, Setup};
use soci_e2e::{Registry, Walked, images, index, options, prove, tagged, walk};
use soci_index::{
    IndexFormat, IndexOptions, LayerOutcome, Level, Outcome, Proof, Report, VerifyOptions, verify,
};
use soci_registry::{Digest, Http, HttpOptions, Manifest, RetryPolicy, Target};
use soci_testkit::image::Image;

use crate::v1;

/// Names one case of a table by a part of its name.
const CASE: &str = "SOCI_FAULT_CASE";

/// With everything that the proxy can add to a registry, and with nothing.
pub(super) const FULL: Setup = Setup {
    tokens: true,
    redirects: true,
};
pub(super) const PLAIN: Setup = Setup {
    tokens: false,
    redirects: false,
};

/// How long nothing may move where a fault is silent: short enough to be waited for a hundred times. A busy machine is now and then silent
/// for longer than that by itself, so that all other faults meet the patience that users have.
const IDLE: Duration = Duration::from_millis(700);

/// How much longer than its patience any run takes, however busy the machine. One that does not end is a failure like another.
const MOST: Duration = Duration::from_secs(120);

/// Requests that one fault may cost: all of a call once more, with a new token and a redirect.
const REQUESTS_PER_FAULT: usize = 5;

/// A registry, an image, and what comes of it when nothing goes wrong.
pub(super) struct Bench {
    registry: Registry,
    /// With the patience of [`IDLE`].
    impatient: Http,
    patient: Http,
    image: Image,
    expected: Walked,
    /// SOCI indexes of version 1 by what they refer to.
    expected_v1: BTreeMap<Digest, Vec<Manifest>>,
    /// Sizes of the layers that are read.
    layers: BTreeMap<String, u64>,
    runs: AtomicUsize,
}

/// What is run, and how.
#[derive(Clone)]
pub(super) struct Plan {
    /// What it is called.
    pub(super) name: String,
    /// How it is repeated.
    pub(super) command: String,
    pub(super) setup: Setup,
    pub(super) rules: Vec<Rule>,
    pub(super) concurrency: usize,
    /// How long it may take, on a clock that is not hurried.
    pub(super) patience: Option<Duration>,
    /// Whether the result of an undisturbed run is there before.
    pub(super) is_there: bool,
    pub(super) force: bool,
    pub(super) format: IndexFormat,
}

/// What a run came to.
pub(super) struct Run {
    pub(super) plan: Plan,
    repository: String,
    pub(super) report: Report,
    pub(super) seen: Vec<Seen>,
    pub(super) waits: Vec<Duration>,
    pub(super) elapsed: Duration,
    /// Whether the output tag was there after it.
    pub(super) is_tagged: bool,
}

impl Plan {
    /// A case of a table.
    pub(super) fn case(test: &str, name: impl Into<String>, rules: Vec<Rule>) -> Plan {
        let name = name.into();
        let command = format!(
            "{CASE}='{name}' cargo test -p soci-e2e --test e2e -- faults::{test} --nocapture"
        );
        Plan {
            name,
            command,
            setup: FULL,
            rules,
            concurrency: 1,
            patience: None,
            is_there: false,
            force: false,
            format: IndexFormat::V2,
        }
    }

    fn is_silent(&self) -> bool {
        self.rules.iter().any(|rule| rule.fault.is_silent())
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n  case: {}, {:?}", self.plan.name, self.plan.setup)?;
        for rule in &self.plan.rules {
            writeln!(f, "  rule: {rule:?}")?;
        }
        writeln!(
            f,
            "  came to: {:?}, {:?}, {:?}",
            self.report.outcome, self.report.kind, self.report.error
        )?;
        writeln!(f, "  requests: {}", self.seen.len())?;
        for seen in self.seen.iter().filter(|seen| seen.fault.is_some()).take(9) {
            writeln!(f, "    {seen:?}")?;
        }
        writeln!(f, "  repeat it: {}", self.plan.command)
    }
}

fn options_of(format: IndexFormat) -> IndexOptions {
    IndexOptions {
        format,
        ..options()
    }
}

/// The cases of a table, or those that are asked for.
pub(super) fn wanted(mut cases: Vec<Plan>) -> Vec<Plan> {
    let wanted = std::env::var(CASE).ok();
    cases.retain(|plan| wanted.as_ref().is_none_or(|part| plan.name.contains(part)));
    // Tables beside each other are asked for by one name, and not all of them have it.
    assert!(
        wanted.is_some() || !cases.is_empty(),
        "a table without cases"
    );
    match wanted {
        Some(part) => println!("{} cases have {part:?} in their names", cases.len()),
        None => println!("{} cases", cases.len()),
    }
    cases
}

impl Bench {
    /// With an image of two platforms, of which one has to be read from its config.
    pub(super) async fn new(image: Image) -> Bench {
        let registry = Registry::docker_in_memory();
        let store = registry.store("undisturbed");
        images::push(&*store, &image).await.unwrap();
        let report = index(&store, "1", &options()).await;
        assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
        let expected = walk(&*store, &tagged("1-soci")).await.unwrap();
        assert!(prove(&expected).unwrap() >= 3);
        let layers = report.platforms.iter().flat_map(|p| &p.layers);
        let layers = layers.filter(|layer| layer.outcome == LayerOutcome::Indexed);
        let layers = layers.map(|layer| (layer.digest.clone(), layer.size));
        let in_v1 = registry.store("undisturbed-v1");
        images::push(&*in_v1, &image).await.unwrap();
        let report = index(&in_v1, "1", &options_of(IndexFormat::V1)).await;
        assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
        let expected_v1 = v1::found(&*in_v1, "1").await;
        assert_eq!(expected_v1.len(), 2, "one for each platform");
        let options = HttpOptions {
            idle_timeout: IDLE,
            ..HttpOptions::default()
        };
        Bench {
            registry,
            impatient: Http::new(options).unwrap(),
            patient: Http::new(HttpOptions::default()).unwrap(),
            image,
            expected,
            expected_v1,
            layers: layers.collect(),
            runs: AtomicUsize::new(0),
        }
    }

    /// Runs the job, and holds it to what must be true of every run: whatever is tagged is whole, the source is as it was, and a run
    /// without faults converges.
    pub(super) async fn run(&self, plan: Plan) -> Run {
        let number = self.runs.fetch_add(1, Ordering::SeqCst);
        let repository = format!("run/{number}");
        let direct = self.registry.store(&repository);
        images::push(&*direct, &self.image).await.unwrap();
        let mut options = options_of(plan.format);
        if plan.is_there {
            let report = index(&direct, "1", &options).await;
            assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
        }

        let layers: BTreeSet<String> = self.layers.keys().cloned().collect();
        let (host, rules) = (self.registry.host(), plan.rules.clone());
        let proxy = FaultProxy::start(host, plan.setup, layers, rules).await;
        let clock = Arc::new(Hurried::default());
        let begun = Instant::now();
        let retry = match plan.patience {
            None => RetryPolicy::default().deterministic(Arc::clone(&clock) as _, number as u64),
            Some(patience) => RetryPolicy::until(begun + patience),
        };
        let http = match plan.is_silent() {
            true => &self.impatient,
            false => &self.patient,
        };
        let store = proxy.store(http, &repository, retry);
        options.concurrency = NonZeroUsize::new(plan.concurrency).unwrap();
        options.force = plan.force;
        let most = plan.patience.unwrap_or_default() + MOST;
        let report = tokio::time::timeout(most, index(&store, "1", &options)).await;
        let report = report.unwrap_or_else(|_| panic!("{}: no end in {most:?}", plan.name));
        let mut run = Run {
            plan,
            repository,
            report,
            seen: proxy.seen(),
            waits: clock.waits(),
            elapsed: begun.elapsed(),
            is_tagged: false,
        };
        assert_eq!(proxy.violations(), [""; 0], "{run}");
        drop(proxy);
        match run.plan.format {
            IndexFormat::V2 => run.is_tagged = self.hold_to_what_is_always_true(&run).await,
            IndexFormat::V1 => self.hold_v1_to_what_is_always_true(&run).await,
        }
        run
    }

    /// The same of version 1, which sets no tag: what the image has is whole, and a run without faults has all of it.
    async fn hold_v1_to_what_is_always_true(&self, run: &Run) {
        let store = self.registry.patient_store(&run.repository);
        let source = store.resolve(&tagged("1")).await.unwrap();
        assert_eq!(source.digest.to_string(), self.image.root.digest(), "{run}");
        let found = v1::found(&*store, "1").await;
        let is_expected = |(subject, indexes)| self.expected_v1.get(subject) == Some(indexes);
        assert!(found.iter().all(is_expected), "{run}  the same bytes");
        let is_whole = found == self.expected_v1;
        let done = [Outcome::Indexed, Outcome::AlreadyIndexed].contains(&run.report.outcome);
        assert!(is_whole || !done, "{run}  done without an output");

        let second = index(&store, "1", &options_of(IndexFormat::V1)).await;
        let outcome = [Outcome::Indexed, Outcome::AlreadyIndexed][usize::from(is_whole)];
        assert_eq!(second.outcome, outcome, "{run}  second run: {second:?}");
        let found = v1::found(&*store, "1").await;
        assert!(
            found == self.expected_v1,
            "{run}  second run: the same bytes"
        );
    }

    /// Whether the output tag was there before the second run.
    async fn hold_to_what_is_always_true(&self, run: &Run) -> bool {
        let store = self.registry.patient_store(&run.repository);
        let mut has_output = false;
        for tag in store.tags().await.unwrap() {
            let found = walk(&*store, &Target::Tag(tag.clone())).await;
            let found = found.unwrap_or_else(|why| panic!("{run}  {tag} is not whole: {why}"));
            match tag.to_string().as_str() {
                "1" => assert_eq!(found.root.to_string(), self.image.root.digest(), "{run}"),
                "1-soci" => {
                    has_output = true;
                    assert!(found == self.expected, "{run}  the same bytes");
                    let structure = VerifyOptions {
                        level: Level::Structure,
                        ..VerifyOptions::default()
                    };
                    let target = Target::Tag(tag);
                    let verified = verify(&store, &target, String::new(), &structure).await;
                    let verified = verified.unwrap();
                    assert_eq!(verified.verdict, Proof::Proven, "{run}  {verified:?}");
                }
                other => panic!("{run}  a tag {other}"),
            }
        }
        let done = [Outcome::Indexed, Outcome::AlreadyIndexed].contains(&run.report.outcome);
        assert!(has_output || !done, "{run}  done without an output");

        let second = index(&store, "1", &options()).await;
        let outcome = if has_output {
            Outcome::AlreadyIndexed
        } else {
            Outcome::Indexed
        };
        assert_eq!(second.outcome, outcome, "{run}  second run: {second:?}");
        let found = store.resolve(&tagged("1-soci")).await.unwrap();
        assert_eq!(found.digest, self.expected.root, "{run}  second run");
        if !has_output {
            let found = walk(&*store, &tagged("1-soci")).await.unwrap();
            assert!(found == self.expected, "{run}  second run: the same bytes");
        }
        has_output
    }

    /// Bytes of the layers that are read.
    pub(super) fn layer_bytes(&self) -> u64 {
        self.layers.values().sum()
    }

    /// Requests that a run of this setup has when nothing goes wrong, by kind and by what they are about.
    pub(super) async fn undisturbed(&self, setup: Setup) -> Vec<Seen> {
        self.undisturbed_as(setup, IndexFormat::V2).await
    }

    /// The same of either format.
    pub(super) async fn undisturbed_as(&self, setup: Setup, format: IndexFormat) -> Vec<Seen> {
        let plan = Plan {
            setup,
            format,
            ..Plan::case("", "nothing goes wrong", Vec::new())
        };
        let run = self.run(plan).await;
        self.is_indexed(&run, run.seen.len());
        run.seen
    }

    /// The run ended well, in spite of faults that are over: every byte of a layer was consumed once, none that had arrived was fetched
    /// again, and there were no more requests than the faults explain. `undisturbed` requests are those without faults.
    pub(super) fn is_indexed(&self, run: &Run, undisturbed: usize) {
        assert_eq!(run.report.outcome, Outcome::Indexed, "{run}");
        let faults = run.seen.iter().filter(|seen| seen.fault.is_some());
        let mut calls_again = faults.clone().count();
        if run.plan.is_silent() {
            // What the machine's own silence made us ask for again is known by the wait before it.
            calls_again = calls_again.max(run.waits.len());
        }
        let most = undisturbed + REQUESTS_PER_FAULT * calls_again;
        assert!(run.seen.len() <= most, "{run}  at most {most} requests");
        // A layer that is damaged is read once more from its beginning; nothing else is. Where the first answer is too long or has a wrong
        // header, nothing was read yet. One that is too short is continued.
        let costs = |seen: &Seen| {
            let layer = self.layers[&seen.about];
            match seen.fault? {
                Fault::WrongByte(_) => Some(layer),
                Fault::WrongDigest if seen.first_byte > 0 => Some(layer),
                Fault::Long(by) if seen.first_byte > 0 => Some(layer + by as u64),
                _ => None,
            }
        };
        let of_layers = faults.filter(|seen| seen.ask.is_layer());
        let again: u64 = of_layers.filter_map(costs).sum();
        let downloaded = run.report.bytes.downloaded;
        let expected = self.layer_bytes() + again;
        if again == 0 {
            assert_eq!(downloaded, expected, "{run}  each byte of a layer once");
        }
        assert!(downloaded <= expected, "{run}  {downloaded} > {expected}");
        for digest in self.layers.keys() {
            each_part_begins_where_the_last_ended(run, digest);
        }
    }
}

impl Run {
    /// It failed with one of these kinds, and set no tag.
    pub(super) fn has_failed(&self, kinds: &[&str], retryable: bool) {
        assert_eq!(self.report.outcome, Outcome::Failed, "{self}");
        let kind = self.report.kind.unwrap_or_default();
        assert!(kinds.contains(&kind), "{self}  expected {kinds:?}");
        assert_eq!(self.report.retryable, Some(retryable), "{self}");
        assert_eq!(self.report.output, None, "{self}");
        assert!(!self.is_tagged, "{self}  the output tag is set");
    }

    /// Requests with which something went wrong.
    pub(super) fn faults(&self) -> usize {
        let with_fault = self.seen.iter().filter(|seen| seen.fault.is_some());
        with_fault.count()
    }
}

/// The bytes that arrived of a layer are asked for no second time. What a reset connection carried may be lost on the way.
fn each_part_begins_where_the_last_ended(run: &Run, digest: &str) {
    let mut next = 0;
    let mut lost = false;
    let parts = run.seen.iter();
    let parts = parts.filter(|seen| seen.ask.is_layer() && seen.about == digest);
    for part in parts {
        let begins_anew = part.first_byte == 0 && !lost && next > 0;
        let as_expected = match lost {
            true => part.first_byte <= next,
            false => part.first_byte == next || begins_anew,
        };
        assert!(
            as_expected,
            "{run}  {digest} from {}, had {next}",
            part.first_byte
        );
        let is_address = part.ask == Ask::ReadLayer && run.plan.setup.redirects;
        if is_address || part.fault.is_some_and(Fault::answers_otherwise) {
            continue;
        }
        let damages = part.fault.is_some_and(Fault::damages);
        next = if damages {
            0
        } else {
            part.first_byte + part.sent_bytes
        };
        lost = matches!(part.fault, Some(Fault::Reset(_) | Fault::Lost));
    }
}
