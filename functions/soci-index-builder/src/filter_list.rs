//! The filters: those of the configuration, or those of a parameter, which are kept for a while.

use std::time::{Duration, Instant};

use serde_json::json;
use soci_index::Filters;
use tokio::sync::Mutex;

use crate::aws::{Aws, Service};
use crate::invocation::InvocationFailed;
use crate::settings::{FilterSource, checked_filters};

/// How long a parameter's filters are kept: a change is followed within this time, and a burst of events asks once.
const KEPT: Duration = Duration::from_secs(300);

/// The filters as they were last read.
#[derive(Default)]
pub(crate) struct FilterList(Mutex<Option<(Instant, Filters)>>);

impl FilterList {
    /// The filters.
    ///
    /// # Errors
    /// When the parameter cannot be read, or holds none.
    pub(crate) async fn get(
        &self,
        source: &FilterSource,
        aws: Option<&Aws<'_>>,
        until: Instant,
    ) -> Result<Filters, InvocationFailed> {
        let name = match source {
            FilterSource::Here(filters) => return Ok(filters.clone()),
            FilterSource::Parameter(name) => name,
        };
        let mut kept = self.0.lock().await;
        if let Some((read_at, filters)) = &*kept
            && read_at.elapsed() < KEPT
        {
            return Ok(filters.clone());
        }
        let filters = read(name, aws, until).await?;
        *kept = Some((Instant::now(), filters.clone()));
        Ok(filters)
    }
}

async fn read(
    name: &str,
    aws: Option<&Aws<'_>>,
    until: Instant,
) -> Result<Filters, InvocationFailed> {
    let failed = |kind, message: String| InvocationFailed {
        kind,
        message: format!("the filters in the parameter {name} (SOCI_FILTERS_PARAMETER): {message}"),
    };
    let aws = aws.ok_or_else(|| failed("configuration", "there is no AWS to ask".to_owned()))?;
    let question = json!({"Name": name, "WithDecryption": true});
    let answer = aws
        .call(Service::Parameters, &question, until)
        .await
        .map_err(|error| failed(error.kind(), error.to_string()))?;
    let text = answer["Parameter"]["Value"].as_str();
    let text = text.ok_or_else(|| failed("configuration", "the answer has no value".to_owned()))?;
    checked_filters(text.trim())
        .map_err(|problem| failed("configuration", format!("the value {problem}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn filters_at_hand_need_nobody() {
        let source = FilterSource::Here("a:*".parse().expect("a filter"));
        let now = Instant::now();
        let found = FilterList::default().get(&source, None, now).await;
        assert_eq!(found, Ok("a:*".parse().expect("a filter")));
        let source = FilterSource::Parameter("/soci/filters".to_owned());
        let error = FilterList::default()
            .get(&source, None, now)
            .await
            .expect_err("no AWS");
        assert_eq!(error.kind, "configuration");
        assert!(error.message.contains("/soci/filters"), "{error}");
    }
}
