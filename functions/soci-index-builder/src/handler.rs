//! One invocation from its payload to its answer.
//!
//! How the outcome of an image becomes that of the invocation:
//!
//! | image | invocation |
//! |---|---|
//! | indexed, indexed already, skipped | succeeds |
//! | failed for good | succeeds: trying again would not help; the metric `Failed`, a line of the log and the result's event tell of it |
//! | failed for now | fails: Lambda tries again, and puts the event into the failure queue in the end |
//!
//! Of several images, one that failed for now is enough. A wrong configuration fails every invocation but that of a stack, which is answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

use serde_json::{Value, json};
use soci_index::{Ceiling, Filters, Outcome, Reason, Report};
use tracing::Instrument as _;

use crate::answer;
use crate::aws::Aws;
use crate::decide::{Decision, decide};
use crate::filter_list::FilterList;
use crate::images::{self, Image};
use crate::invocation::{Invocation, InvocationFailed};
use crate::payload::{self, CustomResourceRequest, ImageRequest, Occasion, Refused, Request};
use crate::seen::{events, metrics::ImageMetrics};
use crate::services::Services;
use crate::settings::{Faults, Settings};
use crate::stack;
use crate::time_left;

/// What a payload that cannot be worked on fails as: whoever sends it is set up wrongly.
const REFUSED: &str = "configuration";

/// The function.
pub struct Handler {
    settings: Result<Settings, Faults>,
    services: Services,
    filters: FilterList,
    was_invoked: AtomicBool,
}

impl Handler {
    /// With this configuration, which may be a wrong one.
    #[must_use]
    pub fn new(settings: Result<Settings, Faults>, services: Services) -> Handler {
        Handler {
            settings,
            services,
            filters: FilterList::default(),
            was_invoked: AtomicBool::new(false),
        }
    }

    /// Does what the payload asks for, which is any bytes. The answer holds a report for each image, in the order of the request.
    ///
    /// # Errors
    /// When Lambda should try again.
    pub async fn handle(
        &self,
        payload: &[u8],
        invocation: &Invocation,
    ) -> Result<Value, InvocationFailed> {
        let cold_start = !self.was_invoked.swap(true, Ordering::Relaxed);
        let request = payload::read(payload, &invocation.here);
        let span = span(invocation, event_image(&request));
        let begun = Instant::now();
        let run = Run {
            handler: self,
            invocation,
            cold_start,
            begun,
            stop: time_left::stop_at(begun, invocation.end),
        };
        async {
            let result = match request {
                Ok(Request::CustomResource(request)) => run.stack(&request).await,
                request => run.images(request).await,
            };
            if let Err(error) = &result {
                tracing::error!(
                    kind = error.kind,
                    error = error.message,
                    "the invocation fails"
                );
            }
            result
        }
        .instrument(span)
        .await
    }
}

/// One invocation.
struct Run<'a> {
    handler: &'a Handler,
    invocation: &'a Invocation,
    cold_start: bool,
    begun: Instant,
    /// When work has to end.
    stop: Instant,
}

