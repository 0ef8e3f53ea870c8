//! The flow, from the registry's start to the last file that is removed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use soci_index::{Level, Proof, VerifyOptions};
use soci_registry::{
    Anonymous, Http, HttpOptions, Pending, RegistryOptions, RegistryStore, RepositoryName, Store,
    Tag, Target,
};
use tempfile::TempDir;

use crate::audience::Audience;
use crate::copy::Copier;
use crate::error::DemoError;
use crate::function::{Done, Function};
use crate::image::{Image, Plan};
use crate::lines;
use crate::proof;
use crate::registry::EmbeddedRegistry;
use crate::stop::Stop;

/// Where the image goes.
const REPOSITORY: &str = "demo/app";

/// How often the removal of the folder is tried while threads that were told to end still write, and what lies between.
const REMOVALS: usize = 50;
const REMOVAL_PAUSE: Duration = Duration::from_millis(40);

/// How a demonstration is to go.
pub struct Options {
    /// The registry's port on 127.0.0.1; 0 is any that is free.
    pub port: u16,
    /// Which image.
    pub what: What,
    /// Whether the registry stays, and the function with it, until somebody ends it.
    pub keep: bool,
    /// Layers with fewer compressed bytes get no zTOC.
    pub min_layer_bytes: u64,
    /// Called when the image is indexed and nothing of it is verified yet: here tests damage what they expect to be found.
    pub after_indexing: Option<AfterIndexing>,
}

/// See [`Options::after_indexing`].
pub type AfterIndexing = Box<dyn FnOnce(Indexed) -> Pending<'static, ()> + Send + Sync>;

/// What [`Options::after_indexing`] is told.
pub struct Indexed {
    /// The repository.
    pub store: Arc<dyn Store>,
    /// The tag of the result.
    pub output: Tag,
    /// The registry's files, those of blobs in `blobs` under the digits of their digests.
    pub folder: PathBuf,
}

/// Which image.
pub enum What {
    /// One that is made of files of this machine.
    Made(Plan),
    /// One that is somewhere.
    Given(Given),
}

/// An image that is somewhere.
pub struct Given {
    /// Where it lives.
    pub store: Arc<dyn Store>,
    /// Which one.
    pub target: Target,
    /// The reference as it was given.
    pub name: String,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Indexed, and proven.
    Proven,
    /// The function had nothing to index, by decision.
    Skipped,
}

/// Goes through all of it, until the end or until `end` is ready.
///
/// # Errors
/// [`DemoError`]: what went wrong, or what is wrong with what was indexed.
pub async fn run(
    options: Options,
    audience: Arc<dyn Audience>,
    end: impl Future<Output = ()>,
) -> Result<Ending, DemoError> {
    let folder = tempfile::Builder::new().prefix("soci-demo-").tempdir();
    let folder = folder
        .map_err(|error| DemoError::file("make a folder in", &std::env::temp_dir(), error))?;
    let stop = Stop::default();
    let result = watched(options, &folder, &*audience, &stop, end).await;
    stop.set();
    let removed = remove(folder).await;
    let ending = result?;
    removed.map(|()| ending)
}

/// All but the removal of files. What it started has ended or is about to when it returns.
async fn watched(
    options: Options,
    folder: &TempDir,
    audience: &dyn Audience,
    stop: &Stop,
    end: impl Future<Output = ()>,
) -> Result<Ending, DemoError> {
    let mut end = pin!(end);
    let keep = options.keep;
    let main = async {
        let mut demo = Demo::start(&options, folder.path(), audience).await?;
        let ending = demo.go(options, stop).await?;
        Ok::<_, DemoError>((demo, ending))
    };
    let (mut demo, ending) = tokio::select! {
        done = main => done?,
        () = &mut end => return Err(DemoError::Interrupted),
    };
    if keep {
        audience.say(&lines::invitation(&demo.host));
        tokio::select! {
            never = demo.listen() => never?,
            () = end => {}
        }
    }
    Ok(ending)
}

async fn remove(folder: TempDir) -> Result<(), DemoError> {
    let path = folder.keep();
    let mut removed = Ok(());
    for _ in 0..REMOVALS {
        removed = tokio::fs::remove_dir_all(&path).await;
        match &removed {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(_) => tokio::time::sleep(REMOVAL_PAUSE).await,
        }
    }
    removed.map_err(|error| DemoError::file("remove", &path, error))
}

/// What runs.
struct Demo<'a> {
    audience: &'a dyn Audience,
    folder: &'a Path,
    host: String,
    store: Arc<dyn Store>,
    function: Function,
    /// Kept for its end.
    _registry: EmbeddedRegistry,
}