impl Run<'_> {
    async fn images(&self, request: Result<Request, Refused>) -> Result<Value, InvocationFailed> {
        let settings = self.settings()?;
        let images = match request {
            Ok(Request::Event(image)) => vec![Ok(image)],
            Ok(Request::Manual(images)) => images,
            Ok(Request::CustomResource(_)) => Vec::new(),
            Err(refused) => vec![Err(refused)],
        };
        // What somebody wishes is not filtered, so it does not depend on whether filters can be read.
        let is_event = |image: &Result<ImageRequest, Refused>| matches!(image, Ok(image) if image.occasion != Occasion::Wish);
        let filters = match images.iter().any(is_event) {
            true => self.filters(settings).await?,
            false => Filters::default(),
        };
        let mut reports = Vec::with_capacity(images.len());
        for image in images {
            reports.push(self.image(settings, &filters, image).await);
        }
        answer::of(&reports)
    }

    /// One image, in a span of its own: every line that is written meanwhile names it.
    async fn image(
        &self,
        settings: &Settings,
        filters: &Filters,
        request: Result<ImageRequest, Refused>,
    ) -> Report {
        let span = span(self.invocation, request.as_ref().ok());
        async {
            let report = match &request {
                Err(refused) => refused_report("(payload)", refused),
                Ok(image) => self.decided(settings, filters, image).await,
            };
            self.tell(settings, request.as_ref().ok(), &report).await;
            report
        }
        .instrument(span)
        .await
    }

    async fn decided(
        &self,
        settings: &Settings,
        filters: &Filters,
        request: &ImageRequest,
    ) -> Report {
        let image = match Image::locate(settings, request) {
            Ok(image) => image,
            Err(refused) => return refused_report(&request.repository, &refused),
        };
        match decide(request, filters, settings.format) {
            Decision::Refuse(refused) => refused_report(&image.name, &refused),
            Decision::Skip(reason) => Report {
                reason: Some(reason),
                digest: request.digest.map(|digest| digest.to_string()),
                ..Report::empty(image.name, Outcome::Skipped)
            },
            Decision::Index(target) => {
                let services = &self.handler.services;
                let ceiling = self.ceiling(settings);
                let report =
                    images::index(services, settings, image, target, ceiling, self.stop).await;
                match request.occasion {
                    Occasion::Event {
                        is_replica: true, ..
                    } => images::of_replica(report),
                    Occasion::Event { .. } | Occasion::Wish => report,
                }
            }
        }
    }

    /// What is too large for a whole invocation. What only comes late in a long list runs out of time instead, so that Lambda tries again,
    /// when those before it are done.
    fn ceiling(&self, settings: &Settings) -> Ceiling {
        let whole = self.stop.saturating_duration_since(self.begun);
        time_left::ceiling(whole, settings.cores())
    }

    /// Says what became of an image: in the log, as an event, as metrics.
    async fn tell(&self, settings: &Settings, request: Option<&ImageRequest>, report: &Report) {
        log(report);
        let event_lost = match &settings.result_event_bus {
            Some(bus) if is_news(report) => !self.put_event(settings, bus, request, report).await,
            _ => false,
        };
        let metrics = ImageMetrics {
            report,
            function_name: &settings.function_name,
            request_id: &self.invocation.request_id,
            cold_start: self.cold_start,
            event_lost,
            at: SystemTime::now(),
        };
        self.handler.services.write_metrics(&metrics.line());
    }

    /// Whether the bus took it.
    async fn put_event(
        &self,
        settings: &Settings,
        bus: &str,
        request: Option<&ImageRequest>,
        report: &Report,
    ) -> bool {
        let until = time_left::half_way(self.stop, self.invocation.end);
        match self.aws(settings).await {
            Some(aws) => events::put(&aws, bus, request, report, until).await,
            None => {
                tracing::error!(bus, "there is no AWS whose bus could be told");
                false
            }
        }
    }

    async fn stack(&self, request: &CustomResourceRequest) -> Result<Value, InvocationFailed> {
        let filters = match self.settings() {
            Ok(settings) if request.change == payload::Change::Set => self.filters(settings).await,
            Ok(_) => Ok(Filters::default()),
            Err(error) => Err(error),
        };
        let answer = stack::answer(request, filters.as_ref());
        let success = answer.success;
        tracing::info!(success, change = ?request.change, "a stack is answered");
        let http = &self.handler.services.http;
        stack::hand_over(http, request, answer, self.stop).await?;
        Ok(json!({"status": if success { "SUCCESS" } else { "FAILED" }}))
    }

    fn settings(&self) -> Result<&Settings, InvocationFailed> {
        let settings = self.handler.settings.as_ref();
        settings.map_err(|faults| InvocationFailed {
            kind: "configuration",
            message: faults.to_string(),
        })
    }

    async fn filters(&self, settings: &Settings) -> Result<Filters, InvocationFailed> {
        let aws = self.aws(settings).await;
        // A stack that waits has to be answered in the rest of the time.
        let until = time_left::half_way(Instant::now(), self.stop);
        self.handler
            .filters
            .get(&settings.filters, aws.as_ref(), until)
            .await
    }

    async fn aws<'s>(&'s self, settings: &'s Settings) -> Option<Aws<'s>> {
        let region = self.invocation.here.region.as_str();
        let services = &self.handler.services;
        let config = services.aws.as_ref()?.aws_config(region).await;
        let dns_suffix = settings.dns_suffix.as_deref();
        Some(Aws {
            http: &services.http,
            config,
            region,
            dns_suffix: dns_suffix.unwrap_or_else(|| soci_ecr::suffix_of(region)),
        })
    }
}

/// In it every line names the invocation, and the image as far as it is known. It is of the highest level: a log of fewer lines is none of
/// lines that do not say what they are about.
fn span(invocation: &Invocation, image: Option<&ImageRequest>) -> tracing::Span {
    tracing::error_span!(
        "image",
        request_id = invocation.request_id,
        repository = image.map(|image| image.repository.as_str()),
        tag = image.and_then(|image| image.tag.as_deref()),
        digest = image.and_then(|image| image.digest.map(|digest| digest.to_string())),
    )
}

/// The one image that an invocation is about. Somebody's request may be about several.
fn event_image(request: &Result<Request, Refused>) -> Option<&ImageRequest> {
    match request {
        Ok(Request::Event(image)) => Some(image),
        _ => None,
    }
}

fn refused_report(image: &str, refused: &Refused) -> Report {
    Report {
        kind: Some(REFUSED),
        retryable: Some(false),
        error: Some(refused.to_string()),
        ..Report::empty(image.to_owned(), Outcome::Failed)
    }
}

/// Whether anybody outside wants to know: not of events that were never about an image to be indexed.
fn is_news(report: &Report) -> bool {
    !matches!(
        report.reason,
        Some(Reason::NotMatched | Reason::IgnoredAction | Reason::Untagged | Reason::OwnOutput)
    )
}

fn log(report: &Report) {
    let span = tracing::Span::current();
    if let Some(digest) = &report.digest {
        span.record("digest", digest.as_str());
    }
    let outcome = report.outcome.as_str();
    let output = report.output.as_ref();
    let (output, output_digest) = (
        output.map(|output| output.reference.as_str()),
        output.and_then(|output| output.digest.as_deref()),
    );
    let reason = report.reason.map(Reason::as_str);
    let (seconds, downloaded_bytes) = (report.seconds, report.bytes.downloaded);
    match &report.error {
        None => tracing::info!(
            image = report.image,
            outcome,
            reason,
            output,
            output_digest,
            seconds,
            downloaded_bytes,
            "image done"
        ),
        Some(error) => tracing::error!(
            image = report.image,
            outcome,
            kind = report.kind,
            retryable = report.retryable,
            error,
            seconds,
            downloaded_bytes,
            "image failed"
        ),
    }
}