impl<'a> Demo<'a> {
    async fn start(
        options: &Options,
        folder: &'a Path,
        audience: &'a dyn Audience,
    ) -> Result<Demo<'a>, DemoError> {
        let port = options.port;
        let started = EmbeddedRegistry::start(&folder.join("registry"), port).await;
        let (registry, pushes) = started.map_err(|error| DemoError::Listen { port, error })?;
        let host = registry.host();
        let http = Http::new(HttpOptions::default())?;
        let repository: RepositoryName = format!("{host}/{REPOSITORY}").parse().expect("it is one");
        let store = RegistryStore::new(
            &http,
            repository,
            Arc::new(Anonymous),
            RegistryOptions {
                plain_http: true,
                ..RegistryOptions::default()
            },
        );
        let function = Function::start(
            &http,
            &host,
            options.min_layer_bytes,
            audience.layers(),
            pushes,
        );
        audience.say(&lines::registry(&host, folder));
        Ok(Demo {
            audience,
            folder,
            host,
            store: Arc::new(store),
            function,
            _registry: registry,
        })
    }

    async fn go(&mut self, options: Options, stop: &Stop) -> Result<Ending, DemoError> {
        let (tag, image) = match &options.what {
            What::Made(plan) => {
                let tag = Tag::new("1").expect("it is one");
                let image = self.make_and_push(plan, &tag, stop).await?;
                (tag, Some(image))
            }
            What::Given(given) => (self.copy(given).await?, None),
        };
        self.audience.say(&lines::event(REPOSITORY, &tag));
        let (report, own) = self.outcome(&tag).await?;
        self.audience.say(&lines::report(&report));
        self.audience.say(&lines::own_events(&own));
        let output = output_of(&report);
        let Some(output) = output.filter(|_| report["outcome"] != "skipped") else {
            return Ok(Ending::Skipped);
        };
        if let Some(call) = options.after_indexing {
            let (store, output) = (Arc::clone(&self.store), output.clone());
            let folder = self.folder.join("registry");
            call(Indexed {
                store,
                output,
                folder,
            })
            .await;
        }
        match &image {
            Some(image) => self.prove_files(&output, image).await?,
            None => self.prove_ztocs(&output).await?,
        }
        self.audience
            .say(&lines::end(&self.host, REPOSITORY, &output));
        Ok(Ending::Proven)
    }

    async fn make_and_push(&self, plan: &Plan, tag: &Tag, stop: &Stop) -> Result<Image, DemoError> {
        let begun = Instant::now();
        let image = Image::make(plan, self.folder, self.audience, stop).await?;
        self.audience
            .say(&lines::image(&image, plan, begun.elapsed()));
        let begun = Instant::now();
        image.push(&*self.store, tag, self.audience).await?;
        let name = format!("{}/{REPOSITORY}:{tag}", self.host);
        self.audience.say(&lines::pushed(
            &name,
            image.compressed_bytes(),
            begun.elapsed(),
        ));
        Ok(image)
    }

    async fn copy(&self, given: &Given) -> Result<Tag, DemoError> {
        let begun = Instant::now();
        let tag = match &given.target {
            Target::Tag(tag) => Tag::new(tag.as_str()).ok(),
            Target::Digest(_) | Target::OnlyEntry => None,
        };
        let tag = tag.unwrap_or_else(|| Tag::new("copied").expect("it is one"));
        let mut copier = Copier {
            from: &*given.store,
            to: &*self.store,
            folder: self.folder,
            audience: self.audience,
            done: BTreeSet::new(),
            bytes: 0,
        };
        copier.copy(&given.target, &tag).await?;
        let name = format!("{} as {}/{REPOSITORY}:{tag}", given.name, self.host);
        self.audience
            .say(&lines::pushed(&name, copier.bytes, begun.elapsed()));
        Ok(tag)
    }

    /// The report on the image, once what the function wrote has come back to it and ended as well.
    async fn outcome(&mut self, tag: &Tag) -> Result<(Value, Vec<Done>), DemoError> {
        let mut report = None;
        let mut own = Vec::new();
        loop {
            let done = self.function.next().await.ok_or(DemoError::Worker)?;
            let is_quiet = done.waiting == 0;
            let is_of_image = done.push.tag.as_deref() == Some(tag.as_str());
            if is_of_image && done.push.repository == REPOSITORY && report.is_none() {
                report = Some(succeeded(done)?);
            } else {
                own.push(done);
            }
            if let Some(report) = report.take_if(|_| is_quiet) {
                return Ok((report, own));
            }
        }
    }

    async fn prove_files(&self, output: &Tag, image: &Image) -> Result<(), DemoError> {
        let begun = Instant::now();
        let proven = proof::of(&self.store, output, image, self.audience).await?;
        self.audience.say(&lines::proven(&proven, begun.elapsed()));
        Ok(())
    }

    async fn prove_ztocs(&self, output: &Tag) -> Result<(), DemoError> {
        let begun = Instant::now();
        let options = VerifyOptions {
            level: Level::Full,
            progress: self.audience.layers(),
            ..VerifyOptions::default()
        };
        let target = Target::Tag(output.clone());
        let name = output.to_string();
        let verified = soci_index::verify(&self.store, &target, name, &options).await?;
        if verified.verdict != Proof::Proven {
            let each = verified
                .platforms
                .iter()
                .flat_map(|platform| &platform.findings);
            let wrong: Vec<_> = verified
                .findings
                .iter()
                .chain(each)
                .map(ToString::to_string)
                .collect();
            return Err(DemoError::wrong(
                &wrong,
                verified.platforms.len(),
                "platforms, findings",
            ));
        }
        self.audience
            .say(&lines::verified(&verified, begun.elapsed()));
        Ok(())
    }

    /// Tells of whatever is pushed from now on.
    async fn listen(&mut self) -> Result<(), DemoError> {
        loop {
            let done = self.function.next().await.ok_or(DemoError::Worker)?;
            if let Some(line) = lines::of_push(&self.host, &done) {
                self.audience.say(&line);
            }
        }
    }
}

/// The report of an invocation that did not fail, on an image that did not either.
fn succeeded(done: Done) -> Result<Value, DemoError> {
    let report = done
        .result
        .map_err(|failed| DemoError::Function(failed.to_string()))?;
    if report["outcome"] == "failed" {
        let text = |field: &str| report[field].as_str().unwrap_or_default().to_owned();
        return Err(DemoError::Function(format!(
            "{}: {}",
            text("kind"),
            text("error")
        )));
    }
    Ok(report)
}

/// The tag under which the result lies.
fn output_of(report: &Value) -> Option<Tag> {
    let reference = report["output"]["reference"].as_str()?;
    Tag::new(reference.rsplit_once(':')?.1).ok()
}
